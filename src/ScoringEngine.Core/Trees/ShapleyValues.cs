using System.Diagnostics;
using System.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Exact Shapley values (Shapley, 1953) of the features in an ensemble's margin for one row. A coalition of features is
/// worth the mean margin over the training rows with these features set to the row's values: the interventional
/// expectation (Janzing, Minorics and Bloebaum, 2020; Lundberg et al., 2020) with all training rows as background.
/// <para>
/// The weights of an oblivious tree's leaves are the joint distribution of its answers, so that this expectation is
/// exact without the rows; and a tree's values depend on a row's leaf only, so they are worked out once for each leaf
/// and a row costs a few additions a tree. A feature that no tree asks for has the value 0; the columns of a feature
/// (categories, several thresholds) act together. Immutable and thread-safe.
/// </para>
/// </summary>
public sealed class ShapleyValues
{
    private readonly ObliviousEnsemble _ensemble;
    private readonly LinearStage? _stage;
    private readonly int _rowLength;

    // Of each tree in order: its distinct features, and [leaves x features] values.
    private readonly byte[] _playerCounts;
    private readonly int[] _players;
    private readonly double[] _values;

    /// <summary>The same for trees on top of a linear stage, whose values have a closed form.</summary>
    /// <param name="model">A model whose trees know their leaf weights.</param>
    /// <param name="quantiser">What made its columns.</param>
    /// <exception cref="ArgumentException">There are no leaf weights, a tree has none, or rows disagree.</exception>
    public ShapleyValues(BoostedModel model, Quantiser quantiser)
        : this((model ?? throw new ArgumentNullException(nameof(model))).Trees, quantiser)
    {
        model.RequireFit(quantiser);
        _stage = model.Stage;
        Expectation += model.Stage.Expectation;
    }

    /// <summary>
    /// Works out the tables: 8 bytes and about 2^depth additions for each leaf and feature of a tree (100 trees of depth
    /// 6: a third of a megabyte, milliseconds; of depth 10: 8 MB, a second).
    /// </summary>
    /// <param name="ensemble">An ensemble that knows its leaf weights.</param>
    /// <param name="quantiser">What made its columns.</param>
    /// <exception cref="ArgumentException">There are no leaf weights, a tree has none, or the columns disagree.</exception>
    public ShapleyValues(ObliviousEnsemble ensemble, Quantiser quantiser)
    {
        ArgumentNullException.ThrowIfNull(ensemble);
        ArgumentNullException.ThrowIfNull(quantiser);
        if (quantiser.Columns.Length != ensemble.Columns)
        {
            throw new ArgumentException($"expected {ensemble.Columns} columns, found {quantiser.Columns.Length}", nameof(quantiser));
        }
        if (ensemble.LeafWeights.IsEmpty && ensemble.TreeCount > 0)
        {
            throw new ArgumentException("the ensemble does not know its leaf weights", nameof(ensemble));
        }
        _ensemble = ensemble;
        _rowLength = quantiser.RowLength;
        _playerCounts = new byte[ensemble.TreeCount];
        List<int> players = [];
        List<double> values = [];
        double expectation = ensemble.BaseMargin;
        int split = 0;
        int leaf = 0;
        for (int tree = 0; tree < ensemble.TreeCount; tree++)
        {
            int depth = ensemble.Depths[tree];
            int[] features = [.. ensemble.SplitColumns.AsSpan(split, depth).ToArray().Select(c => quantiser.Columns[c].Feature)];
            TreeGame game = new(
                features, ensemble.LeafValues.AsSpan(leaf, 1 << depth), ensemble.LeafWeights.AsSpan(leaf, 1 << depth));
            _playerCounts[tree] = (byte)game.Players.Length;
            players.AddRange(game.Players);
            values.AddRange(game.Values());
            expectation += game.Expectation;
            split += depth;
            leaf += 1 << depth;
        }
        Expectation = expectation;
        _players = [.. players];
        _values = [.. values];
    }

    /// <summary>The mean margin of the training rows: what the values are the differences from.</summary>
    public double Expectation { get; }

    /// <summary>The values of one row of a model with or without a linear stage. Allocates nothing.</summary>
    /// <param name="row">The values; NaN is missing.</param>
    /// <param name="quantisedRow">The same row, one byte a column.</param>
    /// <param name="contributions">OUT one value for each position of a row, in units of the margin.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public void Contributions(ReadOnlySpan<float> row, ReadOnlySpan<byte> quantisedRow, Span<double> contributions)
    {
        AddTrees(quantisedRow, contributions);
        _stage?.AddContributions(row, contributions);
    }

    /// <summary>
    /// The values of one row. Together with <see cref="Expectation"/> they add up to the margin, but for the margin's
    /// rounding to single precision. Allocates nothing.
    /// </summary>
    /// <param name="quantisedRow">One byte a column.</param>
    /// <param name="contributions">OUT one value for each position of a row, in units of the margin.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="InvalidOperationException">There is a linear stage, which reads the row itself.</exception>
    public void Contributions(ReadOnlySpan<byte> quantisedRow, Span<double> contributions)
    {
        if (_stage is not null)
        {
            throw new InvalidOperationException("a model with a linear stage is explained by the values of the row too");
        }
        AddTrees(quantisedRow, contributions);
    }

    private void AddTrees(ReadOnlySpan<byte> quantisedRow, Span<double> contributions)
    {
        if (quantisedRow.Length < _ensemble.Columns || contributions.Length < _rowLength)
        {
            throw new ArgumentException(
                $"expected {_ensemble.Columns} bins and {_rowLength} contributions, found {quantisedRow.Length} and {contributions.Length}");
        }
        contributions[.._rowLength].Clear();
        ReadOnlySpan<byte> depths = _ensemble.Depths.AsSpan();
        ReadOnlySpan<int> columns = _ensemble.SplitColumns.AsSpan();
        ReadOnlySpan<byte> thresholds = _ensemble.SplitBins.AsSpan();
        ReadOnlySpan<int> players = _players;
        ReadOnlySpan<double> values = _values;
        for (int tree = 0; tree < depths.Length; tree++)
        {
            int depth = depths[tree];
            int count = _playerCounts[tree];
            int leaf = 0;
            for (int level = 0; level < depth; level++)
            {
                leaf = (leaf << 1) | ObliviousEnsemble.GreaterBit(quantisedRow[columns[level]], thresholds[level]);
            }
            ReadOnlySpan<double> own = values.Slice(leaf * count, count);
            for (int i = 0; i < own.Length; i++)
            {
                contributions[players[i]] += own[i];
            }
            columns = columns[depth..];
            thresholds = thresholds[depth..];
            players = players[count..];
            values = values[(count << depth)..];
        }
    }

    /// <summary>The cooperative game that one tree plays.</summary>
    private readonly ref struct TreeGame
    {
        private readonly int _depth;
        private readonly int[] _levelsOf;   // bits of the leaf index that belong to each player
        private readonly double[] _worth;   // by ternary number, see below

        public TreeGame(int[] features, ReadOnlySpan<float> leafValues, ReadOnlySpan<float> leafWeights)
        {
            _depth = features.Length;
            Players = [.. features.Distinct()];
            _levelsOf = new int[Players.Length];
            for (int level = 0; level < _depth; level++)
            {
                _levelsOf[Array.IndexOf(Players, features[level])] |= 1 << (_depth - 1 - level);
            }
            _worth = Worth(_depth, leafValues, leafWeights);
        }

        public int[] Players { get; }

        // All digits are "averaged over".
        public double Expectation => _worth[^1];

        /// <summary>[leaves x players]: the Shapley values of each leaf's rows.</summary>
        public double[] Values()
        {
            int players = Players.Length;
            double[] shares = new double[Math.Max(players, 1)];
            for (int size = 0; size < players; size++)
            {
                shares[size] = 1 / (players * Binomial(players - 1, size));
            }
            int[] ternary = new int[1 << _depth]; // the same digits, read to base 3
            for (int i = 1; i < ternary.Length; i++)
            {
                ternary[i] = (3 * ternary[i >> 1]) + (i & 1);
            }
            int all = (1 << _depth) - 1;
            int[] known = new int[1 << players];
            for (int coalition = 1; coalition < known.Length; coalition++)
            {
                known[coalition] = known[coalition & (coalition - 1)] | _levelsOf[BitOperations.TrailingZeroCount(coalition)];
            }
            double[] values = new double[players << _depth];
            double[] worth = new double[known.Length];
            for (int leaf = 0; leaf <= all; leaf++)
            {
                for (int coalition = 0; coalition < worth.Length; coalition++)
                {
                    int open = all & ~known[coalition];
                    worth[coalition] = _worth[ternary[leaf & known[coalition]] + (2 * ternary[open])];
                }
                for (int coalition = 0; coalition < worth.Length - 1; coalition++)
                {
                    double share = shares[BitOperations.PopCount((uint)coalition)];
                    for (int joiners = ~coalition & (worth.Length - 1); joiners != 0; joiners &= joiners - 1)
                    {
                        int player = BitOperations.TrailingZeroCount(joiners);
                        values[(leaf * players) + player] += share * (worth[coalition | (1 << player)] - worth[coalition]);
                    }
                }
            }
            return values;
        }

        /// <summary>
        /// The mean value of the tree where some answers are given and the others are drawn together from the training
        /// rows, by ternary number: digit 0 or 1 is a given answer, 2 an open one; the first level is the highest digit.
        /// </summary>
        private static double[] Worth(int depth, ReadOnlySpan<float> leafValues, ReadOnlySpan<float> leafWeights)
        {
            double total = 0;
            foreach (float weight in leafWeights)
            {
                total += weight;
            }
            if (!(total > 0))
            {
                throw new ArgumentException("a tree has no leaf weight");
            }
            // Weight of each pattern of open answers: 0 and 1 are answers that were drawn, 2 one that is given and so
            // summed over.
            double[] weights = Extend(depth, leafWeights);
            int[] powers = new int[depth + 1];
            powers[0] = 1;
            for (int i = 1; i <= depth; i++)
            {
                powers[i] = 3 * powers[i - 1];
            }
            double[] worth = new double[powers[depth]];
            for (int pattern = 0; pattern < worth.Length; pattern++)
            {
                int given = 0;
                int drawn = 0; // ternary: 2 where the answer is given
                int open = 0;
                for (int digit = 0, rest = pattern; digit < depth; digit++, rest /= 3)
                {
                    if (rest % 3 == 2)
                    {
                        open |= 1 << digit;
                    }
                    else
                    {
                        given |= (rest % 3) << digit;
                        drawn += 2 * powers[digit];
                    }
                }
                double sum = 0;
                // All subsets of the open bits, from none to all.
                for (int answers = 0; ;)
                {
                    int at = drawn;
                    for (int bits = answers; bits != 0; bits &= bits - 1)
                    {
                        at += powers[BitOperations.TrailingZeroCount(bits)];
                    }
                    sum += weights[at] * leafValues[given | answers];
                    if (answers == open)
                    {
                        break;
                    }
                    answers = (answers - open) & open;
                }
                worth[pattern] = sum / total;
            }
            return worth;
        }

        /// <summary>Sums over any subset of the answers: digit 2 of the ternary number is the sum over 0 and 1.</summary>
        private static double[] Extend(int depth, ReadOnlySpan<float> leafWeights)
        {
            double[] sums = new double[leafWeights.Length];
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] = leafWeights[i];
            }
            // Turns the highest binary digit left into a ternary one: [2][rest] becomes [3][rest], block by block.
            for (int inner = 1; depth > 0; depth--, inner *= 3)
            {
                int blocks = sums.Length / (2 * inner);
                double[] next = new double[blocks * 3 * inner];
                for (int block = 0; block < blocks; block++)
                {
                    for (int i = 0; i < inner; i++)
                    {
                        double zero = sums[(2 * block * inner) + i];
                        double one = sums[(((2 * block) + 1) * inner) + i];
                        next[(3 * block * inner) + i] = zero;
                        next[(((3 * block) + 1) * inner) + i] = one;
                        next[(((3 * block) + 2) * inner) + i] = zero + one;
                    }
                }
                sums = next;
            }
            Debug.Assert(double.IsFinite(sums[^1]));
            return sums;
        }

        private static double Binomial(int n, int k)
        {
            double result = 1;
            for (int i = 1; i <= k; i++)
            {
                result = result * (n - k + i) / i;
            }
            return result;
        }
    }
}
