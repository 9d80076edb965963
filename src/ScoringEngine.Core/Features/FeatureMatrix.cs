namespace ScoringEngine.Core.Features;

/// <summary>
/// Rows of feature values held in memory: [rows x columns], row-major float32, NaN is missing.
/// </summary>
public sealed class FeatureMatrix
{
    /// <summary>Wraps <paramref name="values"/>, which is not copied.</summary>
    /// <exception cref="ArgumentException">The length is not rows x columns.</exception>
    public FeatureMatrix(int rows, int columns, float[] values)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        ArgumentNullException.ThrowIfNull(values);
        if (values.LongLength != (long)rows * columns)
        {
            throw new ArgumentException($"expected {rows} x {columns} values, found {values.LongLength}", nameof(values));
        }
        Rows = rows;
        Columns = columns;
        Values = values;
    }

    /// <summary>A matrix of zeros.</summary>
    public FeatureMatrix(int rows, int columns)
        : this(rows, columns, new float[checked(rows * columns)])
    {
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>The values, row-major.</summary>
    public float[] Values { get; }

    /// <summary>One row.</summary>
    public Span<float> Row(int row) => Values.AsSpan(row * Columns, Columns);

    /// <summary>The value at a row and column.</summary>
    public float this[int row, int column]
    {
        get => Values[(row * Columns) + column];
        set => Values[(row * Columns) + column] = value;
    }

    /// <summary>A copy of the rows at <paramref name="rows"/>, in that order.</summary>
    public FeatureMatrix Select(ReadOnlySpan<int> rows)
    {
        FeatureMatrix result = new(rows.Length, Columns);
        for (int i = 0; i < rows.Length; i++)
        {
            Row(rows[i]).CopyTo(result.Row(i));
        }
        return result;
    }
}
