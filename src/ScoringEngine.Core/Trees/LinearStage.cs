using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>A feature of a <see cref="LinearStage"/>: it counts as value - Center, at most Limit either way, 0 where it is missing.</summary>
/// <param name="Feature">Position of the feature in a row.</param>
/// <param name="Center">Mean of the training rows' values; finite.</param>
/// <param name="Limit">Largest distance from the centre that counts, above 0: an outlier must not rule the margin.</param>
public readonly record struct LinearTerm(int Feature, float Center, float Limit)
{
    /// <summary>What a value counts as.</summary>
    public float Answer(float value)
    {
        float distance = value - Center;
        return float.IsNaN(distance) ? 0 : distance < -Limit ? -Limit : distance > Limit ? Limit : distance;
    }
}

/// <summary>
/// A linear margin for each piece of the customers, where the pieces are the intervals or categories of one feature
/// (threshold regression: Tong, 1983): what a sum of trees needs many splits for. Sums run in the order of terms in
/// single precision, product by product, so one row and any block give the same bits. Immutable and thread-safe.
/// </summary>
public sealed class LinearStage
{
    /// <summary>Most pieces.</summary>
    public const int MaxPieces = WideLanes.Count;

    private const int NoFeature = -1;

    // [terms x MaxPieces], and the intercepts: tables of one register each.
    private readonly float[] _weightTables;
    private readonly float[] _interceptTable;
    private readonly TermGroup[] _termGroups;

    /// <summary>Builds a stage, or rebuilds one from its public state.</summary>
    /// <param name="rowLength">Values in a row.</param>
    /// <param name="pieces">How rows fall into pieces.</param>
    /// <param name="terms">The features, by ascending position.</param>
    /// <param name="intercepts">Margin of each piece where every term is 0.</param>
    /// <param name="weights">[terms x pieces], row-major: what an answer is multiplied with.</param>
    /// <param name="shares">Share of the training weight in each piece, 0..1, 1 together.</param>
    /// <param name="averages">
    /// [terms x pieces], row-major: the training rows' mean of the answer times 1 in the piece, 0 outside it.
    /// </param>
    /// <exception cref="ArgumentException">Lengths disagree, a term reads beyond the row, or a value is out of range.</exception>
    public LinearStage(
        int rowLength, LinearPieces pieces, ImmutableArray<LinearTerm> terms, ImmutableArray<float> intercepts,
        ImmutableArray<float> weights, ImmutableArray<double> shares, ImmutableArray<double> averages)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowLength);
        ArgumentNullException.ThrowIfNull(pieces);
        int count = pieces.Count;
        Require(pieces.Feature < rowLength, $"pieces read feature {pieces.Feature} of a row of {rowLength}");
        for (int t = 0; t < terms.Length; t++)
        {
            LinearTerm term = terms[t];
            Require(term.Feature >= 0 && term.Feature < rowLength && (t == 0 || terms[t - 1].Feature < term.Feature)
                && float.IsFinite(term.Center) && term.Limit > 0 && float.IsFinite(term.Limit), $"term {t} is out of range or order: {term}");
        }
        Require(intercepts.Length == count && shares.Length == count, $"expected {count} intercepts and shares, found {intercepts.Length} and {shares.Length}");
        Require(weights.Length == terms.Length * count && averages.Length == weights.Length,
            $"expected {terms.Length * count} weights and averages, found {weights.Length} and {averages.Length}");
        Require(intercepts.All(float.IsFinite) && weights.All(float.IsFinite), "a weight or intercept is not finite");
        Require(shares.All(s => s is >= 0 and <= 1) && Math.Abs(shares.Sum() - 1) < 1e-9 && averages.All(double.IsFinite), "a share or average is out of range");
        RowLength = rowLength;
        Pieces = pieces;
        Terms = terms;
        Intercepts = intercepts;
        Weights = weights;
        Shares = shares;
        Averages = averages;
        _interceptTable = new float[MaxPieces];
        intercepts.CopyTo(_interceptTable);
        _weightTables = new float[terms.Length * MaxPieces];
        for (int t = 0; t < terms.Length; t++)
        {
            weights.AsSpan(t * count, count).CopyTo(_weightTables.AsSpan(t * MaxPieces));
        }
        _termGroups = TermGroup.Of([.. terms.Select(t => t.Feature)], rowLength);
        Expectation = ExpectationOf(this);

        static void Require(bool met, string message)
        {
            if (!met)
            {
                throw new ArgumentException(message);
            }
        }
    }

    /// <summary>Values in a row.</summary>
    public int RowLength { get; }

    /// <summary>How rows fall into pieces.</summary>
    public LinearPieces Pieces { get; }

    /// <summary>The features, by ascending position.</summary>
    public ImmutableArray<LinearTerm> Terms { get; }

    /// <summary>Margin of each piece where every term is 0.</summary>
    public ImmutableArray<float> Intercepts { get; }

    /// <summary>[terms x pieces], row-major: what an answer is multiplied with.</summary>
    public ImmutableArray<float> Weights { get; }

    /// <summary>Share of the training weight in each piece.</summary>
    public ImmutableArray<double> Shares { get; }

    /// <summary>[terms x pieces], row-major: the training rows' mean of the answer times 1 in the piece, 0 outside it.</summary>
    public ImmutableArray<double> Averages { get; }

    /// <summary>The mean margin of the training rows.</summary>
    public double Expectation { get; }

    /// <summary>The margin of one row. Allocates nothing.</summary>
    /// <param name="row">At least <see cref="RowLength"/> values; NaN is missing.</param>
    /// <exception cref="ArgumentException">The row is too short.</exception>
    public float Margin(ReadOnlySpan<float> row)
    {
        RequireRow(row);
        return RowMargin(row);
    }

    /// <summary>The margins of a block of rows. Allocates nothing.</summary>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>. NaN is missing.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowStride">Values from one row to the next, at least <see cref="RowLength"/>.</param>
    /// <param name="margins">OUT one margin a row.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public void Margins(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<float> margins)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowStride, RowLength);
        if (margins.Length < rowCount || (rowCount > 0 && rows.Length < ((long)(rowCount - 1) * rowStride) + RowLength))
        {
            throw new ArgumentException($"rows or margins are too short for {rowCount} rows");
        }
        if (WideLanes.IsSupported && RowLength >= WideLanes.Features && rowCount >= WideLanes.Count)
        {
            int last = rowCount - WideLanes.Count;
            for (int row = 0; row < last; row += WideLanes.Count)
            {
                LaneMargins(rows[(row * rowStride)..], rowStride, margins[row..]);
            }

            // The last vector may overlap the one before it: the rows they share get the same margins again.
            LaneMargins(rows[(last * rowStride)..], rowStride, margins[last..]);
            return;
        }
        for (int row = 0; row < rowCount; row++)
        {
            margins[row] = RowMargin(rows.Slice(row * rowStride, RowLength));
        }
    }

    /// <summary>
    /// Adds the exact Shapley values of the features in one row's margin, with the training rows as background, as
    /// <see cref="ShapleyValues"/> defines them. Each product is a game of two, its own feature and the one that tells
    /// the piece, so the values have a closed form. Allocates nothing.
    /// </summary>
    /// <param name="row">At least <see cref="RowLength"/> values; NaN is missing.</param>
    /// <param name="contributions">IN/OUT one value for each position of a row, in units of the margin.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public void AddContributions(ReadOnlySpan<float> row, Span<double> contributions)
    {
        RequireRow(row);
        RequireRow(contributions);
        int piece = Pieces.Of(row);
        int count = Pieces.Count;
        double ofPiece = Intercepts[piece];
        for (int p = 0; p < count; p++)
        {
            ofPiece -= Shares[p] * Intercepts[p];
        }
        for (int t = 0; t < Terms.Length; t++)
        {
            ReadOnlySpan<float> weights = Weights.AsSpan(t * count, count);
            ReadOnlySpan<double> averages = Averages.AsSpan(t * count, count);
            double answer = Terms[t].Answer(row[Terms[t].Feature]);
            double none = 0;
            double meanWeight = 0;
            double meanAnswer = 0;
            for (int p = 0; p < count; p++)
            {
                none += weights[p] * averages[p];
                meanWeight += Shares[p] * weights[p];
                meanAnswer += averages[p];
            }
            double both = weights[piece] * answer;
            if (Terms[t].Feature == Pieces.Feature)
            {
                ofPiece += both - none;
                continue;
            }
            double termAlone = meanWeight * answer;
            double pieceAlone = weights[piece] * meanAnswer;
            contributions[Terms[t].Feature] += (termAlone - none + both - pieceAlone) / 2;
            ofPiece += (pieceAlone - none + both - termAlone) / 2;
        }
        if (Pieces.Feature != NoFeature)
        {
            contributions[Pieces.Feature] += ofPiece;
        }
    }

    private static double ExpectationOf(LinearStage stage)
    {
        double sum = 0;
        for (int p = 0; p < stage.Shares.Length; p++)
        {
            sum += stage.Shares[p] * stage.Intercepts[p];
        }
        for (int i = 0; i < stage.Weights.Length; i++)
        {
            sum += stage.Weights[i] * stage.Averages[i];
        }
        return sum;
    }

    private float RowMargin(ReadOnlySpan<float> row)
    {
        int piece = Pieces.Of(row);
        ReadOnlySpan<LinearTerm> terms = Terms.AsSpan();
        ReadOnlySpan<float> weights = _weightTables;
        float margin = _interceptTable[piece];
        for (int t = 0; t < terms.Length; t++)
        {
            margin += weights[(t * MaxPieces) + piece] * terms[t].Answer(row[terms[t].Feature]);
        }
        return margin;
    }

    /// <summary>The same for sixteen rows, a lane each, four neighbouring features at a time.</summary>
    private void LaneMargins(ReadOnlySpan<float> rows, int stride, Span<float> margins)
    {
        Debug.Assert(rows.Length >= ((WideLanes.Count - 1) * stride) + RowLength && margins.Length >= WideLanes.Count);
        Span<float> lanes = stackalloc float[WideLanes.Features * WideLanes.Count];
        ref float values = ref MemoryMarshal.GetReference(lanes);
        ref float first = ref MemoryMarshal.GetReference(rows);
        ref float tables = ref MemoryMarshal.GetArrayDataReference(_weightTables);
        Vector512<int> piece = Pieces.Of(ref first, stride);
        Vector512<float> sum = WideLanes.Lookup(ref MemoryMarshal.GetArrayDataReference(_interceptTable), 4, piece);
        foreach (TermGroup group in _termGroups)
        {
            WideLanes.Transpose(
                ref Unsafe.Add(ref first, group.FirstFeature), stride,
                out Vector512<float> x0, out Vector512<float> x1, out Vector512<float> x2, out Vector512<float> x3);
            x0.StoreUnsafe(ref values);
            x1.StoreUnsafe(ref values, WideLanes.Count);
            x2.StoreUnsafe(ref values, 2 * WideLanes.Count);
            x3.StoreUnsafe(ref values, 3 * WideLanes.Count);
            for (int t = group.FirstTerm; t < group.EndTerm; t++)
            {
                LinearTerm term = Terms[t];
                Vector512<float> value = Vector512.LoadUnsafe(ref values, (nuint)((term.Feature - group.FirstFeature) * WideLanes.Count));
                Vector512<float> distance = Lanes512.NaNToZero(value - Vector512.Create(term.Center));
                Vector512<float> limit = Vector512.Create(term.Limit);
                Vector512<float> answer = Lanes512.Min(Lanes512.Max(distance, -limit), limit);
                sum += WideLanes.Lookup(ref Unsafe.Add(ref tables, t * MaxPieces), 4, piece) * answer;
            }
        }
        sum.StoreUnsafe(ref MemoryMarshal.GetReference(margins));
    }

    private void RequireRow<T>(ReadOnlySpan<T> row)
    {
        if (row.Length < RowLength)
        {
            throw new ArgumentException($"expected {RowLength} values, found {row.Length}", nameof(row));
        }
    }

    /// <summary>The terms FirstTerm..EndTerm-1, whose features are among the four that begin at FirstFeature.</summary>
    private readonly record struct TermGroup(int FirstFeature, int FirstTerm, int EndTerm)
    {
        // Groups begin at multiples of four, but none reads beyond the row.
        public static TermGroup[] Of(int[] features, int rowLength)
            => [.. Enumerable.Range(0, features.Length)
                .GroupBy(t => Math.Min(features[t] - (features[t] % WideLanes.Features), Math.Max(0, rowLength - WideLanes.Features)))
                .Select(g => new TermGroup(g.Key, g.First(), g.Last() + 1))];
    }
}
