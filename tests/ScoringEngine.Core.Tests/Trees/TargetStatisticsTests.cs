using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Trees;

public sealed class TargetStatisticsTests(ITestOutputHelper output)
{
    private const int Numbers = 3;
    private const int Town = Numbers;

    [Fact]
    public void Train_RandomIdOfManyCategories_GainsNothingAndCostsNothing()
    {
        Sample sample = new(rows: 8_000, towns: 2_000, effect: 0, seed: 1);

        (double without, double ordered, double naive) = sample.HeldOutErrors(output);

        Assert.InRange(ordered, 0.98 * without, 1.01 * without);

        // Had every training row met its own target in the table, the trees would have believed it.
        Assert.True(naive > 1.03 * without, $"{naive} and {without}");
    }

    [Fact]
    public void Train_EffectOfManyCategories_LowersHeldOutError()
    {
        Sample sample = new(rows: 8_000, towns: 300, effect: 2, seed: 2);

        (double without, double ordered, _) = sample.HeldOutErrors(output);

        Assert.True(ordered < 0.7 * without, $"{ordered} and {without}");
    }

    [Fact]
    public void Fit_ManyCategories_OrdersThemByShrunkMean()
    {
        FeatureSchema schema = Schema(6);
        FeatureMatrix rows = Towns([0, 0, 1, 2, 3, 3, 3, 5, float.NaN, 6]);
        float[] targets = [2, 4, -8, float.NaN, 3, 3, 3, 3, 100, 100];
        Quantiser quantiser = Quantiser.Fit(schema, rows, new QuantiserOptions { MaxCategories = 2 });

        Quantiser fitted = TargetStatistics.Fit(schema, quantiser, rows, targets, priorStrength: 1).Quantiser;

        // The mean is 210 / 9; statistics by code: 9.78, 7.67, mean (twice), 8.08, 13.17, and bins in their order.
        Assert.Equal(quantiser.Columns, fitted.Columns[..^1]);
        Assert.Equal([3, 1, 4, 2, 4, 4], Assert.Single(fitted.Columns, c => !c.BinOfCode.IsEmpty).BinOfCode);
    }

    [Fact]
    public void Fit_CategoriesThatHaveColumnsOrNoTargets_AddsNoColumn()
    {
        FeatureSchema schema = Schema(40);
        FeatureMatrix rows = Towns([.. Enumerable.Range(0, 80).Select(i => (float)(i % 40))]);
        float[] targets = [.. Enumerable.Range(0, 80).Select(i => (float)i)];
        Quantiser few = Quantiser.Fit(schema, rows, new QuantiserOptions { MaxCategories = 40 });
        Quantiser many = Quantiser.Fit(schema, rows);

        Assert.Same(few, TargetStatistics.Fit(schema, few, rows, targets).Quantiser);
        Assert.Same(many, TargetStatistics.Fit(schema, many, rows, Enumerable.Repeat(float.NaN, 80).ToArray()).Quantiser);
        Assert.Same(many, TargetStatistics.Fit(schema, many, rows, Enumerable.Repeat(7f, 80).ToArray()).Quantiser);
        Assert.NotSame(many, TargetStatistics.Fit(schema, many, rows, targets).Quantiser);
    }

    [Fact]
    public void Fit_MoreStatisticsThanBins_KeepsTheirOrder()
    {
        Sample sample = new(rows: 8_000, towns: 2_000, effect: 3, seed: 3);
        TargetStatistics statistics = TargetStatistics.Fit(sample.Schema, sample.Plain, sample.Rows, sample.Targets);
        QuantisedColumn column = statistics.Quantiser.Columns[^1];
        double mean = sample.Targets.Average(t => (double)t);
        double[] ofCode = [.. Enumerable.Range(0, 2_000).Select(code =>
        {
            float[] own = [.. sample.Targets.Where((_, r) => sample.Rows[r, Town] == code)];
            return (own.Sum(t => (double)t) + (3 * mean)) / (own.Length + 3);
        })];

        Assert.Equal(Quantiser.MaxBinCount, column.BinCount);
        Assert.Equal(254, column.BinOfCode.Distinct().Count());
        int[] codes = [.. Enumerable.Range(0, 2_000).OrderBy(code => (float)ofCode[code])];
        Assert.Equal(column.BinOfCode.Order(), codes.Select(code => column.BinOfCode[code]));
    }

    [Fact]
    public void QuantiseForTraining_Rows_EqualsALoopOverTheRowsBefore()
    {
        Sample sample = new(rows: 1_500, towns: 60, effect: 2, seed: 4);
        sample.Targets[7] = float.NaN;
        TargetStatistics statistics = TargetStatistics.Fit(sample.Schema, sample.Plain, sample.Rows, sample.Targets, priorStrength: 3);
        QuantisedMatrix matrix = statistics.QuantiseForTraining(sample.Rows, sample.Targets, seed: 5);
        int[] order = [.. Enumerable.Range(0, sample.Rows.Rows)];
        new SeededRandom(5, -1).Shuffle<int>(order);
        float[] known = [.. sample.Targets.Where(t => !float.IsNaN(t))];
        double mean = known.Sum(t => (double)t) / known.Length;

        // The table's own statistics tell where a statistic belongs: bins rise with it.
        QuantisedColumn codes = statistics.Quantiser.Columns[^1];
        (float Statistic, byte Bin)[] table = [.. Enumerable.Range(0, 60)
            .Select(code => (Statistic(Enumerable.Range(0, order.Length), code), codes.BinOfCode[code])).Order()];
        int bounded = 0;
        for (int i = 0; i < order.Length; i++)
        {
            byte bin = matrix[order[i], statistics.Quantiser.Columns.Length - 1];
            float town = sample.Rows[order[i], Town];
            if (float.IsNaN(town))
            {
                Assert.Equal(0, bin);
                continue;
            }
            float statistic = Statistic(order[..i], (int)town);
            byte below = table.LastOrDefault(t => t.Statistic <= statistic, (0, (byte)1)).Bin;
            byte above = table.FirstOrDefault(t => t.Statistic >= statistic, (0, (byte)(codes.BinCount - 1))).Bin;
            Assert.InRange(bin, below, above);
            bounded += above - below < 2 ? 1 : 0;
        }
        Assert.Equal(order.Length - sample.Rows.Values.Where((_, i) => i % sample.Rows.Columns == Town).Count(float.IsNaN), bounded);

        float Statistic(IEnumerable<int> rows, int code)
        {
            double sum = 0;
            int count = 0;
            foreach (int row in rows.Where(row => sample.Rows[row, Town] == code && !float.IsNaN(sample.Targets[row])))
            {
                sum += sample.Targets[row];
                count++;
            }
            return (float)((sum + (3 * mean)) / (count + 3));
        }
    }

    [Fact]
    public void QuantiseForTraining_AnyNumberOfThreads_GivesTheSameBits()
    {
        Sample sample = new(rows: 5_000, towns: 700, effect: 1, seed: 6);
        (Quantiser Quantiser, QuantisedMatrix Rows)[] all = [.. new[] { 1, 2, 7 }.Select(threads =>
        {
            TargetStatistics statistics = TargetStatistics.Fit(
                sample.Schema, Quantiser.Fit(sample.Schema, sample.Rows, threads: threads), sample.Rows, sample.Targets, threads: threads);
            return (statistics.Quantiser, statistics.QuantiseForTraining(sample.Rows, sample.Targets, seed: 9, threads));
        })];

        Assert.All(all[1..], other =>
        {
            Assert.Equal(all[0].Quantiser.Columns.Length, other.Quantiser.Columns.Length);
            for (int c = 0; c < other.Quantiser.Columns.Length; c++)
            {
                Assert.Equal(all[0].Quantiser.Columns[c].Thresholds, other.Quantiser.Columns[c].Thresholds);
                Assert.Equal(all[0].Quantiser.Columns[c].Category, other.Quantiser.Columns[c].Category);
                Assert.Equal(all[0].Quantiser.Columns[c].BinOfCode, other.Quantiser.Columns[c].BinOfCode);
                Assert.All(Enumerable.Range(0, sample.Rows.Rows), r => Assert.Equal(all[0].Rows[r, c], other.Rows[r, c]));
            }
        });
    }

    [Fact]
    public void Fit_LinearModels_TakeNothingFromACodeColumn()
    {
        Sample sample = new(rows: 3_000, towns: 60, effect: 2, seed: 7);
        Quantiser withCodes = TargetStatistics.Fit(sample.Schema, sample.Plain, sample.Rows, sample.Targets).Quantiser;
        float[] labels = [.. sample.Targets.Select(t => t > 0 ? 1f : 0f)];
        TreeTrainingOptions options = new() { Trees = 1, LinearStage = LinearStageUse.Always };
        LinearStage[] stages = [.. new[] { sample.Plain, withCodes }.Select(quantiser => Assert.IsType<BoostedModel>(
            BoostedTrainer.Train(sample.Rows, TreeData.Label(quantiser, sample.Rows, sample.Targets), options: options).Model).Stage)];

        Assert.NotSame(sample.Plain, withCodes);
        Assert.Equal(LogisticTrainer.Fit(sample.Plain, sample.Rows, labels).Terms, LogisticTrainer.Fit(withCodes, sample.Rows, labels).Terms);
        Assert.Equal(stages[0].Terms, stages[1].Terms);
        Assert.Equal(stages[0].Weights, stages[1].Weights);
        Assert.Equal(stages[0].Pieces.Bounds, stages[1].Pieces.Bounds);
    }

    [Fact]
    public void Fit_WrongArguments_Throws()
    {
        FeatureSchema schema = Schema(3);
        FeatureMatrix rows = Towns([0, 1, 2]);
        Quantiser quantiser = Quantiser.Fit(schema, rows);

        Assert.Throws<ArgumentException>(() => TargetStatistics.Fit(schema, quantiser, rows, new float[2]));
        Assert.Throws<ArgumentException>(() => TargetStatistics.Fit(schema, quantiser, rows, new[] { 1, 2, float.PositiveInfinity }));
        Assert.Throws<ArgumentOutOfRangeException>(() => TargetStatistics.Fit(schema, quantiser, rows, new float[3], priorStrength: 0));
        Assert.Throws<ArgumentException>(() => QuantisedColumn.OfCodes(0, []));
        Assert.Throws<ArgumentException>(() => QuantisedColumn.OfCodes(0, [255]));
    }

    [Fact]
    public void Train_MonotoneConstraintOnACodeColumn_Throws()
    {
        Quantiser quantiser = new(1, [QuantisedColumn.OfCodes(0, [1, 2])]);
        LabelledRows rows = TreeData.Label(quantiser, Towns([0, 1]), [1, 2]);

        Assert.Throws<ArgumentException>(() => ObliviousTreeTrainer.Train(rows, options: new TreeTrainingOptions { MonotoneConstraints = [1] }));
    }

    private static FeatureMatrix Towns(float[] codes) => new(codes.Length, 1, codes);

    private static FeatureSchema Schema(int towns, int numbers = 0) => new([
        .. Enumerable.Range(0, numbers).Select(i => new Feature { Id = i + 1, Name = "x" + i, Kind = FeatureKind.Numeric }),
        new Feature { Id = numbers + 1, Name = "town", Kind = FeatureKind.Categorical, Categories = [.. Enumerable.Range(0, towns).Select(i => $"t{i}")] },
    ]);

    /// <summary>A few numbers that matter, and a town whose effect is normal with a given deviation, missing in 2 %.</summary>
    private sealed class Sample
    {
        private readonly FeatureMatrix _heldOut;
        private readonly float[] _heldOutTargets;

        public Sample(int rows, int towns, double effect, long seed)
        {
            Schema = Schema(towns, Numbers);
            SeededRandom random = new(seed);
            double[] effects = [.. Enumerable.Range(0, towns).Select(_ => effect * random.NextNormal())];
            (Rows, Targets) = Draw(rows);
            (_heldOut, _heldOutTargets) = Draw(4_000);
            Plain = Quantiser.Fit(Schema, Rows);

            (FeatureMatrix, float[]) Draw(int count)
            {
                FeatureMatrix matrix = new(count, Numbers + 1);
                float[] targets = new float[count];
                for (int r = 0; r < count; r++)
                {
                    for (int c = 0; c < Numbers; c++)
                    {
                        matrix[r, c] = (float)random.NextNormal();
                    }
                    int town = random.Next(towns);
                    matrix[r, Town] = random.NextDouble() < 0.02 ? float.NaN : town;
                    targets[r] = (float)(matrix[r, 0] + (matrix[r, 1] > 0 ? matrix[r, 2] : 0) + effects[town] + random.NextNormal());
                }
                return (matrix, targets);
            }
        }

        public FeatureSchema Schema { get; }

        public FeatureMatrix Rows { get; }

        public float[] Targets { get; }

        public Quantiser Plain { get; }

        /// <summary>Held-out errors without statistics, with ordered ones, and with those of the table in training too.</summary>
        public (double Without, double Ordered, double Naive) HeldOutErrors(ITestOutputHelper output)
        {
            TargetStatistics statistics = TargetStatistics.Fit(Schema, Plain, Rows, Targets);
            (double Without, double Ordered, double Naive) errors = (
                Error(Plain.Quantise(Rows)), Error(statistics.QuantiseForTraining(Rows, Targets, seed: 1)), Error(statistics.Quantiser.Quantise(Rows)));
            output.WriteLine($"held-out root mean squared errors: {errors}");
            return errors;
        }

        private double Error(QuantisedMatrix rows)
        {
            TreeTrainingOptions options = new() { Trees = 80, Depth = 5, MinLeafWeight = 5 };
            ObliviousEnsemble model = ObliviousTreeTrainer.Train(new LabelledRows(rows, Targets), options: options).Model;
            return RegressionMetrics.RootMeanSquaredError(_heldOutTargets, TreeData.Predict(model, rows.Quantiser, _heldOut));
        }
    }
}
