using System.Runtime.InteropServices;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Scoring;

[Collection(TrainedSampleTests.Name)]
public sealed class ScorerTests(TrainedSample sample)
{
    private readonly Scorer _scorer = sample.Scorer;

    /// <summary>Everything that one row's scoring yields, as bits.</summary>
    private byte[] BitsOf(ScoreBlock block, int row)
    {
        PropositionValue[] ranked = new PropositionValue[_scorer.Values.CandidateCount];
        _scorer.Rank(block, row, ranked);
        return
        [
            .. MemoryMarshal.AsBytes<int>([block.SegmentIndexes[row], (int)block.Tiers[row]]),
            .. MemoryMarshal.AsBytes<float>([block.Distances[row], block.Margins[row], block.Profits[row], block.Potentials[row]]),
            .. MemoryMarshal.AsBytes(block.PropensitiesOf(row)),
            .. ranked.SelectMany(v => MemoryMarshal.AsBytes<double>([
                v.Proposition, v.Propensity, v.IncrementalPropensity, v.Revenue, v.Saving, v.FulfilmentCost, v.ContactCost, v.Differentiation,
                v.OrganisationValue, v.CustomerValue, v.Score, (double)v.Label, v.BreakEvenPropensity]).ToArray()),
        ];
    }

    [Theory]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(256)]
    public void Score_BlocksOfAnySizeAndPosition_GiveTheBitsOfASingleRow(int size)
    {
        const int Rows = 1000;
        FeatureMatrix rows = RowsWithGaps(Rows);
        ScoreBlock single = _scorer.CreateBlock(1);
        byte[][] expected = new byte[Rows][];
        for (int i = 0; i < Rows; i++)
        {
            rows.Row(i).CopyTo(single.Row(0));
            _scorer.Score(single, 1);
            expected[i] = BitsOf(single, 0);
        }
        Assert.True(expected.DistinctBy(Convert.ToHexString).Count() > Rows / 2);

        ScoreBlock block = _scorer.CreateBlock(size);
        foreach (int offset in new[] { 0, 1, size / 2 })
        {
            for (int start = offset; start < Rows; start += size)
            {
                int count = Math.Min(size, Rows - start);
                for (int r = 0; r < count; r++)
                {
                    rows.Row(start + r).CopyTo(block.Row(r));
                }
                _scorer.Score(block, count);
                for (int r = 0; r < count; r++)
                {
                    Assert.Equal(expected[start + r], BitsOf(block, r));
                }
            }
        }
    }

    [Fact]
    public void Score_FewerRowsThanBefore_LeavesNothingOfTheOldOnes()
    {
        ScoreBlock used = _scorer.CreateBlock(64);
        for (int r = 0; r < 64; r++)
        {
            sample.Customers.Rows.Row(r).CopyTo(used.Row(r));
        }
        _scorer.Score(used, 64);
        ScoreBlock fresh = _scorer.CreateBlock(64);
        for (int r = 0; r < 5; r++)
        {
            sample.Customers.Rows.Row(100 + r).CopyTo(used.Row(r));
            sample.Customers.Rows.Row(100 + r).CopyTo(fresh.Row(r));
        }
        _scorer.Score(used, 5);
        _scorer.Score(fresh, 5);
        Assert.All(Enumerable.Range(0, 5), r => Assert.Equal(BitsOf(fresh, r), BitsOf(used, r)));
    }

    [Fact]
    public void Score_CategoryCodesBeyondTheModels_AreMissing()
    {
        FeatureSchema schema = sample.Models.Schema;
        ScoreBlock block = _scorer.CreateBlock(2);
        foreach (int feature in Enumerable.Range(0, schema.Count).Where(f => schema.Features[f].Kind == FeatureKind.Categorical))
        {
            sample.Customers.Rows.Row(3).CopyTo(block.Row(0));
            sample.Customers.Rows.Row(3).CopyTo(block.Row(1));
            block.Row(0)[feature] = schema.Features[feature].Categories.Length;
            block.Row(1)[feature] = float.NaN;
            _scorer.Score(block, 2);
            Assert.True(float.IsNaN(block.Row(0)[feature]));
            Assert.Equal(BitsOf(block, 1), BitsOf(block, 0));
        }
    }

    [Fact]
    public void Clear_ARow_LeavesContextAtItsDefaultsAndNothingElse()
    {
        FeatureSchema schema = sample.Models.Schema;
        float[] row = new float[schema.Count];
        _scorer.Clear(row);
        Assert.All(row.Take(schema.CustomerCount), v => Assert.True(float.IsNaN(v)));
        Assert.Equal(schema.Features.Skip(schema.CustomerCount).Select(f => f.Default), row.Skip(schema.CustomerCount));
        Assert.Equal(0, row[schema.IndexOf("channel")]);
    }

    [Fact]
    public void Score_NothingKnown_GivesFiniteScoresInRange()
    {
        ScoreBlock block = _scorer.CreateBlock(1);
        _scorer.Clear(block.Row(0));
        _scorer.Score(block, 1);
        PropositionValue[] ranked = new PropositionValue[_scorer.Values.CandidateCount];
        _scorer.Rank(block, 0, ranked);
        Assert.True(float.IsFinite(block.Profits[0]) && block.Potentials[0] >= 0 && block.Distances[0] >= 0 && block.Margins[0] >= 0);
        Assert.Equal(sample.Models.Profit!.Tiers.Of(block.Profits[0]), block.Tiers[0]);
        Assert.All(ranked, v => Assert.True(double.IsFinite(v.Score) && v.Propensity is >= 0 and <= 1));
        Assert.Equal(ranked.OrderByDescending(v => v.Score), ranked);
        Assert.Equal(ranked.Length, ranked.DistinctBy(v => v.Proposition).Count());
    }

    [Fact]
    public void Score_AgainstThePartsOfTheModel_IsWhatTheySay()
    {
        ModelSet models = sample.Models;
        ScoreBlock block = _scorer.CreateBlock(1);
        sample.Customers.Rows.Row(17).CopyTo(block.Row(0));
        float[] row = block.Row(0).ToArray();
        _scorer.Score(block, 1);

        byte[] bins = new byte[models.Quantiser.Columns.Length];
        models.Quantiser.Quantise(row, 1, row.Length, bins);
        float profit = Margin(models.Profit!.Expected);
        Assert.Equal(models.Segments.Assign(row, new float[models.Segments.ScratchLength]),
            new Core.Segmentation.SegmentAssignment(block.SegmentIndexes[0], block.Distances[0], block.Margins[0]));
        Assert.Equal(profit, block.Profits[0]);
        Assert.Equal(Math.Max(0, Margin(models.Profit.Upper!) - profit), block.Potentials[0]);
        Assert.Contains(models.Propensities.Values, p => p.Model is not null);
        Assert.All(_scorer.Values.Propositions.Index(), a =>
        {
            PropensityModel? model = models.Propensities.GetValueOrDefault(a.Item.Id);
            float[] expected = [(float)a.Item.PriorPropensity];
            model?.Propensities(new RowBlock(row, 1, row.Length, bins), expected);
            Assert.Equal(expected[0], block.PropensitiesOf(0)[a.Index]);
            Assert.Equal(model is null ? Provenance.Assumed : Provenance.Estimated, _scorer.PropensityProvenance(a.Index));
        });

        float Margin(IRowModel model)
        {
            float[] margin = new float[1];
            model.Margins(new RowBlock(row, 1, row.Length, bins), margin);
            return margin[0];
        }
    }

    [Fact]
    public void Score_AnotherChannel_ChangesPropensitiesOnly()
    {
        int channel = sample.Models.Schema.IndexOf("channel");
        ScoreBlock block = _scorer.CreateBlock(512);
        for (int r = 0; r < block.Capacity; r++)
        {
            sample.Customers.Rows.Row(r / 2).CopyTo(block.Row(r));
            block.Row(r)[channel] = r % 2;
        }
        _scorer.Score(block, block.Capacity);
        int differ = 0;
        for (int r = 0; r < block.Capacity; r += 2)
        {
            Assert.Equal(
                (block.SegmentIndexes[r], block.Profits[r], block.Potentials[r]), (block.SegmentIndexes[r + 1], block.Profits[r + 1], block.Potentials[r + 1]));
            differ += block.PropensitiesOf(r).SequenceEqual(block.PropensitiesOf(r + 1)) ? 0 : 1;
        }
        Assert.True(differ > 0);
    }

    [Fact]
    public void ScoreAndRank_InSteadyState_AllocateNothing()
    {
        ScoreBlock block = _scorer.CreateBlock(256);
        PropositionValue[] ranked = new PropositionValue[_scorer.Values.CandidateCount];
        long allocated = 0;
        for (int round = 0; round < 30; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int r = 0; r < block.Capacity; r++)
            {
                sample.Customers.Rows.Row(r).CopyTo(block.Row(r));
            }
            _scorer.Score(block, block.Capacity);
            _scorer.Score(block, 1);
            for (int r = 0; r < block.Capacity; r++)
            {
                _scorer.Rank(block, r, ranked);
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Score_OneScorerOnManyThreads_GivesTheBitsOfOneThread()
    {
        const int Rows = 512;
        FeatureMatrix rows = RowsWithGaps(Rows);
        byte[][] expected = Bits(Rows);
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            byte[][] found = Bits(1 + (thread * 37));
            Assert.Equal(expected, found);
        });

        byte[][] Bits(int size)
        {
            byte[][] bits = new byte[Rows][];
            ScoreBlock block = _scorer.CreateBlock(size);
            for (int start = 0; start < Rows; start += size)
            {
                int count = Math.Min(size, Rows - start);
                for (int r = 0; r < count; r++)
                {
                    rows.Row(start + r).CopyTo(block.Row(r));
                }
                _scorer.Score(block, count);
                for (int r = 0; r < count; r++)
                {
                    bits[start + r] = BitsOf(block, r);
                }
            }
            return bits;
        }
    }

    [Fact]
    public void Score_ArgumentsOutOfRange_AreRefused()
    {
        ScoreBlock block = _scorer.CreateBlock(3);
        Assert.Throws<ArgumentOutOfRangeException>(() => _scorer.CreateBlock(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _scorer.Score(block, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => _scorer.Score(block, -1));
        _scorer.Score(block, 0);
    }

    [Fact]
    public void Constructor_WorkspaceOfAnotherSchema_IsRefused()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("engine-");
        try
        {
            string copy = sample.CopyTo(folder.FullName);
            string schema = Path.Combine(copy, WorkspaceSchema.FileName);
            File.WriteAllText(schema, File.ReadAllText(schema).Replace("evening_share", "night_share"));
            Workspace other = Workspace.Load(copy);
            ArgumentException e = Assert.Throws<ArgumentException>(() => new Scorer(sample.Models, other));
            Assert.Contains("schema", e.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Real rows of which every third value or so is missing.
    private FeatureMatrix RowsWithGaps(int count)
    {
        FeatureMatrix rows = sample.Customers.Rows.Select(Enumerable.Range(0, count).ToArray());
        for (int i = 0; i < rows.Values.Length; i += 1 + (i % 5))
        {
            rows.Values[i] = i % 3 == 0 ? float.NaN : rows.Values[i];
        }
        return rows;
    }
}
