using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Scoring;

[Collection(TrainedSampleTests.Name)]
public sealed class ExplainerTests(TrainedSample sample)
{
    private readonly Scorer _scorer = sample.Scorer;

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public void Explain_AnyRowOfABlock_AddsUpToTheMarginAndHidesNothing(int size)
    {
        Explainer explainer = new(_scorer);
        ScoreBlock block = Scored(size);
        for (int r = 0; r < size; r++)
        {
            double profit = block.Profits[r];
            AssertAddsUp(explainer.Profit, block, r, profit);
            foreach ((int proposition, PropensityModel model) in Explained(explainer))
            {
                double margin = AssertAddsUp(explainer.Propensity(Candidate(proposition)), block, r, null);
                Assert.Equal(block.PropensitiesOf(r)[proposition], model.Propensity((float)margin));
            }
        }
        Assert.Contains(Explained(explainer), p => p.Model.Model is ObliviousEnsemble or AveragedModel);
    }

    [Fact]
    public void Explain_FewFeatures_NamesTheStrongestInOrderAndNeverAProtectedOne()
    {
        ImmutableArray<Feature> features = _scorer.Models.Schema.Features;
        Explainer explainer = new(_scorer);
        ScoreBlock block = Scored(50);
        Assert.Contains(features, f => f.Protected);
        for (int r = 0; r < block.Count; r++)
        {
            FeatureContribution[] all = explainer.Profit.Explain(block, r, int.MaxValue).Strongest.ToArray();

            Assert.Equal(all.OrderByDescending(c => Math.Abs(c.Amount)).ThenBy(c => c.Feature), all);
            Assert.DoesNotContain(all, c => c.Amount == 0 || features[c.Feature].Protected || features[c.Feature].Context);
            for (int n = 0; n <= all.Length + 1; n++)
            {
                Assert.Equal(all.Take(n), explainer.Profit.Explain(block, r, n).Strongest.ToArray());
            }
        }
    }

    [Fact]
    public void Explain_Regression_GivesItsOwnContributions()
    {
        const int Feature = 0;
        LogisticRegression regression = new(_scorer.Models.Schema.Count, -1, [new LogisticTerm(Feature, LogisticTermKind.Number, 0, 30, 10, 0.5, 0.25)]);
        MarginExplainer explainer = ExplainerOf(p => p with { Expected = regression }).Profit;
        ScoreBlock block = Scored(2);

        Explanation explanation = explainer.Explain(block, 1, 5);

        double answer = Math.Clamp((block.Row(1)[Feature] - 30) / 10.0, -LogisticTerm.MaxDeviation, LogisticTerm.MaxDeviation);
        Assert.Equal(-1 + (0.5 * 0.25), explanation.BaseValue, 1e-12);
        Assert.Equal([new FeatureContribution(Feature, 0.5 * (answer - 0.25))], explanation.Strongest.ToArray());
        Assert.Equal(0, explanation.Other, 1e-6);
    }

    [Fact]
    public void Obstacle_WhatCannotBeExplained_SaysWhy()
    {
        ObliviousEnsemble trees = (ObliviousEnsemble)_scorer.Models.Profit!.Expected;
        Assert.Equal("there are no exact contributions for an imported model", ExplainerOf(p => p with { Expected = new Foreign() }).Profit.Obstacle);
        Assert.Equal("the model does not know how many training rows are behind its leaves", ExplainerOf(p => p with { Expected = With([]) }).Profit.Obstacle);
        Assert.Equal("the model does not know how many training rows are behind its leaves",
            ExplainerOf(p => p with { Expected = With([.. trees.LeafWeights.Select(_ => 0f)]) }).Profit.Obstacle);
        Assert.Equal("the model was trained without a profit target", ExplainerOf(_ => null).Profit.Obstacle);
        Assert.Null(ExplainerOf(p => p with { Upper = new Foreign() }).Profit.Obstacle);

        ImmutableSortedDictionary<string, PropensityModel> models = _scorer.Models.Propensities;
        (int proposition, PropensityModel known) = Explained(new Explainer(_scorer)).First();
        string id = _scorer.Values.Propositions[proposition].Id;
        Assert.Equal("no outcomes: the propensity is the catalogue's, the same for everyone", Of(models.Remove(id)));
        Assert.Equal("too few outcomes: the propensity is the same for everyone", Of(models.SetItem(id, PropensityModel.Prior(0.1))));
        Assert.Equal("the features told nothing: the propensity is the same for everyone",
            Of(models.SetItem(id, new PropensityModel(known.Model, new PlattCalibration(0, -1), 10, 1, 10, 0.1, 0.1, 5))));
        Assert.Equal("nothing has to be accepted", new Explainer(_scorer).Propensity(Candidate(PropositionValue.DoNothing)).Obstacle);
        Assert.All(_scorer.Values.Propositions.Index().Where(p => !p.Item.NeedsAcceptance),
            p => Assert.Equal("nothing has to be accepted", new Explainer(_scorer).Propensity(Candidate(p.Index)).Obstacle));

        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => _ = ExplainerOf(_ => null).Profit.Explain(Scored(1), 0, 3).Other);
        Assert.Equal("the model was trained without a profit target", e.Message);

        string? Of(ImmutableSortedDictionary<string, PropensityModel> propensities)
            => ExplainerOf(p => p, propensities).Propensity(Candidate(proposition)).Obstacle;
        ObliviousEnsemble With(ImmutableArray<float> leafWeights) => new(
            trees.Columns, trees.BaseMargin, trees.Depths, trees.SplitColumns, trees.SplitBins, trees.LeafValues, trees.ColumnGains, leafWeights);
    }

    [Fact]
    public void Explain_FirstAskedByManyThreads_GivesEachTheSameBits()
    {
        Explainer explainer = new(_scorer);
        (int Proposition, PropensityModel)[] explained = [.. Explained(explainer)];
        double[][] found = new double[8][];
        Parallel.For(0, found.Length, new ParallelOptions { MaxDegreeOfParallelism = found.Length }, thread =>
        {
            ScoreBlock block = Scored(20);
            List<double> values = [];
            for (int r = 0; r < block.Count; r++)
            {
                Note(explainer.Profit.Explain(block, r, 5));
                foreach ((int proposition, _) in explained)
                {
                    Note(explainer.Propensity(Candidate(proposition)).Explain(block, r, 5));
                }
            }
            found[thread] = [.. values];

            void Note(Explanation explanation)
                => values.AddRange([explanation.BaseValue, explanation.Other, .. explanation.Strongest.ToArray().SelectMany(c => (double[])[c.Feature, c.Amount])]);
        });
        Assert.All(found, values => Assert.Equal(found[0], values));
    }

    [Fact]
    public void Explain_OnceBuilt_AllocatesNothing()
    {
        Explainer explainer = new(_scorer);
        ScoreBlock block = Scored(64);
        (int Proposition, PropensityModel)[] explained = [.. Explained(explainer)];
        long allocated = 0;
        for (int round = 0; round < 30; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int r = 0; r < block.Count; r++)
            {
                explainer.Profit.Explain(block, r, 5);
                foreach ((int proposition, _) in explained)
                {
                    explainer.Propensity(Candidate(proposition)).Explain(block, r, 5);
                }
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Explain_ArgumentsOutOfRange_AreRefused()
    {
        MarginExplainer explainer = new Explainer(_scorer).Profit;
        ScoreBlock block = Scored(3);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = explainer.Explain(block, 3, 1).Other);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = explainer.Explain(block, -1, 1).Other);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = explainer.Explain(block, 0, -1).Other);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = explainer.Explain(_scorer.CreateBlock(1), 0, 1).Other);
    }

    // The sum must be the margin to the last digits however few features are named, and what is named must be all there
    // is: naming every feature leaves only the single-precision rounding of some hundred trees.
    private static double AssertAddsUp(MarginExplainer explainer, ScoreBlock block, int row, double? expected)
    {
        double margin = double.NaN;
        foreach (int features in (int[])[0, 1, 3, int.MaxValue])
        {
            Explanation explanation = explainer.Explain(block, row, features);
            double sum = explanation.BaseValue + explanation.Other;
            double scale = Math.Abs(explanation.BaseValue) + 1;
            foreach (FeatureContribution contribution in explanation.Strongest)
            {
                sum += contribution.Amount;
                scale += Math.Abs(contribution.Amount);
            }
            margin = features == 0 ? expected ?? sum : margin;
            Assert.Equal(margin, sum, 1e-9 * scale);
            if (features == int.MaxValue)
            {
                Assert.Equal(0, explanation.Other, 1e-5 * scale);
            }
        }
        return margin;
    }

    private static PropositionValue Candidate(int proposition) => new() { Proposition = proposition };

    private IEnumerable<(int Proposition, PropensityModel Model)> Explained(Explainer explainer)
        => Enumerable.Range(0, _scorer.Values.Propositions.Length)
            .Where(p => explainer.Propensity(Candidate(p)).Obstacle is null)
            .Select(p => (p, _scorer.Models.Propensities[_scorer.Values.Propositions[p].Id]));

    private ScoreBlock Scored(int rows)
    {
        ScoreBlock block = _scorer.CreateBlock(rows);
        for (int r = 0; r < rows; r++)
        {
            sample.Customers.Rows.Row(r).CopyTo(block.Row(r));
            block.Row(r)[r % block.Columns] = float.NaN;
        }
        _scorer.Score(block, rows);
        return block;
    }

    private Explainer ExplainerOf(Func<ProfitModel, ProfitModel?> profit, ImmutableSortedDictionary<string, PropensityModel>? propensities = null)
    {
        ModelSet models = _scorer.Models;
        return new Explainer(new Scorer(new ModelSet(models.Schema, models.Segments, models.Profiles, models.Quantiser,
            profit(models.Profit!), propensities ?? models.Propensities, models.Manifest), sample.Workspace));
    }

    /// <summary>A model of a kind that nothing is known about.</summary>
    private sealed class Foreign : IRowModel
    {
        public int ScratchLength => 0;

        public void Margins(in RowBlock rows, Span<float> margins) => margins[..rows.Count].Fill(1);

        public void RequireFit(Quantiser quantiser) => Assert.NotEmpty(quantiser.Columns);
    }
}
