using System.Collections.Immutable;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>What a <see cref="LogisticTerm"/> asks of its feature.</summary>
public enum LogisticTermKind
{
    /// <summary>The standardised number; 0 where it is missing.</summary>
    Number,

    /// <summary>1 where the feature is a certain category.</summary>
    Category,

    /// <summary>1 where the feature is missing.</summary>
    Missing,
}

/// <summary>One summand of a <see cref="LogisticRegression"/>.</summary>
/// <param name="Feature">Position of the feature in a row.</param>
/// <param name="Kind">What is asked.</param>
/// <param name="Category">Code of the category; 0 for other kinds.</param>
/// <param name="Mean">Mean of the number in training; 0 for other kinds.</param>
/// <param name="Scale">Standard deviation of the number in training, above 0; 1 for other kinds.</param>
/// <param name="Weight">Factor on the answer.</param>
/// <param name="Average">Mean answer of the training rows.</param>
public readonly record struct LogisticTerm(
    int Feature, LogisticTermKind Kind, int Category, double Mean, double Scale, double Weight, double Average)
{
    /// <summary>Standard deviations beyond which a number counts no further: an outlier must not rule the fit or the score.</summary>
    public const double MaxDeviation = 8;

    /// <summary>The answer for a value of the feature.</summary>
    public double Answer(float value) => Kind switch
    {
        LogisticTermKind.Number => float.IsNaN(value) ? 0 : Math.Clamp((value - Mean) / Scale, -MaxDeviation, MaxDeviation),
        LogisticTermKind.Category => value == Category ? 1 : 0,
        _ => float.IsNaN(value) ? 1 : 0,
    };
}

/// <summary>
/// Log-odds as a weighted sum of standardised numbers, categories and missing values. Sums run in the order of terms in
/// double precision, so one row and any block give the same bits. Immutable and thread-safe.
/// </summary>
public sealed class LogisticRegression : IRowModel
{
    /// <summary>Builds a regression, or rebuilds one from its public state.</summary>
    /// <param name="rowLength">Values in a row.</param>
    /// <param name="intercept">Margin where every answer is 0; finite.</param>
    /// <param name="terms">The summands.</param>
    /// <exception cref="ArgumentException">A term reads beyond the row or holds a value that is out of range.</exception>
    public LogisticRegression(int rowLength, double intercept, ImmutableArray<LogisticTerm> terms)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowLength);
        if (!double.IsFinite(intercept))
        {
            throw new ArgumentException("the intercept is not finite", nameof(intercept));
        }
        for (int i = 0; i < terms.Length; i++)
        {
            LogisticTerm t = terms[i];
            if (t.Feature < 0 || t.Feature >= rowLength || !Enum.IsDefined(t.Kind) || t.Category < 0 || !double.IsFinite(t.Mean)
                || !(t.Scale > 0 && double.IsFinite(t.Scale)) || !double.IsFinite(t.Weight) || !double.IsFinite(t.Average))
            {
                throw new ArgumentException($"term {i} is out of range: {t}", nameof(terms));
            }
        }
        RowLength = rowLength;
        Intercept = intercept;
        Terms = terms;
        Expectation = intercept + terms.Sum(t => t.Weight * t.Average);
    }

    /// <summary>Values in a row.</summary>
    public int RowLength { get; }

    /// <summary>Margin where every answer is 0.</summary>
    public double Intercept { get; }

    /// <summary>The summands.</summary>
    public ImmutableArray<LogisticTerm> Terms { get; }

    /// <summary>The mean margin of the training rows.</summary>
    public double Expectation { get; }

    /// <summary>The margin of one row.</summary>
    /// <param name="row">At least <see cref="RowLength"/> values; NaN is missing.</param>
    public float Margin(ReadOnlySpan<float> row)
    {
        RequireRow(row);
        double sum = 0;
        foreach (ref readonly LogisticTerm term in Terms.AsSpan())
        {
            sum += term.Weight * term.Answer(row[term.Feature]);
        }
        return (float)(sum + Intercept);
    }

    /// <summary>The margins of a block of rows. Allocates nothing.</summary>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowStride">Values from one row to the next, at least <see cref="RowLength"/>.</param>
    /// <param name="margins">OUT one margin a row.</param>
    public void Margins(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<float> margins)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowStride, RowLength);
        for (int r = 0; r < rowCount; r++)
        {
            margins[r] = Margin(rows[(r * rowStride)..]);
        }
    }

    /// <summary>
    /// The exact Shapley values of the features in one row's margin, with the training rows as background: a feature's
    /// summands less their mean. Together with <see cref="Expectation"/> they add up to the margin. Allocates nothing.
    /// </summary>
    /// <param name="row">At least <see cref="RowLength"/> values; NaN is missing.</param>
    /// <param name="contributions">OUT one value for each position of a row, in units of the margin.</param>
    public void Contributions(ReadOnlySpan<float> row, Span<double> contributions)
    {
        contributions[..RowLength].Clear();
        AddContributions(row, 1, contributions);
    }

    /// <summary>Adds a share of the <see cref="Contributions"/> to what is there.</summary>
    internal void AddContributions(ReadOnlySpan<float> row, double share, Span<double> contributions)
    {
        RequireRow(row);
        foreach (ref readonly LogisticTerm term in Terms.AsSpan())
        {
            contributions[term.Feature] += share * (term.Weight * (term.Answer(row[term.Feature]) - term.Average));
        }
    }

    int IRowModel.ScratchLength => 0;

    void IRowModel.Margins(in RowBlock rows, Span<float> margins) => Margins(rows.Values, rows.Count, rows.Stride, margins);

    void IRowModel.RequireFit(Quantiser quantiser)
    {
        ArgumentNullException.ThrowIfNull(quantiser);
        if (quantiser.RowLength != RowLength)
        {
            throw new ArgumentException($"a logistic regression of {RowLength} features cannot read rows of {quantiser.RowLength}");
        }
    }

    private void RequireRow(ReadOnlySpan<float> row)
    {
        if (row.Length < RowLength)
        {
            throw new ArgumentException($"expected {RowLength} values, found {row.Length}", nameof(row));
        }
    }
}
