using System.Diagnostics;
using System.Numerics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Grows oblivious trees level by level. At each level all nodes share the split (column, bin) with the largest gain
/// summed over nodes, sum of G^2 / (H + L2) over children less that of the parents; ties go to the lowest column and
/// then the lowest bin. Row numbers are kept sorted by node; only the smaller child of each node is counted, the
/// larger one is the difference to its parent. Holds buffers: one grower for one training, not thread-safe.
/// </summary>
internal sealed class TreeGrower
{
    private const int SegmentRows = 16_384;

    // Fewer rows than this are not worth a further thread's private histograms.
    private const int MinRowsPerPart = 8_192;

    private readonly QuantisedMatrix _matrix;
    private readonly TreeTrainingOptions _options;
    private readonly Workers _workers;
    private readonly int _outputs;
    private readonly int _outputLength; // of a node's histogram for one output
    private readonly int _nodeLength;   // for all outputs
    private readonly long[][] _packed;
    private readonly int[] _scratch;
    private readonly List<Segment> _segments = [];
    private readonly Candidate[] _candidates;
    private readonly long[]?[] _partials;
    private readonly int[] _directions;
    private long[] _parents;
    private long[] _children;

    /// <param name="matrix">The rows.</param>
    /// <param name="outputs">Outputs that share the splits.</param>
    /// <param name="options">How to grow.</param>
    /// <param name="workers">Who grows.</param>
    /// <param name="directions">Monotone constraint of each column: -1, 0 or 1.</param>
    public TreeGrower(QuantisedMatrix matrix, int outputs, TreeTrainingOptions options, Workers workers, int[] directions)
    {
        _directions = directions;
        _matrix = matrix;
        _options = options;
        _workers = workers;
        _outputs = outputs;
        _outputLength = HistogramBuilder.NodeLength(matrix);
        _nodeLength = outputs * _outputLength;
        _packed = [.. Enumerable.Range(0, outputs).Select(_ => new long[matrix.Rows])];
        _scratch = new int[matrix.Rows];
        Rows = new int[matrix.Rows];
        _candidates = new Candidate[matrix.Columns];
        _partials = new long[workers.Threads][];
        _parents = new long[(1 << (options.Depth - 1)) * _nodeLength];
        _children = new long[_parents.Length];
    }

    private readonly record struct Segment(int Node, int Start, int End, int Left);

    /// <summary>An output's hessians are multiplied with the first to fixed point, its gains with the second from it.</summary>
    private readonly record struct Scale(double Hessian, double Gain);

    private readonly record struct Candidate(double Gain, int Column, int Bin);

    /// <summary>Row numbers of the last tree, sorted by leaf.</summary>
    public int[] Rows { get; }

    /// <summary>Where each leaf of the last tree begins in <see cref="Rows"/>, and the end of the last one.</summary>
    public int[] LeafStarts { get; private set; } = [];

    /// <summary>Finds the splits of one tree.</summary>
    /// <param name="tree">Number of the tree; selects its random numbers.</param>
    /// <param name="gradients">Of each output.</param>
    /// <param name="gainFactors">What an output's loss reduction is multiplied with before it is added to the others'.</param>
    /// <param name="allowed">Which columns may split.</param>
    /// <returns>The splits, outermost level first, each with the (multiplied) loss reduction it brings.</returns>
    public List<(int Column, byte Bin, double Gain)> Grow(int tree, GradientSet[] gradients, double[] gainFactors, bool[] allowed)
    {
        Debug.Assert(gradients.Length == _outputs && gainFactors.Length == _outputs);
        Scale[] scales = new Scale[_outputs];
        for (int o = 0; o < _outputs; o++)
        {
            // Powers of two make scaling exact. |sum of gradients| < 2^30 and sum of hessians < 2^31 leave room for the
            // rounding of up to 2^30 rows.
            double gradientScale = FixedPointScale(gradients[o].SumAbsGradients, 29);
            double hessianScale = FixedPointScale(gradients[o].SumHessians, 30);
            scales[o] = new Scale(hessianScale, gainFactors[o] * hessianScale / (gradientScale * gradientScale) / 2);
            Pack(tree, o, gradients[o], gradientScale, hessianScale);
        }
        int rows = SampleRows(tree);
        LeafStarts = [0, rows];
        List<(int Column, byte Bin, double Gain)> splits = [];
        if (rows == 0 || !allowed.Contains(true))
        {
            return splits;
        }
        for (int level = 0; level < _options.Depth; level++)
        {
            BuildHistograms(level);
            FindSplits(level, allowed, scales);
            Candidate best = default;
            foreach (Candidate candidate in _candidates)
            {
                best = candidate.Gain > best.Gain ? candidate : best;
            }
            if (!(best.Gain > 0))
            {
                break;
            }
            splits.Add((best.Column, (byte)best.Bin, best.Gain));
            Partition(best.Column, best.Bin);
        }
        return splits;
    }

    private static double FixedPointScale(double sum, int exponent)
        => sum > 0 ? Math.ScaleB(1, exponent - Math.ILogB(sum)) : 1;

    /// <summary>
    /// Rounds gradients and hessians to fixed point, up or down with the probability that makes the expectation
    /// exact: plain rounding would bias the sums of many values that are small beside a few large ones.
    /// </summary>
    private void Pack(int tree, int output, GradientSet set, double gradientScale, double hessianScale)
    {
        ulong stream = SeededRandom.Mix((ulong)_options.Seed) ^ ((ulong)tree << 32) ^ ((ulong)output << 56);
        float[] gradients = set.Gradients;
        float[] hessians = set.Hessians;
        long[] packed = _packed[output];
        _workers.For(Pieces(packed.Length), piece =>
        {
            int end = Math.Min((piece + 1) * SegmentRows, packed.Length);
            for (int i = piece * SegmentRows; i < end; i++)
            {
                ulong dither = SeededRandom.Mix(stream + (ulong)i);
                double g = Math.Floor((gradients[i] * gradientScale) + ((dither >> 32) * (1.0 / (1L << 32))));
                double h = Math.Floor((hessians[i] * hessianScale) + ((uint)dither * (1.0 / (1L << 32))));
                packed[i] = ((long)g << 32) + (long)h;
            }
        });
    }

    private int SampleRows(int tree)
    {
        if (_options.RowSubsample >= 1)
        {
            for (int i = 0; i < Rows.Length; i++)
            {
                Rows[i] = i;
            }
            return Rows.Length;
        }
        SeededRandom random = new(_options.Seed, (2L * tree) + 1);
        int count = 0;
        for (int i = 0; i < Rows.Length; i++)
        {
            Rows[count] = i;
            count += random.NextDouble() < _options.RowSubsample ? 1 : 0;
        }
        return count;
    }

    /// <summary>
    /// Histograms of the nodes of a level into <see cref="_children"/>. Each part of the rows to be counted has
    /// private histograms; the sums are exact, so parts may be as many as there are threads.
    /// </summary>
    private void BuildHistograms(int level)
    {
        int[] starts = LeafStarts;
        (_parents, _children) = (_children, _parents);
        int counted = level == 0 ? 1 : 1 << (level - 1);
        int[] offsets = new int[counted + 1];
        int[] nodes = new int[counted];
        for (int i = 0; i < counted; i++)
        {
            nodes[i] = level == 0 ? 0 : SmallerChild(starts, i);
            offsets[i + 1] = offsets[i] + starts[nodes[i] + 1] - starts[nodes[i]];
        }
        int total = offsets[counted];
        int parts = Math.Clamp(total / MinRowsPerPart, 1, _workers.Threads);
        _workers.For(parts, part =>
        {
            long[] partial = _partials[part] ??= new long[Math.Max(1, 1 << Math.Max(0, _options.Depth - 2)) * _nodeLength];
            int from = (int)((long)total * part / parts);
            int to = (int)((long)total * (part + 1) / parts);
            for (int i = 0; i < counted; i++)
            {
                int start = Math.Max(from, offsets[i]);
                int end = Math.Min(to, offsets[i + 1]);
                Span<long> histogram = partial.AsSpan(i * _nodeLength, _nodeLength);
                histogram.Clear();
                if (start < end)
                {
                    ReadOnlySpan<int> rows = Rows.AsSpan(starts[nodes[i]] + start - offsets[i], end - start);
                    for (int o = 0; o < _outputs; o++)
                    {
                        HistogramBuilder.Add(_matrix, rows, _packed[o], histogram.Slice(o * _outputLength, _outputLength));
                    }
                }
            }
        });
        _workers.For(_matrix.Columns, column =>
        {
            int bins = _matrix.Quantiser.Columns[column].BinCount;
            for (int i = 0; i < counted; i++)
            {
                for (int at = column * HistogramBuilder.Bins; at < _nodeLength; at += _outputLength)
                {
                    Span<long> child = _children.AsSpan((nodes[i] * _nodeLength) + at, bins);
                    _partials[0].AsSpan((i * _nodeLength) + at, bins).CopyTo(child);
                    for (int part = 1; part < parts; part++)
                    {
                        AddTo(child, _partials[part].AsSpan((i * _nodeLength) + at, bins));
                    }
                    if (level > 0)
                    {
                        Span<long> sibling = _children.AsSpan(((nodes[i] ^ 1) * _nodeLength) + at, bins);
                        Subtract(_parents.AsSpan((i * _nodeLength) + at, bins), child, sibling);
                    }
                }
            }
        });
    }

    private static int SmallerChild(int[] starts, int parent)
    {
        int left = 2 * parent;
        int middle = starts[left + 1];
        return middle - starts[left] <= starts[left + 2] - middle ? left : left + 1;
    }

    private static void AddTo(Span<long> sum, ReadOnlySpan<long> addend)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += addend[i];
        }
    }

    private static void Subtract(ReadOnlySpan<long> parent, ReadOnlySpan<long> child, Span<long> sibling)
    {
        for (int i = 0; i < sibling.Length; i++)
        {
            sibling[i] = parent[i] - child[i];
        }
    }

    /// <summary>The best bin of each allowed column.</summary>
    private void FindSplits(int level, bool[] allowed, Scale[] scales)
    {
        int[] starts = LeafStarts;
        _workers.For(_matrix.Columns, column =>
        {
            Span<double> gains = stackalloc double[HistogramBuilder.Bins];
            Span<long> prefix = stackalloc long[HistogramBuilder.Bins];
            int bins = _matrix.Quantiser.Columns[column].BinCount;
            _candidates[column] = default;
            if (!allowed[column])
            {
                return;
            }
            gains.Clear();
            prefix.Clear();
            for (int node = 0; node < 1 << level; node++)
            {
                if (starts[node] == starts[node + 1])
                {
                    continue;
                }
                for (int o = 0; o < _outputs; o++)
                {
                    int at = (node * _nodeLength) + (o * _outputLength) + (column * HistogramBuilder.Bins);
                    ReadOnlySpan<long> histogram = _children.AsSpan(at, bins);
                    long sum = 0;
                    for (int b = 0; b < bins; b++)
                    {
                        sum += histogram[b];
                        prefix[b] = sum;
                    }
                    // The first split tells missing values from all others, which no constraint orders.
                    int free = _directions[column] == 0 ? bins - 1 : 1;
                    AddGains(prefix, sum, scales[o], 0, gains[..free]);
                    AddGains(prefix[free..], sum, scales[o], _directions[column], gains[free..(bins - 1)]);
                }
            }
            for (int b = 0; b < bins - 1; b++)
            {
                if (gains[b] > _candidates[column].Gain)
                {
                    _candidates[column] = new Candidate(gains[b], column, b);
                }
            }
        });
    }

    /// <summary>
    /// Adds one node's gain of splitting after each bin. Lanes are bins; every operation is exact or correctly rounded,
    /// so the width of the vector cannot matter.
    /// </summary>
    /// <param name="prefix">Packed sums up to each bin.</param>
    /// <param name="total">Packed sum of the node.</param>
    /// <param name="scale">Units of the output.</param>
    /// <param name="direction">-1 or 1 where the right child's value may not be below or above the left one's, else 0.</param>
    /// <param name="gains">IN/OUT.</param>
    private void AddGains(ReadOnlySpan<long> prefix, long total, Scale scale, int direction, Span<double> gains)
    {
        double l2 = _options.L2 * scale.Hessian;
        double least = Math.Max(_options.MinLeafWeight * scale.Hessian, 1);
        Debug.Assert(prefix.Length >= gains.Length);
        double g = HistogramBuilder.Gradient(total);
        double h = HistogramBuilder.Hessian(total);
        if (h < 2 * least)
        {
            return;
        }
        double parent = g * g / (h + l2);
        int b = 0;
        for (; b <= gains.Length - Vector<double>.Count; b += Vector<double>.Count)
        {
            Vector<long> packed = new(prefix[b..]);
            Vector<double> leftG = Vector.ConvertToDouble(Vector.ShiftRightArithmetic(packed, 32));
            Vector<double> leftH = Vector.ConvertToDouble(packed & new Vector<long>(uint.MaxValue));
            Vector<double> rightG = new Vector<double>(g) - leftG;
            Vector<double> rightH = new Vector<double>(h) - leftH;
            Vector<double> gain = (leftG * leftG / (leftH + new Vector<double>(l2)))
                + (rightG * rightG / (rightH + new Vector<double>(l2))) - new Vector<double>(parent);
            Vector<long> counts = Vector.GreaterThanOrEqual(leftH, new Vector<double>(least))
                & Vector.GreaterThanOrEqual(rightH, new Vector<double>(least));
            if (direction != 0)
            {
                // A child's value is -G / (H + L2).
                Vector<double> rise = (leftG / (leftH + new Vector<double>(l2))) - (rightG / (rightH + new Vector<double>(l2)));
                counts &= Vector.GreaterThanOrEqual(rise * direction, Vector<double>.Zero);
            }
            Span<double> target = gains[b..];
            (new Vector<double>(target) + (Vector.ConditionalSelect(counts, gain, Vector<double>.Zero) * scale.Gain)).CopyTo(target);
        }
        for (; b < gains.Length; b++)
        {
            double leftG = HistogramBuilder.Gradient(prefix[b]);
            double leftH = HistogramBuilder.Hessian(prefix[b]);
            double rightG = g - leftG;
            double rightH = h - leftH;
            bool ordered = direction == 0 || ((leftG / (leftH + l2)) - (rightG / (rightH + l2))) * direction >= 0;
            if (leftH >= least && rightH >= least && ordered)
            {
                gains[b] += ((leftG * leftG / (leftH + l2)) + (rightG * rightG / (rightH + l2)) - parent) * scale.Gain;
            }
        }
    }

    /// <summary>
    /// Sorts the rows of each node into left and right, keeping their order. Segments of fixed length are sorted on
    /// their own and then put together, so the result does not depend on the number of threads.
    /// </summary>
    private void Partition(int column, int bin)
    {
        ulong[] group = _matrix.Group(column / QuantisedMatrix.GroupColumns);
        int shift = QuantisedMatrix.Shift(column);
        _segments.Clear();
        for (int node = 0; node + 1 < LeafStarts.Length; node++)
        {
            for (int start = LeafStarts[node]; start < LeafStarts[node + 1]; start += SegmentRows)
            {
                _segments.Add(new Segment(node, start, Math.Min(start + SegmentRows, LeafStarts[node + 1]), 0));
            }
        }
        _workers.For(_segments.Count, s =>
        {
            Segment segment = _segments[s];
            ReadOnlySpan<int> rows = Rows.AsSpan(segment.Start, segment.End - segment.Start);
            Span<int> sorted = _scratch.AsSpan(segment.Start, segment.End - segment.Start);
            int left = 0;
            int right = sorted.Length - 1;
            foreach (int row in rows)
            {
                // Written to both ends; only the end it belongs to moves on, the other is written over. No branch.
                sorted[left] = row;
                sorted[right] = row;
                int goesRight = ObliviousEnsemble.GreaterBit((byte)(group[row] >> shift), bin);
                left += 1 - goesRight;
                right -= goesRight;
            }
            _segments[s] = segment with { Left = left };
        });

        int[] starts = new int[(2 * LeafStarts.Length) - 1];
        int[] next = new int[starts.Length];
        foreach (Segment segment in _segments)
        {
            starts[(2 * segment.Node) + 1] += segment.Left;
            starts[(2 * segment.Node) + 2] += segment.End - segment.Start - segment.Left;
        }
        for (int i = 1; i < starts.Length; i++)
        {
            starts[i] += starts[i - 1];
        }
        starts.CopyTo(next, 0);
        (int Left, int Right)[] targets = new (int, int)[_segments.Count];
        for (int s = 0; s < targets.Length; s++)
        {
            Segment segment = _segments[s];
            targets[s] = (next[2 * segment.Node], next[(2 * segment.Node) + 1]);
            next[2 * segment.Node] += segment.Left;
            next[(2 * segment.Node) + 1] += segment.End - segment.Start - segment.Left;
        }
        _workers.For(_segments.Count, s =>
        {
            Segment segment = _segments[s];
            ReadOnlySpan<int> sorted = _scratch.AsSpan(segment.Start, segment.End - segment.Start);
            sorted[..segment.Left].CopyTo(Rows.AsSpan(targets[s].Left));
            ReadOnlySpan<int> reversed = sorted[segment.Left..];
            Span<int> right = Rows.AsSpan(targets[s].Right, reversed.Length);
            reversed.CopyTo(right);
            right.Reverse();
        });
        LeafStarts = starts;
    }

    private static int Pieces(int rows) => (rows + SegmentRows - 1) / SegmentRows;
}
