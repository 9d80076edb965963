using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Models;

/// <summary>The customers of a training file, in memory. Where an id comes twice, the last row stands, in the first one's place.</summary>
public sealed class CustomerTable
{
    private readonly Dictionary<string, int> _rowById;

    private CustomerTable(string name, FeatureMatrix rows, float[] targets, ulong[] hashes, Dictionary<string, int> rowById, long duplicates, string fingerprint)
    {
        Name = name;
        Rows = rows;
        Targets = targets;
        Hashes = hashes;
        _rowById = rowById;
        Duplicates = duplicates;
        Fingerprint = fingerprint;
    }

    /// <summary>Name of the file without its folder.</summary>
    public string Name { get; }

    /// <summary>
    /// [customers x features of the schema], context features at their defaults unless the file has them. Categories that
    /// the schema does not list are NaN.
    /// </summary>
    public FeatureMatrix Rows { get; }

    /// <summary>Profit target of each customer; NaN without a target.</summary>
    public float[] Targets { get; }

    /// <summary><see cref="CustomerHash"/> of each id, salt 0.</summary>
    public ulong[] Hashes { get; }

    /// <summary>Number of customers.</summary>
    public int Count => Rows.Rows;

    /// <summary>Rows that an id of an earlier row replaced.</summary>
    public long Duplicates { get; }

    /// <summary>SHA-256 over ids, values and targets of the rows as read, lower-case hexadecimal.</summary>
    public string Fingerprint { get; }

    /// <summary>The row of a customer, or -1.</summary>
    public int RowOf(string id) => _rowById.GetValueOrDefault(id, -1);

    /// <summary>Reads a file to its end.</summary>
    /// <param name="file">Opened with context.</param>
    /// <param name="progress">Told the share read, 0..1 or NaN.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="InvalidDataException">It holds more values than one array can.</exception>
    public static CustomerTable Read(CustomerFile file, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        int columns = file.Values.Length;
        List<float> values = [];
        List<float> targets = [];
        List<ulong> hashes = [];
        Dictionary<string, int> rowById = new(StringComparer.Ordinal);
        using IncrementalHash fingerprint = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long duplicates = 0;
        long read = 0;
        while (file.Read())
        {
            if (values.Count > Array.MaxLength - columns)
            {
                throw new InvalidDataException($"{file.Table.Name}:{file.Table.Line}: over {targets.Count} customers of {columns} features do not fit one training table; train on a sample");
            }
            float target = file.Target;
            fingerprint.AppendData(file.Id);
            fingerprint.AppendData(MemoryMarshal.AsBytes(file.Values));
            fingerprint.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<float>(in target)));
            ref int row = ref CollectionsMarshal.GetValueRefOrAddDefault(rowById, Encoding.UTF8.GetString(file.Id), out bool exists);
            if (exists)
            {
                duplicates++;
                file.Values.CopyTo(CollectionsMarshal.AsSpan(values)[(row * columns)..]);
                targets[row] = target;
            }
            else
            {
                row = targets.Count;
                values.AddRange(file.Values);
                targets.Add(target);
                hashes.Add(CustomerHash.Of(file.Id));
            }
            if (++read % 4096 == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(file.Progress);
            }
        }
        FeatureMatrix rows = new(targets.Count, columns, [.. values]);
        file.Schema.DropUnknownCategories(rows.Values);
        return new CustomerTable(
            Path.GetFileName(file.Table.Name), rows, [.. targets], [.. hashes], rowById, duplicates,
            Convert.ToHexStringLower(fingerprint.GetHashAndReset()));
    }
}
