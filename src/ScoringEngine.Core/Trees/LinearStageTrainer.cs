using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Fits a <see cref="LinearStage"/>: one Newton step of the loss from a constant margin, which is a weighted ridge
/// regression in each piece. The feature that tells the pieces, and their number, are chosen on a sample by the Bayesian
/// information criterion (Schwarz, 1978). The bits depend on the rows alone.
/// </summary>
internal sealed class LinearStageTrainer
{
    // Standard deviations beyond which a value counts no further, as for a logistic regression's terms.
    private const float MaxDeviation = 8;
    private const int MaxSampleRows = 20_000;
    private const int MaxTerms = 64;
    private const int MaxCells = 64;
    private const double L2 = 1;

    // Rows whose sums are taken together; sums of chunks are added in order.
    private const int ChunkRows = 16_384;

    private readonly FeatureMatrix _rows;
    private readonly ReadOnlyMemory<float> _rowWeights;
    private readonly float[] _responses;
    private readonly float[] _weights;
    private readonly Workers _workers;
    private readonly int[] _sample;

    private LinearStageTrainer(FeatureMatrix values, LabelledRows rows, Loss loss, Workers workers)
    {
        _rows = values;
        _rowWeights = rows.Weights;
        _workers = workers;
        int sample = Math.Min(values.Rows, MaxSampleRows);
        _sample = [.. Enumerable.Range(0, sample).Select(i => (int)((long)i * values.Rows / sample))];

        // The step from a constant: weights are the hessians, responses the margins that the gradients ask for.
        loss = loss.RefitsLeaves ? new SquaredLoss() : loss;
        ReadOnlySpan<float> targets = rows.Targets.Span;
        float start = (float)loss.InitialMargin(targets, rows.Weights.Span);
        float[] margins = new float[targets.Length];
        Array.Fill(margins, start);
        _responses = new float[targets.Length];
        _weights = new float[targets.Length];
        loss.Gradients(targets, rows.Weights.Span, margins, _responses, _weights);
        for (int i = 0; i < _responses.Length; i++)
        {
            _responses[i] = _weights[i] > 0 ? start - (_responses[i] / _weights[i]) : start;
        }
    }

    private readonly record struct Choice(LinearPieces Pieces, double Criterion);

    /// <summary>Fits a stage.</summary>
    /// <param name="values">The rows as the stage reads them.</param>
    /// <param name="rows">The same rows with their targets.</param>
    /// <param name="loss">What is minimised; where its leaves are refitted, least squares take its place.</param>
    /// <param name="allowed">Whether a feature may be used, by its position in a row.</param>
    /// <param name="workers">Who fits.</param>
    /// <returns>The stage, or null where no number varies or its coefficients are not finite.</returns>
    public static LinearStage? Fit(FeatureMatrix values, LabelledRows rows, Loss loss, Func<int, bool> allowed, Workers workers)
    {
        // A code column has neither a number nor a category to tell pieces by; its feature has category columns too.
        QuantisedColumn[] columns = [.. rows.Rows.Quantiser.Columns.Where(c => c.BinOfCode.IsEmpty && allowed(c.Feature))];
        LinearStageTrainer trainer = new(values, rows, loss, workers);
        LinearTerm[] terms = trainer.Terms([.. columns.Where(c => c.Category is null).Select(c => c.Feature).Distinct()]);
        return terms.Length == 0 ? null : trainer.Refit(trainer.Choose(columns, terms), terms);
    }

    /// <summary>Fits a stage with the pieces and terms of one that was fitted to fewer rows.</summary>
    public static LinearStage? Refit(LinearStage stage, FeatureMatrix values, LabelledRows rows, Loss loss, Workers workers)
        => new LinearStageTrainer(values, rows, loss, workers).Refit(stage.Pieces, [.. stage.Terms]);

    /// <summary>The numbers that vary, by position; where there are very many, those that go best with the response.</summary>
    private LinearTerm[] Terms(int[] features)
    {
        (LinearTerm Term, double Explained)[] found = new (LinearTerm, double)[features.Length];
        _workers.For(features.Length, f =>
        {
            (double mean, double meanResponse) = (0, 0);
            double weight = 0;
            foreach (int row in _sample)
            {
                if (float.IsFinite(_rows[row, features[f]]))
                {
                    weight += _weights[row];
                    mean += (double)_weights[row] * _rows[row, features[f]];
                    meanResponse += (double)_weights[row] * _responses[row];
                }
            }
            mean /= Math.Max(weight, double.Epsilon);
            meanResponse /= Math.Max(weight, double.Epsilon);
            double squares = 0;
            double products = 0;
            foreach (int row in _sample)
            {
                if (float.IsFinite(_rows[row, features[f]]))
                {
                    double distance = _rows[row, features[f]] - mean;
                    squares += _weights[row] * distance * distance;
                    products += _weights[row] * distance * (_responses[row] - meanResponse);
                }
            }
            float limit = weight > 0 ? (float)(MaxDeviation * Math.Sqrt(squares / weight)) : 0;
            found[f] = (new LinearTerm(features[f], (float)mean, limit), squares > 0 ? products * products / squares : 0);
        });
        return [.. found.Where(f => f.Term.Limit > 0 && float.IsFinite(f.Term.Limit) && float.IsFinite(f.Term.Center))
            .OrderByDescending(f => f.Explained).Take(MaxTerms).Select(f => f.Term).OrderBy(t => t.Feature)];
    }

    private LinearPieces Choose(QuantisedColumn[] columns, LinearTerm[] terms)
    {
        int width = terms.Length + 2;
        double[] rows = new double[_sample.Length * width];
        WeightedMoments all = new(width);
        for (int i = 0; i < _sample.Length; i++)
        {
            Span<double> row = rows.AsSpan(i * width, width);
            Fill(row, terms, _sample[i]);
            all.Add(row, _weights[_sample[i]]);
        }
        IGrouping<int, QuantisedColumn>[] features = [.. columns.GroupBy(c => c.Feature)];
        Choice[] choices = new Choice[features.Length];
        double least = 1e-10 * all.Remaining(null, double.MaxValue / 2, new double[width * width]);
        _workers.For(features.Length, f =>
        {
            int feature = features[f].Key;
            bool isCategory = features[f].First().Category is not null;
            float[] bounds = isCategory ? Codes(features[f]) : Cuts(features[f].First());
            WeightedMoments[] cells = [.. Enumerable.Range(0, bounds.Length + 1).Select(_ => new WeightedMoments(width))];
            for (int i = 0; i < _sample.Length; i++)
            {
                int cell = LinearPieces.Of(bounds, isCategory, _rows[_sample[i], feature]);
                cells[cell].Add(rows.AsSpan(i * width, width), _weights[_sample[i]]);
            }
            choices[f] = isCategory ? Part(feature, bounds, cells) : Cut(feature, bounds, cells);
        });
        Choice best = new(LinearPieces.One, Criterion(all.Remaining(null, L2, new double[width * width]), 1));
        foreach (Choice choice in choices)
        {
            best = choice.Criterion < best.Criterion ? choice : best;
        }
        return best.Pieces;

        double Criterion(double remaining, int pieces)
            => (_sample.Length * DeterministicMath.Log(Math.Max(remaining, least)))
                + (pieces * (width - 1) * DeterministicMath.Log(_sample.Length));

        // A piece for each category.
        Choice Part(int feature, float[] codes, WeightedMoments[] cells)
        {
            double[] scratch = new double[width * width];
            double remaining = 0;
            foreach (WeightedMoments cell in cells)
            {
                remaining += cell.Remaining(null, L2, scratch);
            }
            return new Choice(LinearPieces.OfCategories(feature, [.. codes]), Criterion(remaining, cells.Length));
        }

        // Cuts intervals in two, the cut that helps most first, and keeps the number of cuts with the best criterion.
        Choice Cut(int feature, float[] cuts, WeightedMoments[] cells)
        {
            double[] scratch = new double[width * width];
            WeightedMoments[] totals = new WeightedMoments[cells.Length + 1];
            totals[0] = new WeightedMoments(width);
            for (int c = 0; c < cells.Length; c++)
            {
                totals[c + 1] = totals[c].Copy();
                totals[c + 1].Add(cells[c]);
            }
            List<Interval> intervals = [BestCut(0, cells.Length, Remaining(0, cells.Length))];
            List<float> chosen = [];
            Choice best = new(LinearPieces.One, double.PositiveInfinity);
            double remaining = intervals[0].Remaining;
            while (intervals.Count < LinearStage.MaxPieces)
            {
                Interval next = intervals.MaxBy(i => i.Gain);
                if (!(next.Gain > 0))
                {
                    break;
                }
                intervals.Remove(next);
                intervals.Add(BestCut(next.From, next.Cut, next.Left));
                intervals.Add(BestCut(next.Cut, next.To, next.Right));
                chosen.Add(cuts[next.Cut - 1]);
                remaining -= next.Gain;
                double criterion = Criterion(remaining, intervals.Count);
                best = criterion < best.Criterion ? new Choice(LinearPieces.OfCuts(feature, [.. chosen.Order()]), criterion) : best;
            }
            return best;

            double Remaining(int from, int to) => totals[to].Remaining(totals[from], L2, scratch);

            Interval BestCut(int from, int to, double whole)
            {
                Interval best = new(from, to, whole, 0, 0, 0);
                for (int cut = from + 1; cut < to; cut++)
                {
                    if (Math.Min(totals[cut].Rows - totals[from].Rows, totals[to].Rows - totals[cut].Rows) < 2 * width)
                    {
                        continue;
                    }
                    Interval candidate = new(from, to, whole, cut, Remaining(from, cut), Remaining(cut, to));
                    best = candidate.Gain > best.Gain ? candidate : best;
                }
                return best;
            }
        }
    }

    /// <summary>Cells From..To-1 of a feature and the best cut through them; Cut is 0 where there is none.</summary>
    private readonly record struct Interval(int From, int To, double Remaining, int Cut, double Left, double Right)
    {
        public double Gain => Cut == 0 ? 0 : Remaining - Left - Right;
    }

    /// <summary>Evenly spaced thresholds, which are quantiles.</summary>
    private static float[] Cuts(QuantisedColumn column)
    {
        int count = Math.Min(column.Thresholds.Length, MaxCells - 1);
        return [.. Enumerable.Range(0, count).Select(i => column.Thresholds[(int)((i + 0.5) * column.Thresholds.Length / count)])];
    }

    /// <summary>The most frequent categories, by code.</summary>
    private float[] Codes(IGrouping<int, QuantisedColumn> columns)
        => [.. columns.Select(c => (float)c.Category!.Value)
            .OrderByDescending(code => _sample.Count(row => _rows[row, columns.Key] == code)).ThenBy(code => code)
            .Take(LinearStage.MaxPieces - 1).Order()];

    /// <summary>Regressions of all rows, drawn towards that of all pieces together where a piece has few.</summary>
    private LinearStage? Refit(LinearPieces pieces, LinearTerm[] terms)
    {
        int width = terms.Length + 2;
        int count = pieces.Count;
        (WeightedMoments[] Moments, double[] Answers)[] chunks = new (WeightedMoments[], double[])[(_rows.Rows + ChunkRows - 1) / ChunkRows];
        _workers.For(chunks.Length, chunk =>
        {
            WeightedMoments[] moments = [.. Enumerable.Range(0, count).Select(_ => new WeightedMoments(width))];
            double[] answers = new double[count * (terms.Length + 1)];
            Span<double> row = stackalloc double[MaxTerms + 2];
            row = row[..width];
            int end = Math.Min((chunk + 1) * ChunkRows, _rows.Rows);
            for (int r = chunk * ChunkRows; r < end; r++)
            {
                int piece = pieces.Of(_rows.Row(r));
                Fill(row, terms, r);
                moments[piece].Add(row, _weights[r]);
                double weight = Loss.Weight(_rowWeights.Span, r);
                for (int t = 0; t <= terms.Length; t++)
                {
                    answers[(t * count) + piece] += weight * row[t];
                }
            }
            chunks[chunk] = (moments, answers);
        });
        (WeightedMoments[] total, double[] sums) = chunks[0];
        foreach ((WeightedMoments[] moments, double[] answers) in chunks.AsSpan(1))
        {
            for (int p = 0; p < count; p++)
            {
                total[p].Add(moments[p]);
            }
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] += answers[i];
            }
        }
        WeightedMoments all = total[0].Copy();
        foreach (WeightedMoments moments in total.AsSpan(1))
        {
            all.Add(moments);
        }
        double[] common = all.Solve(L2, []);
        double[][] own = [.. total.Select(m => count == 1 ? common : m.Solve(L2, common))];
        double weightOfAll = sums[..count].Sum();
        float[] weights = [.. terms.SelectMany((term, t) => own.Select(b => (float)(b[t + 1] / Scale(term))))];
        float[] intercepts = [.. own.Select(b => (float)b[0])];
        return weights.All(float.IsFinite) && intercepts.All(float.IsFinite)
            ? new LinearStage(
                _rows.Columns, pieces, [.. terms], [.. intercepts], [.. weights], [.. sums[..count].Select(s => s / weightOfAll)],
                [.. terms.SelectMany((term, t) => sums.Skip((t + 1) * count).Take(count).Select(s => s * Scale(term) / weightOfAll))])
            : null;
    }

    /// <summary>[1, standardised answers, response] of a row.</summary>
    private void Fill(Span<double> into, LinearTerm[] terms, int row)
    {
        into[0] = 1;
        for (int t = 0; t < terms.Length; t++)
        {
            into[t + 1] = terms[t].Answer(_rows[row, terms[t].Feature]) / Scale(terms[t]);
        }
        into[^1] = _responses[row];
    }

    private static double Scale(LinearTerm term) => term.Limit / MaxDeviation;
}
