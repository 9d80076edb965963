using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Protocol.V1;

namespace ScoringEngine.Server.Commands;

/// <summary>Customers of a file, on their way into a store.</summary>
/// <param name="Customers">The customers.</param>
/// <param name="EndRow">How many rows of the file there are up to the last of these, rows that could not be read left out.</param>
/// <param name="Progress">The share of the file that is read with these, 0..1; NaN when unknown.</param>
internal sealed record FileBlock(CustomerBlock Customers, long EndRow, double Progress);

/// <summary>Reads a file of customers as blocks, and remembers on which line each row stood. One thread at a time.</summary>
internal sealed class FileBlocks(CustomerFile file, CategoryDictionary categories)
{
    private readonly CustomerBlockWriter _writer = new(categories);

    private readonly RowLines _lines = new();

    // By hash: 64 bits tell ten million ids apart with a chance of one in 10^5 that any two are mistaken for one.
    private readonly HashSet<ulong> _seen = [];

    private bool _ended;

    /// <summary>Rows read, but for those that could not be.</summary>
    public long Rows { get; private set; }

    /// <summary>Rows whose id came before in the file.</summary>
    public long Duplicates { get; private set; }

    /// <summary>The next block; null at the end.</summary>
    public FileBlock? Next()
    {
        while (!_ended && file.Read())
        {
            FileBlock? full = null;
            if (!_writer.TryAdd(file.Id, file.Values))
            {
                full = Take();
                _writer.TryAdd(file.Id, file.Values);
            }
            Note();
            if (full is not null)
            {
                return full;
            }
        }
        _ended = true;
        return _writer.IsEmpty ? null : Take();
    }

    /// <summary>The line on which a row starts.</summary>
    /// <param name="row">From 0.</param>
    public long LineOf(long row) => _lines.Of(row);

    private FileBlock Take() => new(_writer.Take(), Rows, file.Progress);

    private void Note()
    {
        _lines.Add(Rows++, file.Table.Line);
        Duplicates += _seen.Add(Hash(file.Id)) ? 0 : 1;
    }

    private static ulong Hash(ReadOnlySpan<byte> id)
    {
        ulong hash = SeededRandom.Mix((ulong)id.Length);
        foreach (byte b in id)
        {
            hash = SeededRandom.Mix(hash ^ b);
        }
        return hash;
    }
}
