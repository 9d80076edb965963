using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Quantised rows in the layout of training: groups of 8 columns, each group one <see cref="ulong"/> a row whose byte i
/// (from the low end) is column 8 * group + i. One load brings 8 bins of a row, and consecutive additions fall into
/// different histograms. Immutable and thread-safe.
/// </summary>
public sealed class QuantisedMatrix
{
    internal const int GroupColumns = 8;
    private const int BlockRows = 1024;
    private readonly ulong[][] _groups;

    private QuantisedMatrix(Quantiser quantiser, int rows, ulong[][] groups)
    {
        Quantiser = quantiser;
        Rows = rows;
        _groups = groups;
    }

    /// <summary>What made the bins.</summary>
    public Quantiser Quantiser { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of byte columns.</summary>
    public int Columns => Quantiser.Columns.Length;

    internal int GroupCount => _groups.Length;

    /// <summary>The bin of a row in a column.</summary>
    public byte this[int row, int column] => (byte)(_groups[column / GroupColumns][row] >> Shift(column));

    /// <summary>A copy of the rows at <paramref name="rows"/>, in that order.</summary>
    public QuantisedMatrix Select(ReadOnlySpan<int> rows)
    {
        ulong[][] groups = new ulong[GroupCount][];
        for (int g = 0; g < groups.Length; g++)
        {
            groups[g] = new ulong[rows.Length];
            for (int i = 0; i < rows.Length; i++)
            {
                groups[g][i] = _groups[g][rows[i]];
            }
        }
        return new QuantisedMatrix(Quantiser, rows.Length, groups);
    }

    /// <summary>Quantises rows; <paramref name="known"/> has the bins of columns that are not made from the rows' values, by column.</summary>
    internal static QuantisedMatrix From(Quantiser quantiser, FeatureMatrix rows, int threads, IReadOnlyDictionary<int, byte[]>? known = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Columns != quantiser.RowLength)
        {
            throw new ArgumentException($"expected {quantiser.RowLength} columns, found {rows.Columns}", nameof(rows));
        }
        int columns = quantiser.Columns.Length;
        ulong[][] groups = new ulong[(columns + GroupColumns - 1) / GroupColumns][];
        for (int g = 0; g < groups.Length; g++)
        {
            groups[g] = new ulong[rows.Rows];
        }
        new Workers(threads, CancellationToken.None).For((rows.Rows + BlockRows - 1) / BlockRows, block =>
        {
            int start = block * BlockRows;
            int count = Math.Min(BlockRows, rows.Rows - start);
            byte[] bins = new byte[count * columns];
            quantiser.Quantise(rows.Values.AsSpan((int)Math.Min((long)start * rows.Columns, rows.Values.Length)), count, rows.Columns, bins);
            for (int c = 0; c < columns; c++)
            {
                Span<ulong> target = groups[c / GroupColumns].AsSpan(start, count);
                ReadOnlySpan<byte> source = known is not null && known.TryGetValue(c, out byte[]? column)
                    ? column.AsSpan(start, count) : bins.AsSpan(c * count, count);
                for (int i = 0; i < count; i++)
                {
                    target[i] |= (ulong)source[i] << Shift(c);
                }
            }
        });
        return new QuantisedMatrix(quantiser, rows.Rows, groups);
    }

    internal static int Shift(int column) => 8 * (column % GroupColumns);

    internal ulong[] Group(int group) => _groups[group];
}
