using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Tests.Segmentation;

public class SegmentTrainerTests
{
    private static FeatureSchema Numbers(int count)
        => new(Enumerable.Range(1, count).Select(id => new Feature { Id = id, Name = $"f{id}", Kind = FeatureKind.Numeric }));

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Fit_Auto_FindsThePlantedSegments(int planted)
    {
        FeatureMatrix rows = TestPoints.Blobs(3_000, 5, planted, seed: 11);
        SegmentTraining training = SegmentTrainer.Fit(Numbers(5), rows, new SegmentTrainingOptions { MaxSegments = 8 });
        Assert.Equal(planted, training.Model.Segments.Length);
        Assert.Equal(1, AdjustedRandIndex.Compute(training.Assignments, [.. Enumerable.Range(0, 3_000).Select(i => i % planted)]), 0.01);
        Assert.Equal(Enumerable.Range(2, 7), training.Candidates.Select(c => c.Segments));
        Assert.True(training.Candidates[planted - 2].Stability > 0.99);
        Assert.Null(training.Matching);
    }

    [Fact]
    public void Fit_GivenNumber_MeasuresItAndPutsTheLargestFirst()
    {
        FeatureMatrix rows = TestPoints.Blobs(600, 4, 3, seed: 5);
        SegmentTraining training = SegmentTrainer.Fit(Numbers(4), rows, new SegmentTrainingOptions { Segments = 4 });
        SegmentCandidate candidate = Assert.Single(training.Candidates);
        Assert.Equal(4, candidate.Segments);
        Assert.Equal([1, 2, 3, 4], training.Model.Segments.Select(s => s.Id));
        Assert.Equal(5, training.Model.NextId);
        Assert.Equal(training.Model.Segments.Select(s => s.Size).OrderDescending(), training.Model.Segments.Select(s => s.Size));
        Assert.Equal(1, training.Model.Segments.Sum(s => s.Share), 1e-12);
        Assert.Equal(training.Assignments, training.Model.Assign(rows));
    }

    [Fact]
    public void Fit_AtAnyThreadCount_GivesTheSameBits()
    {
        FeatureMatrix rows = TestPoints.Normal(5_500, 4, seed: 5);
        SegmentTrainingOptions options = new() { MaxSegments = 4, Seed = 3 };
        SegmentTraining one = SegmentTrainer.Fit(Numbers(4), rows, options with { Threads = 1 });
        foreach (int threads in new[] { 2, 7 })
        {
            SegmentTraining many = SegmentTrainer.Fit(Numbers(4), rows, options with { Threads = threads });
            Assert.Equal(one.Model.Centroids, many.Model.Centroids);
            Assert.Equal(one.Model.Segments, many.Model.Segments);
            Assert.Equal(one.Candidates, many.Candidates);
            Assert.Equal(one.Assignments, many.Assignments);
        }
    }

    [Fact]
    public void Fit_AfterSmallDrift_KeepsIdsAndNames()
    {
        SegmentTraining first = SegmentTrainer.Fit(Numbers(5), TestPoints.Blobs(900, 5, 4, seed: 7), new SegmentTrainingOptions { Segments = 4 });
        FeatureMatrix drifted = TestPoints.Blobs(1_300, 5, 4, seed: 7);
        foreach (ref float value in drifted.Values.AsSpan())
        {
            value += 0.5f;
        }
        SegmentTraining second = SegmentTrainer.Fit(
            Numbers(5), drifted, new SegmentTrainingOptions { Segments = 4, Seed = 99, Previous = first.Model });

        Assert.All(second.Matching!.Matches, match => Assert.True(match.Kept));
        Assert.Empty(second.Matching.RetiredIds);
        Assert.Equal(5, second.Model.NextId);
        // The same customers stay in the segment of the same id and name.
        Assert.All(second.Matching.Moves, move => Assert.Equal(move.FromId, move.ToId));
        Assert.Equal(1_300, second.Matching.Moves.Sum(move => move.Rows));
        Assert.Equal(first.Model.Segments.Select(s => (s.Id, s.Name)).Order(), second.Model.Segments.Select(s => (s.Id, s.Name)).Order());
    }

    [Fact]
    public void Fit_SegmentsComeAndGo_NeverReusesAnId()
    {
        FeatureMatrix rows = TestPoints.Blobs(1_200, 5, 4, seed: 7);
        FeatureSchema schema = Numbers(5);
        SegmentTraining four = SegmentTrainer.Fit(schema, rows, new SegmentTrainingOptions { Segments = 4 });
        FeatureMatrix withoutLast = rows.Select([.. Enumerable.Range(0, 1_200).Where(i => four.Model.Segments[four.Assignments[i]].Id != 4)]);
        SegmentTraining three = SegmentTrainer.Fit(schema, withoutLast, new SegmentTrainingOptions { Segments = 3, Previous = four.Model });
        Assert.Equal([1, 2, 3], three.Model.Segments.Select(s => s.Id).Order());
        Assert.Equal([4], three.Matching!.RetiredIds);
        Assert.Equal(5, three.Model.NextId);

        SegmentTraining again = SegmentTrainer.Fit(schema, rows, new SegmentTrainingOptions { Segments = 4, Previous = three.Model });
        Assert.Equal([1, 2, 3, 5], again.Model.Segments.Select(s => s.Id).Order());
        SegmentMatch added = again.Matching!.Matches.Single(m => m.Id == 5);
        Assert.Null(added.PairedId);
        Assert.Equal(double.NaN, added.Distance);
        Assert.Equal(6, again.Model.NextId);
    }

    [Fact]
    public void Fit_MatchDistanceZero_GivesNewIdsAndReportsThePairs()
    {
        FeatureMatrix rows = TestPoints.Blobs(600, 3, 3, seed: 7);
        SegmentTraining first = SegmentTrainer.Fit(Numbers(3), rows, new SegmentTrainingOptions { Segments = 3 });
        SegmentTraining second = SegmentTrainer.Fit(Numbers(3), TestPoints.Blobs(500, 3, 3, seed: 7),
            new SegmentTrainingOptions { Segments = 3, Previous = first.Model, MatchDistance = 0 });
        Assert.Equal([4, 5, 6], second.Model.Segments.Select(s => s.Id));
        Assert.Equal([1, 2, 3], second.Matching!.RetiredIds);
        Assert.All(second.Matching.Matches, match => Assert.True(match.Distance > 0 && match.PairedId is not null));
    }

    [Fact]
    public void Fit_PreviousOfAnotherSchema_IsRefused()
    {
        SegmentTraining first = SegmentTrainer.Fit(Numbers(3), TestPoints.Normal(60, 3, seed: 1), new SegmentTrainingOptions { Segments = 2 });
        Assert.Throws<ArgumentException>(() => SegmentTrainer.Fit(
            Numbers(2), TestPoints.Normal(60, 2, seed: 1), new SegmentTrainingOptions { Segments = 2, Previous = first.Model }));
    }

    [Fact]
    public void Fit_FewDistinctRows_ConsidersNoMoreSegmentsThanThose()
    {
        FeatureMatrix rows = new(90, 1);
        for (int i = 0; i < 90; i++)
        {
            rows[i, 0] = i % 3;
        }
        SegmentTraining training = SegmentTrainer.Fit(Numbers(1), rows, new SegmentTrainingOptions());
        Assert.Equal([2, 3], training.Candidates.Select(c => c.Segments));
        Assert.Equal(3, training.Model.Segments.Length);
        Assert.Throws<ArgumentException>(() => SegmentTrainer.Fit(Numbers(1), rows, new SegmentTrainingOptions { Segments = 4 }));
        Assert.Throws<ArgumentException>(() => SegmentTrainer.Fit(Numbers(1), rows, new SegmentTrainingOptions { MinSegments = 4 }));
    }

    [Fact]
    public void Fit_OptionOutOfRange_IsRefused()
    {
        SegmentTrainingOptions options = new();
        SegmentTrainingOptions[] wrong =
        [
            options with { Segments = 0 }, options with { MinSegments = 1 }, options with { MaxSegments = 1 },
            options with { Starts = 0 }, options with { Threads = 0 }, options with { MatchDistance = double.NaN },
        ];
        FeatureMatrix rows = TestPoints.Normal(10, 2, seed: 1);
        Assert.All(wrong, o => Assert.Throws<ArgumentOutOfRangeException>(() => SegmentTrainer.Fit(Numbers(2), rows, o)));
    }

    [Theory]
    [InlineData(3, 0.5, 0.9, 0.7, 0.85, 0.6, 0.95)]    // both stable: the higher silhouette
    [InlineData(2, 0.5, 0.9, 0.7, 0.79, 0.6, 0.7)]     // only the first is stable
    [InlineData(3, 0.5, 0.60, 0.7, 0.58, 0.9, 0.5)]    // none is stable: near the most stable one
    [InlineData(2, 0.5, 0.9, 0.5, 0.9, 0.5, 0.9)]      // equals: the smallest
    [InlineData(4, 0.5, double.NaN, 0.7, double.NaN, 0.1, 0.4)]
    public void Pick_Candidates_FollowsTheRule(
        int expected, double silhouette2, double stability2, double silhouette3, double stability3, double silhouette4, double stability4)
        => Assert.Equal(expected, SegmentCandidates.Pick(
        [
            new SegmentCandidate(2, 1, silhouette2, stability2),
            new SegmentCandidate(3, 1, silhouette3, stability3),
            new SegmentCandidate(4, 1, silhouette4, stability4),
        ]));
}
