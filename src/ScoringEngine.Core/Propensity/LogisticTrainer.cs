using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>
/// Fits a <see cref="LogisticRegression"/> by Newton's method with step halving (iteratively reweighted least squares)
/// on the log-loss summed over rows plus l2 / 2 times the squared weights. The bits depend on rows and settings alone:
/// sums run over a number of pieces that the rows alone decide.
/// </summary>
public sealed class LogisticTrainer
{
    private const int MaxSteps = 50;
    private const int MaxPieces = 16;
    private const int MinPieceRows = 1024;

    private readonly FeatureMatrix _rows;
    private readonly float[] _labels;
    private readonly float[] _weights;
    private readonly double _l2;
    private readonly Workers _workers;
    private readonly LogisticTerm[] _terms;
    private readonly FeatureTerms[] _features;
    private readonly int _pieces;

    private LogisticTrainer(
        FeatureMatrix rows, float[] labels, float[] weights, double l2, Workers workers, LogisticTerm[] terms)
    {
        _rows = rows;
        _labels = labels;
        _weights = weights;
        _l2 = l2;
        _workers = workers;
        _terms = terms;
        _features = [.. terms.Select((t, i) => (t, i)).GroupBy(t => t.t.Feature).Select(g => new FeatureTerms(g.Key, [.. g]))];
        _pieces = Math.Clamp(rows.Rows / MinPieceRows, 1, MaxPieces);
    }

    /// <summary>Fits on rows with outcomes.</summary>
    /// <param name="quantiser">
    /// Its columns say which features and categories take part: a number (and a term for its absence, where some rows
    /// lack it) for a threshold column, a category for a category column, nothing for a code column.
    /// </param>
    /// <param name="rows">[rows x quantiser.RowLength], at least one.</param>
    /// <param name="labels">0 or 1.</param>
    /// <param name="weights">One weight a row, finite, 0 or more with a positive sum; empty for 1 each.</param>
    /// <param name="l2">Factor on the squared weights, above 0; 1 is scikit-learn's default.</param>
    /// <param name="excludedFeatures">Row positions of features that may not be used.</param>
    /// <param name="threads">Threads to use, 0 for all cores.</param>
    /// <param name="cancellation">Ends the training with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">Lengths differ, or a value is out of range.</exception>
    public static LogisticRegression Fit(
        Quantiser quantiser, FeatureMatrix rows, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights = default, double l2 = 1,
        ImmutableArray<int> excludedFeatures = default, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(quantiser);
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Columns != quantiser.RowLength || labels.Length != rows.Rows || (!weights.IsEmpty && weights.Length != rows.Rows))
        {
            throw new ArgumentException($"expected {rows.Rows} rows of {quantiser.RowLength}, as many labels, and as many or no weights");
        }
        if (!(l2 > 0 && double.IsFinite(l2)))
        {
            throw new ArgumentOutOfRangeException(nameof(l2), l2, "expected above 0");
        }
        for (int i = 0; i < labels.Length; i++)
        {
            if (labels[i] is not (0 or 1) || (!weights.IsEmpty && !(weights[i] >= 0 && float.IsFinite(weights[i]))))
            {
                throw new ArgumentException($"row {i}: expected a label of 0 or 1 and a finite weight of at least 0");
            }
        }
        if (!(Evidence.Of(labels, weights).Rows > 0))
        {
            throw new ArgumentException("there is no row with a positive weight", nameof(weights));
        }
        Workers workers = new(threads, cancellation);
        float[] weightArray = weights.ToArray();
        LogisticTerm[] terms = Terms(quantiser, rows, weightArray, excludedFeatures, workers);
        return new LogisticTrainer(rows, labels.ToArray(), weightArray, l2, workers, terms).Run();
    }

    private LogisticRegression Run()
    {
        Evidence evidence = Evidence.Of(_labels, _weights);
        double[] at = new double[_terms.Length + 1]; // the intercept comes last
        at[^1] = DeterministicMath.Logit(Math.Clamp(evidence.Rate, 1e-6, 1 - 1e-6));
        Sums sums = Derivatives(at, curvature: true);
        for (int step = 0; step < MaxSteps; step++)
        {
            double[] direction = Solve(sums);
            double decrement = 0;
            for (int i = 0; i < at.Length; i++)
            {
                decrement += direction[i] * sums.Gradient[i];
            }
            if (!(decrement > 1e-10 * (1 + sums.Loss)))
            {
                break;
            }
            double length = 1;
            double[] next;
            double loss;
            do
            {
                next = [.. at.Select((b, i) => b - (length * direction[i]))];
                loss = Derivatives(next, curvature: false).Loss;
                length /= 2;
            }
            while (!(loss < sums.Loss) && length > 1e-6);
            if (!(loss < sums.Loss))
            {
                break;
            }
            at = next;
            sums = Derivatives(at, curvature: true);
        }
        return new LogisticRegression(_rows.Columns, at[^1], [.. _terms.Select((t, i) => t with { Weight = at[i] })]);
    }

    /// <summary>The terms without their weights, in order of features.</summary>
    private static LogisticTerm[] Terms(
        Quantiser quantiser, FeatureMatrix rows, float[] weights, ImmutableArray<int> excluded, Workers workers)
    {
        IGrouping<int, QuantisedColumn>[] features = [.. quantiser.Columns
            .Where(c => excluded.IsDefault || !excluded.Contains(c.Feature)).GroupBy(c => c.Feature)];
        List<LogisticTerm>[] terms = new List<LogisticTerm>[features.Length];
        workers.For(features.Length, f =>
        {
            int feature = features[f].Key;
            List<LogisticTerm> candidates = [];
            foreach (QuantisedColumn column in features[f])
            {
                if (column.Category is { } category)
                {
                    candidates.Add(new LogisticTerm(feature, LogisticTermKind.Category, category, 0, 1, 0, 0));
                }
                else if (!column.IsCategorical)
                {
                    (double mean, double deviation) = Moments(v => v, v => !float.IsNaN(v));
                    if (deviation > 0)
                    {
                        candidates.Add(new LogisticTerm(feature, LogisticTermKind.Number, 0, mean, deviation, 0, 0));
                    }
                }
            }
            candidates.Add(new LogisticTerm(feature, LogisticTermKind.Missing, 0, 0, 1, 0, 0));
            terms[f] = [];
            foreach (LogisticTerm term in candidates)
            {
                (double average, double deviation) = Moments(v => term.Answer(v), _ => true);
                if (deviation > 0)
                {
                    terms[f].Add(term with { Average = average });
                }
            }

            (double Mean, double Deviation) Moments(Func<float, double> answer, Func<float, bool> counts)
            {
                double sum = 0;
                double weight = 0;
                for (int r = 0; r < rows.Rows; r++)
                {
                    if (counts(rows[r, feature]))
                    {
                        double w = Loss.Weight(weights, r);
                        sum += w * answer(rows[r, feature]);
                        weight += w;
                    }
                }
                double mean = weight > 0 ? sum / weight : 0;
                double squares = 0;
                for (int r = 0; r < rows.Rows; r++)
                {
                    if (counts(rows[r, feature]))
                    {
                        double difference = answer(rows[r, feature]) - mean;
                        squares += Loss.Weight(weights, r) * difference * difference;
                    }
                }
                return (mean, weight > 0 ? Math.Sqrt(squares / weight) : 0);
            }
        });
        return [.. terms.SelectMany(t => t)];
    }

    private Sums Derivatives(double[] at, bool curvature)
    {
        int length = at.Length;
        Sums[] parts = new Sums[_pieces];
        _workers.For(_pieces, piece =>
        {
            double[] gradient = new double[curvature ? length : 0];
            double[] hessian = new double[curvature ? length * length : 0];
            // The answers of a row other than 0: few, however many categories there are.
            int[] index = new int[length];
            double[] answer = new double[length];
            double loss = 0;
            int end = (int)((long)_rows.Rows * (piece + 1) / _pieces);
            for (int r = (int)((long)_rows.Rows * piece / _pieces); r < end; r++)
            {
                int count = Answers(_rows.Row(r), index, answer);
                double z = 0;
                for (int i = 0; i < count; i++)
                {
                    z += at[index[i]] * answer[i];
                }
                double w = Loss.Weight(_weights, r);
                double e = DeterministicMath.Exp(-Math.Abs(z));
                loss += w * (DeterministicMath.Log(1 + e) + Math.Max(z, 0) - (_labels[r] * z));
                if (!curvature)
                {
                    continue;
                }
                double small = e / (1 + e);
                double error = w * ((z >= 0 ? 1 - small : small) - _labels[r]);
                double bend = w * small * (1 - small);
                for (int i = 0; i < count; i++)
                {
                    gradient[index[i]] += error * answer[i];
                    double scaled = bend * answer[i];
                    Span<double> line = hessian.AsSpan(index[i] * length, length);
                    for (int j = 0; j <= i; j++)
                    {
                        line[index[j]] += scaled * answer[j]; // indices ascend: the lower triangle
                    }
                }
            }
            parts[piece] = new Sums(loss, gradient, hessian);
        });
        Sums total = parts[0];
        double sum = total.Loss;
        foreach (Sums part in parts.AsSpan(1))
        {
            sum += part.Loss;
            Add(part.Gradient, total.Gradient);
            Add(part.Hessian, total.Hessian);
        }
        for (int i = 0; i < _terms.Length; i++)
        {
            sum += _l2 / 2 * at[i] * at[i];
            if (curvature)
            {
                total.Gradient[i] += _l2 * at[i];
                total.Hessian[(i * length) + i] += _l2;
            }
        }
        return total with { Loss = sum };
    }

    private static void Add(double[] part, double[] total)
    {
        for (int i = 0; i < total.Length; i++)
        {
            total[i] += part[i];
        }
    }

    private int Answers(ReadOnlySpan<float> row, int[] index, double[] answer)
    {
        int count = 0;
        foreach (FeatureTerms feature in _features)
        {
            float value = row[feature.Feature];
            int from = feature.First;
            int to = feature.End;
            if (feature.Categories is { } categories && !float.IsNaN(value))
            {
                from = value >= 0 && value < categories.Length ? categories[(int)value] : -1;
                to = from + 1;
            }
            for (int i = from; i >= 0 && i < to; i++)
            {
                double a = _terms[i].Answer(value);
                if (a != 0)
                {
                    index[count] = i;
                    answer[count++] = a;
                }
            }
        }
        index[count] = _terms.Length;
        answer[count] = 1;
        return count + 1;
    }

    /// <summary>Newton's direction: solves hessian * x = gradient by Cholesky's decomposition, which it overwrites.</summary>
    private static double[] Solve(Sums sums)
    {
        double[] x = [.. sums.Gradient];
        double[] l = sums.Hessian;
        int n = x.Length;
        double floor = 0;
        for (int i = 0; i < n; i++)
        {
            floor = Math.Max(floor, 1e-12 * l[(i * n) + i]);
        }
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = l[(i * n) + j];
                for (int k = 0; k < j; k++)
                {
                    sum -= l[(i * n) + k] * l[(j * n) + k];
                }
                // The penalty keeps all pivots but the intercept's away from 0; all-certain rows may bring that one there.
                l[(i * n) + j] = i == j ? Math.Sqrt(Math.Max(sum, floor)) : sum / l[(j * n) + j];
            }
            for (int k = 0; k < i; k++)
            {
                x[i] -= l[(i * n) + k] * x[k];
            }
            x[i] /= l[(i * n) + i];
        }
        for (int i = n - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < n; k++)
            {
                x[i] -= l[(k * n) + i] * x[k];
            }
            x[i] /= l[(i * n) + i];
        }
        return x;
    }

    private readonly record struct Sums(double Loss, double[] Gradient, double[] Hessian);

    /// <summary>The terms First..End-1 of one feature; for categories, the term of each code or -1.</summary>
    private sealed class FeatureTerms
    {
        public FeatureTerms(int feature, (LogisticTerm Term, int Index)[] terms)
        {
            Feature = feature;
            First = terms[0].Index;
            End = terms[^1].Index + 1;
            (LogisticTerm Term, int Index)[] categories = [.. terms.Where(t => t.Term.Kind == LogisticTermKind.Category)];
            if (categories.Length > 0)
            {
                Categories = new int[categories.Max(t => t.Term.Category) + 1];
                Array.Fill(Categories, -1);
                foreach ((LogisticTerm term, int index) in categories)
                {
                    Categories[term.Category] = index;
                }
            }
        }

        public int Feature { get; }

        public int First { get; }

        public int End { get; }

        public int[]? Categories { get; }
    }
}
