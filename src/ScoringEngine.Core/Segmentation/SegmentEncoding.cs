using System.Collections.Immutable;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>One coordinate of the space in which segments are found: (x' - mean) x scale.</summary>
/// <param name="Feature">Index of the feature in the schema and of its value in a row.</param>
/// <param name="Category">-1 for a number, where x' is the value; else a category's code, where x' is 1 for it and 0 for another.</param>
/// <param name="Log1P">Whether x' is log(1 + value). Numbers only.</param>
/// <param name="Mean">Mean of x' over the training rows that have the feature.</param>
/// <param name="Scale">
/// 1 / standard deviation of x' (population); for categories 1 / the square root of the feature's variance summed over
/// its categories, so that a categorical feature weighs as much as a number. Finite, above 0.
/// </param>
public readonly record struct SegmentDimension(int Feature, int Category, bool Log1P, float Mean, float Scale);

/// <summary>
/// Maps a row of feature values to standardised coordinates, in which distances between customers are Euclidean.
/// Missing values become 0, the mean; so do categories without a dimension. Immutable and thread-safe.
/// </summary>
/// <remarks>Coordinates are limited to a magnitude of 1e15, so that squared distances stay finite.</remarks>
public sealed class SegmentEncoding
{
    private readonly SegmentDimension[] _dimensions;

    // Dimensions at which four numbers begin that are neighbours in the row as well; quads may overlap.
    private readonly int[] _quads;
    private readonly bool[] _isInQuad;

    /// <summary>Builds an encoding from its dimensions.</summary>
    /// <param name="dimensions">One or more; those of one categorical feature stand together, with distinct codes.</param>
    /// <exception cref="ArgumentException">There is no dimension, or one is not valid.</exception>
    public SegmentEncoding(ImmutableArray<SegmentDimension> dimensions)
    {
        if (dimensions.IsDefaultOrEmpty)
        {
            throw new ArgumentException("expected at least one dimension", nameof(dimensions));
        }
        HashSet<int> features = [];
        HashSet<(int, int)> categories = [];
        for (int d = 0; d < dimensions.Length; d++)
        {
            SegmentDimension dimension = dimensions[d];
            bool together = d > 0 && dimensions[d - 1].Feature == dimension.Feature
                && dimension.Category >= 0 && dimensions[d - 1].Category >= 0;
            bool valid = dimension.Feature >= 0 && dimension.Category >= -1 && !(dimension.Log1P && dimension.Category >= 0)
                && float.IsFinite(dimension.Mean) && float.IsFinite(dimension.Scale) && dimension.Scale > 0
                && (features.Add(dimension.Feature) || together)
                && categories.Add((dimension.Feature, dimension.Category));
            if (!valid)
            {
                throw new ArgumentException($"dimension {d} is not valid or not in place: {dimension}", nameof(dimensions));
            }
            MinimumColumns = Math.Max(MinimumColumns, dimension.Feature + 1);
        }
        Dimensions = dimensions;
        _dimensions = [.. dimensions];
        _isInQuad = new bool[dimensions.Length];
        _quads = Quads(_dimensions, _isInQuad);
    }

    /// <summary>The coordinates in order.</summary>
    public ImmutableArray<SegmentDimension> Dimensions { get; }

    /// <summary>Number of values a row must have at least; rows of all features or of the customer's features only both do.</summary>
    public int MinimumColumns { get; }

    /// <summary>
    /// Learns means and scales from training rows. Uses the customer features that form segments and may enter models;
    /// numbers and categories that do not vary are left out.
    /// </summary>
    /// <param name="schema">The features of the columns.</param>
    /// <param name="rows">[rows x <see cref="FeatureSchema.Count"/> or <see cref="FeatureSchema.CustomerCount"/>]; NaN is missing.</param>
    /// <exception cref="ArgumentException">The columns do not fit the schema, a value is infinite, or no feature varies.</exception>
    public static SegmentEncoding Fit(FeatureSchema schema, FeatureMatrix rows)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Columns != schema.Count && rows.Columns != schema.CustomerCount)
        {
            throw new ArgumentException($"expected {schema.Count} or {schema.CustomerCount} columns, found {rows.Columns}", nameof(rows));
        }
        ImmutableArray<SegmentDimension>.Builder dimensions = ImmutableArray.CreateBuilder<SegmentDimension>();
        for (int f = 0; f < schema.CustomerCount; f++)
        {
            Feature feature = schema.Features[f];
            if (!Uses(feature))
            {
                continue;
            }
            if (feature.Kind == FeatureKind.Categorical)
            {
                AddCategories(dimensions, rows, f, feature);
            }
            else
            {
                AddNumber(dimensions, rows, f, feature);
            }
        }
        if (dimensions.Count == 0)
        {
            throw new ArgumentException("no segment feature varies over the rows", nameof(rows));
        }
        return new SegmentEncoding(dimensions.ToImmutable());
    }

    /// <summary>Whether segments may be built from a feature.</summary>
    internal static bool Uses(Feature feature) => feature.Segments && feature.IsModelInput && !feature.Context;

    /// <summary>Encodes one row.</summary>
    /// <param name="row">At least <see cref="MinimumColumns"/> feature values.</param>
    /// <param name="destination">Receives a coordinate for each dimension; must not overlap the row.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public void Encode(ReadOnlySpan<float> row, Span<float> destination)
    {
        RequireLength(row.Length, MinimumColumns, nameof(row));
        RequireLength(destination.Length, _dimensions.Length, nameof(destination));
        EncodeRow(row, destination);
    }

    /// <summary>Encodes all rows to [rows x dimensions]; the bits are those of the single-row form.</summary>
    /// <exception cref="ArgumentException">There are fewer than <see cref="MinimumColumns"/> columns.</exception>
    public FeatureMatrix Encode(FeatureMatrix rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        RequireLength(rows.Columns, MinimumColumns, nameof(rows));
        FeatureMatrix result = new(rows.Rows, _dimensions.Length);
        for (int i = 0; i < rows.Rows; i++)
        {
            EncodeRow(rows.Row(i), result.Row(i));
        }
        return result;
    }

    /// <summary>Encodes up to 32 rows into a panel; lanes without a row become 0.</summary>
    internal void EncodePanel(ReadOnlySpan<float> rows, int count, int stride, Span<float> panel)
    {
        Debug.Assert(count is > 0 and <= RowPanels.PanelRows && rows.Length >= ((count - 1) * stride) + MinimumColumns);
        panel = panel[..(_dimensions.Length * RowPanels.PanelRows)];
        if (count < RowPanels.PanelRows)
        {
            panel.Clear();
        }

        // All columns are gathered before the first is standardised: a vector read right after the scalar writes it
        // spans would wait for them.
        int transposed = WideLanes.IsSupported ? count - (count % WideLanes.Count) : 0;
        for (int lane = 0; lane < transposed; lane += WideLanes.Count)
        {
            TransposeQuads(ref MemoryMarshal.GetReference(rows[(lane * stride)..]), stride, ref MemoryMarshal.GetReference(panel[lane..]));
        }
        for (int d = 0; d < _dimensions.Length; d++)
        {
            int first = _isInQuad[d] ? transposed : 0;
            Span<float> lanes = panel.Slice(d * RowPanels.PanelRows, count);
            for (int lane = first, at = (first * stride) + _dimensions[d].Feature; lane < lanes.Length; lane++, at += stride)
            {
                lanes[lane] = rows[at];
            }
        }
        for (int d = 0; d < _dimensions.Length; d++)
        {
            SegmentDimension dimension = _dimensions[d];
            Span<float> lanes = panel.Slice(d * RowPanels.PanelRows, RowPanels.PanelRows);
            if (dimension.Category >= 0)
            {
                int end = EndOfCategories(d);
                for (int lane = 0; lane < count; lane++)
                {
                    EncodeCategory(lanes[lane], d, end, panel[((d * RowPanels.PanelRows) + lane)..], RowPanels.PanelRows);
                }
                d = end - 1;
                continue;
            }
            if (dimension.Log1P)
            {
                Log1P(lanes);
            }
            if (Vector512.IsHardwareAccelerated)
            {
                Standardise<Vector512<float>, Lanes512>(lanes, dimension.Mean, dimension.Scale);
            }
            else
            {
                Standardise<Vector<float>, NativeLanes>(lanes, dimension.Mean, dimension.Scale);
            }
            lanes[count..].Clear();
        }
    }

    /// <summary>Quads that cover, without need less than once each, all runs of four neighbours or more.</summary>
    private static int[] Quads(SegmentDimension[] dimensions, bool[] isInQuad)
    {
        List<int> quads = [];
        for (int d = 0; d + WideLanes.Features <= dimensions.Length; d++)
        {
            Span<bool> covered = isInQuad.AsSpan(d, WideLanes.Features);
            bool needed = !covered[0] || (!covered[^1] && !IsNeighbour(d + WideLanes.Features));
            if (needed && dimensions[d].Category < 0 && IsNeighbour(d + 1) && IsNeighbour(d + 2) && IsNeighbour(d + 3))
            {
                quads.Add(d);
                covered.Fill(true);
            }
        }
        return [.. quads];

        bool IsNeighbour(int d) => d < dimensions.Length && dimensions[d].Category < 0
            && dimensions[d - 1].Category < 0 && dimensions[d].Feature == dimensions[d - 1].Feature + 1;
    }

    private void EncodeRow(ReadOnlySpan<float> row, Span<float> destination)
    {
        for (int d = 0; d < _dimensions.Length; d++)
        {
            SegmentDimension dimension = _dimensions[d];
            float value = row[dimension.Feature];
            if (dimension.Category >= 0)
            {
                int end = EndOfCategories(d);
                EncodeCategory(value, d, end, destination[d..], 1);
                d = end - 1;
            }
            else
            {
                float x = dimension.Log1P ? (float)DeterministicMath.Log1P(value) : value;
                destination[d] = Bounded((x - dimension.Mean) * dimension.Scale);
            }
        }
    }

    private void EncodeCategory(float code, int first, int end, Span<float> destination, int step)
    {
        bool known = false;
        for (int d = first; d < end; d++)
        {
            known |= code == _dimensions[d].Category;
        }
        for (int d = first; d < end; d++)
        {
            SegmentDimension dimension = _dimensions[d];
            float x = code == dimension.Category ? 1 : 0;
            destination[(d - first) * step] = known ? Bounded((x - dimension.Mean) * dimension.Scale) : 0;
        }
    }

    /// <summary>The dimension after the last of the categorical feature that starts at <paramref name="first"/>.</summary>
    private int EndOfCategories(int first)
    {
        int end = first + 1;
        while (end < _dimensions.Length && _dimensions[end].Feature == _dimensions[first].Feature)
        {
            end++;
        }
        return end;
    }

    /// <summary>The quads' features of sixteen rows, into sixteen lanes of a panel.</summary>
    private void TransposeQuads(ref float rows, int stride, ref float panel)
    {
        foreach (int d in _quads)
        {
            WideLanes.Transpose(
                ref Unsafe.Add(ref rows, _dimensions[d].Feature), stride,
                out Vector512<float> x0, out Vector512<float> x1, out Vector512<float> x2, out Vector512<float> x3);
            ref float target = ref Unsafe.Add(ref panel, d * RowPanels.PanelRows);
            x0.StoreUnsafe(ref target);
            x1.StoreUnsafe(ref target, RowPanels.PanelRows);
            x2.StoreUnsafe(ref target, 2 * RowPanels.PanelRows);
            x3.StoreUnsafe(ref target, 3 * RowPanels.PanelRows);
        }
    }

    private static void Log1P(Span<float> lanes)
    {
        ref float at = ref MemoryMarshal.GetReference(lanes);
        for (nuint lane = 0; lane < RowPanels.PanelRows; lane += (nuint)Vector512<float>.Count)
        {
            (Vector512<double> lower, Vector512<double> upper) = Vector512.Widen(Vector512.LoadUnsafe(ref at, lane));
            Vector512.Narrow(DeterministicMath.Log1P(lower), DeterministicMath.Log1P(upper)).StoreUnsafe(ref at, lane);
        }
    }

    /// <summary>The vector twin of <see cref="Bounded"/> of (x - mean) x scale.</summary>
    private static void Standardise<TVector, TLanes>(Span<float> lanes, float mean, float scale)
        where TVector : struct
        where TLanes : IFloatLanes<TVector>
    {
        ref float at = ref MemoryMarshal.GetReference(lanes);
        TVector limit = TLanes.Create(RowPanels.Limit);
        TVector negativeLimit = TLanes.Create(-RowPanels.Limit);
        for (nuint lane = 0; lane < RowPanels.PanelRows; lane += (nuint)TLanes.Count)
        {
            TVector value = TLanes.Multiply(TLanes.Subtract(TLanes.Load(ref at, lane), TLanes.Create(mean)), TLanes.Create(scale));
            TLanes.Store(TLanes.Max(TLanes.Min(TLanes.NaNToZero(value), limit), negativeLimit), ref at, lane);
        }
    }

    /// <summary>0 for NaN, else the value limited to +-1e15.</summary>
    private static float Bounded(float value)
        => float.IsNaN(value) ? 0 : Math.Max(Math.Min(value, RowPanels.Limit), -RowPanels.Limit);

    private static void AddNumber(ImmutableArray<SegmentDimension>.Builder dimensions, FeatureMatrix rows, int f, Feature feature)
    {
        double minimum = double.PositiveInfinity;
        double maximum = double.NegativeInfinity;
        double sum = 0;
        long count = 0;
        for (int i = 0; i < rows.Rows; i++)
        {
            double x = Value(rows, i, f, feature);
            if (!double.IsNaN(x))
            {
                minimum = Math.Min(minimum, x);
                maximum = Math.Max(maximum, x);
                sum += x;
                count++;
            }
        }
        if (!(minimum < maximum))
        {
            return;
        }
        double mean = sum / count;
        double squares = 0;
        for (int i = 0; i < rows.Rows; i++)
        {
            double x = Value(rows, i, f, feature);
            if (!double.IsNaN(x))
            {
                squares += (x - mean) * (x - mean);
            }
        }
        Add(dimensions, new SegmentDimension(f, -1, feature.Log1P, (float)mean, (float)(1 / Math.Sqrt(squares / count))));
    }

    private static void AddCategories(ImmutableArray<SegmentDimension>.Builder dimensions, FeatureMatrix rows, int f, Feature feature)
    {
        long[] counts = new long[feature.Categories.Length];
        long known = 0;
        for (int i = 0; i < rows.Rows; i++)
        {
            float code = rows[i, f];
            RequireFinite(code, i, feature);
            if (code >= 0 && code < counts.Length && code == MathF.Floor(code))
            {
                counts[(int)code]++;
                known++;
            }
        }
        double variance = 0;
        foreach (long count in counts)
        {
            double share = (double)count / Math.Max(known, 1);
            variance += share * (1 - share);
        }
        for (int code = 0; code < counts.Length && variance > 0; code++)
        {
            if (counts[code] > 0)
            {
                Add(dimensions, new SegmentDimension(f, code, false, (float)((double)counts[code] / known), (float)(1 / Math.Sqrt(variance))));
            }
        }
    }

    private static void Add(ImmutableArray<SegmentDimension>.Builder dimensions, SegmentDimension dimension)
    {
        // A spread below float's smallest reciprocal is no spread.
        if (float.IsFinite(dimension.Scale) && dimension.Scale > 0)
        {
            dimensions.Add(dimension);
        }
    }

    /// <summary>x' of a number, or NaN when it is missing.</summary>
    private static double Value(FeatureMatrix rows, int row, int f, Feature feature)
    {
        float value = rows[row, f];
        RequireFinite(value, row, feature);
        double x = feature.Log1P ? DeterministicMath.Log1P(value) : value;
        return double.IsFinite(x) ? x : double.NaN;
    }

    private static void RequireFinite(float value, int row, Feature feature)
    {
        if (float.IsInfinity(value))
        {
            throw new ArgumentException($"row {row}: feature '{feature.Name}' is infinite", "rows");
        }
    }

    private static void RequireLength(int length, int minimum, string name)
    {
        if (length < minimum)
        {
            throw new ArgumentException($"expected at least {minimum} values, found {length}", name);
        }
    }
}
