using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Rules;

/// <summary>
/// Up to 64 rows and their scores, column by column, so that many rules run on all of them at once. Made once and filled again and again; not
/// thread-safe.
/// </summary>
public sealed class RuleBlock
{
    /// <summary>Most rows.</summary>
    public const int Capacity = 64;

    private readonly int _features;

    // [subject x Capacity], scores first. What stands behind the rows of a column is of earlier blocks and means nothing.
    private readonly float[] _columns;

    /// <summary>A block for rows of a schema.</summary>
    public RuleBlock(FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        _features = schema.Count;
        _columns = new float[(RuleSubject.Scores + _features) * Capacity];
    }

    /// <summary>Rows in it, 0 to <see cref="Capacity"/>.</summary>
    public int Count { get; private set; }

    internal ReadOnlySpan<float> Columns => _columns;

    /// <summary>Takes rows in place of those before.</summary>
    /// <param name="rows">[count x columns], row-major: all features of the schema first, context included; NaN is missing.</param>
    /// <param name="columns">Values of a row, at least the schema's features.</param>
    /// <param name="scores">Scores by row: as many as there are rows, at most <see cref="Capacity"/>.</param>
    /// <exception cref="ArgumentException">Too many rows, or too few values.</exception>
    public void Fill(ReadOnlySpan<float> rows, int columns, ReadOnlySpan<RuleScores> scores)
    {
        if (scores.Length > Capacity || columns < _features || rows.Length < scores.Length * columns)
        {
            throw new ArgumentException(
                $"{scores.Length} rows in {rows.Length} values, {columns} each, expected at most {Capacity} of at least {_features}", nameof(rows));
        }
        Count = scores.Length;
        for (int subject = -RuleSubject.Scores; subject < 0; subject++)
        {
            Span<float> column = ColumnOf(subject);
            for (int r = 0; r < scores.Length; r++)
            {
                column[r] = RuleSubject.ScoreOf(subject, scores[r]);
            }
        }
        for (int feature = 0; feature < _features; feature++)
        {
            Span<float> column = ColumnOf(feature)[..scores.Length];
            for (int r = 0, at = feature; r < column.Length; r++, at += columns)
            {
                column[r] = rows[at];
            }
        }
    }

    internal static ReadOnlySpan<float> Column(ReadOnlySpan<float> columns, int subject)
        => columns.Slice((RuleSubject.Scores + subject) * Capacity, Capacity);

    private Span<float> ColumnOf(int subject) => _columns.AsSpan((RuleSubject.Scores + subject) * Capacity, Capacity);
}
