using System.Globalization;
using System.Text;
using System.Text.Json;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Tests.Models;

namespace ScoringEngine.Core.Tests.Decisions;

/// <summary>Reads the lines back by the format's description, not by the writer's code.</summary>
[Collection(TrainedSampleTests.Name)]
public sealed class DsjsonWriterTests(TrainedSample trained) : IDisposable
{
    private const long Later = DecisionSample.Now + (400L * 86_400_000);

    private readonly DecisionSample _sample = new(trained);

    [Fact]
    public void Write_ManyDecisions_ReadBackByTheFormat()
    {
        using MemoryStream file = new();
        DsjsonWriter writer = new(file, _sample.Propositions);
        List<(DecisionRecord Record, OutcomeRecord[] Outcomes, DecisionInputs Inputs)> written = [];
        for (int i = 0; i < 300; i++)
        {
            (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(i);
            OutcomeRecord[] outcomes = OutcomesOf(record, i);
            ExportStatus status = writer.Write(record, inputs, outcomes, _sample.Models.Schema, Later);
            Assert.Equal(record.HeldOut ? ExportStatus.HeldOut : ExportStatus.Written, status);
            if (status == ExportStatus.Written)
            {
                written.Add((record, outcomes, inputs));
            }
        }

        string[] lines = Encoding.UTF8.GetString(file.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(written.Count, lines.Length);
        Assert.All(lines.Zip(written), pair =>
        {
            using JsonDocument document = JsonDocument.Parse(pair.First);
            Check(document.RootElement, pair.Second.Record, pair.Second.Outcomes, pair.Second.Inputs);
        });
        Assert.Contains(lines, line => JsonDocument.Parse(line).RootElement.GetProperty("_label_cost").GetInt32() == -1);
        Assert.Contains(lines, line => JsonDocument.Parse(line).RootElement.GetProperty("_label_Action").GetInt32() > 2);
    }

    [Fact]
    public void Write_OpenOffer_IsLeftOutUntilItIsMatureOrAnswered()
    {
        (DecisionRecord record, DecisionInputs inputs) = Offer();
        long mature = record.TimeUnixMs + (record.Chosen[0].MaturityDays * 86_400_000L);

        Assert.Equal(ExportStatus.Open, Write(record, inputs, [], mature - 1, out _));
        Assert.Equal(ExportStatus.Written, Write(record, inputs, [], mature, out _));
        Assert.Equal(ExportStatus.Written, Write(record, inputs, [Outcome(record, ContactKind.Declined)], mature - 1, out _));
    }

    [Theory]
    [InlineData(0, ContactKind.Presented)]
    [InlineData(1, ContactKind.Accepted)]
    [InlineData(1, ContactKind.Declined, ContactKind.Accepted)]
    [InlineData(0, ContactKind.Accepted, ContactKind.Declined)]
    [InlineData(1, ContactKind.Presented, ContactKind.Converted)]
    [InlineData(-1, ContactKind.Declined, ContactKind.Complained)]
    [InlineData(0, ContactKind.Accepted, ContactKind.Complained)]
    public void Write_Outcomes_MakeTheReward(int reward, params ContactKind[] kinds)
    {
        (DecisionRecord record, DecisionInputs inputs) = Offer();
        OutcomeRecord[] outcomes = [.. kinds.Select((kind, i) => Outcome(record, kind, i)).Reverse()];

        Write(record, inputs, outcomes, Later, out JsonElement line);

        Assert.Equal(-reward, line.GetProperty("_label_cost").GetInt32());
        Assert.Equal(reward, line.GetProperty("o")[0].GetProperty("v").GetInt32());
    }

    [Fact]
    public void Write_ErasedCustomer_HasSegmentAndTierOnly()
    {
        (DecisionRecord record, _) = Offer();

        Write(record, null, [], Later, out JsonElement line);

        Assert.Equal(["segment", "tier"], line.GetProperty("c").GetProperty("customer").EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public void Write_Degraded_IsLeftOut()
    {
        (DecisionRecord record, DecisionInputs inputs) = Offer();
        record.Degraded = true;

        Assert.Equal(ExportStatus.Degraded, Write(record, inputs, [], Later, out _));
    }

    [Fact]
    public void CsvWriter_HeldOutAndOffered_HasARowForEachSlot()
    {
        using MemoryStream file = new();
        List<string> expected = [];
        using (DecisionCsvWriter writer = new(file, _sample.Propositions))
        {
            for (int i = 0; i < 100; i++)
            {
                (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(i);
                writer.Write(record, i % 7 == 0 ? null : inputs, OutcomesOf(record, i));
                expected.AddRange((record.HeldOut ? record.Offered : record.Chosen).Select((slot, s) =>
                    $"{record.DecisionId},{(i % 7 == 0 ? "" : inputs.CustomerId)},{(record.HeldOut ? 1 : 0)},{s + 1},{NameOf(slot.Proposition)}"));
            }
        }
        file.Position = 0;
        using CsvTable table = CsvTable.Open("-", file);
        string[] columns = ["decision_id", "customer", "held_out", "slot", "proposition"];
        List<string> found = [];
        while (table.Read())
        {
            Assert.Null(table.RowViolation);
            found.Add(string.Join(",", columns.Select(c => table.Text(table.Require(c)))));
        }
        Assert.Equal(expected, found);
    }

    public void Dispose() => _sample.Dispose();

    private void Check(JsonElement line, DecisionRecord record, OutcomeRecord[] outcomes, DecisionInputs inputs)
    {
        // Vowpal Wabbit's parser: "a" lists actions from 1, the one taken first, "p" their probabilities; "_multi" has the actions.
        int[] a = [.. line.GetProperty("a").EnumerateArray().Select(e => e.GetInt32())];
        double[] p = [.. line.GetProperty("p").EnumerateArray().Select(e => e.GetDouble())];
        string[] multi = [.. line.GetProperty("c").GetProperty("_multi").EnumerateArray().Select(e => e.GetProperty("proposition").GetProperty("id").GetString()!)];
        Assert.Equal(Enumerable.Range(1, multi.Length), a.Order());
        Assert.Equal(a.Length, p.Length);
        Assert.Equal(1, p.Sum(), 1e-9);
        Assert.Equal(a[0], line.GetProperty("_label_Action").GetInt32());
        Assert.Equal(a[0] - 1, line.GetProperty("_labelIndex").GetInt32());
        Assert.Equal(p[0], line.GetProperty("_label_probability").GetDouble());
        Assert.Equal(0, line.GetProperty("pdrop").GetDouble());
        Assert.Equal(record.DecisionId, line.GetProperty("EventId").GetString());
        Assert.Equal(record.TimeUnixMs, DateTimeOffset.Parse(line.GetProperty("Timestamp").GetString()!, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds());

        Assert.Equal(NameOf(record.Chosen[0].Proposition), multi[a[0] - 1]);
        for (int i = 0; i < a.Length; i++)
        {
            int candidate = Enumerable.Range(0, record.Candidates.Count).Single(c => NameOf(record.Candidates[c]) == multi[a[i] - 1]);
            Assert.Equal(0, record.Stages[candidate]);
            Assert.Equal(record.ActionProbabilities[candidate], p[i]);
        }
        bool accepted = outcomes.Any(o => o.Slot == 1 && o.Kind == (uint)ContactKind.Accepted);
        Assert.Equal(accepted ? -1 : 0, line.GetProperty("_label_cost").GetInt32());
        Assert.Equal(outcomes.Any(o => o.Slot == 1) ? 1 : 0, line.GetProperty("o").GetArrayLength());
        FeatureSchema schema = _sample.Models.Schema;
        Dictionary<string, JsonElement> features = line.GetProperty("c").GetProperty("customer").EnumerateObject()
            .Concat(line.GetProperty("c").GetProperty("interaction").EnumerateObject()).ToDictionary(f => f.Name, f => f.Value);
        for (int f = 0; f < schema.Count; f++)
        {
            float value = inputs.Row[f];
            Feature feature = schema.Features[f];
            if (float.IsNaN(value) || feature.Personal || feature.Protected)
            {
                Assert.DoesNotContain(feature.Name, features.Keys);
            }
            else if (feature.Kind == FeatureKind.Categorical)
            {
                Assert.Equal(feature.Categories[(int)value], features[feature.Name].GetString());
            }
            else
            {
                Assert.Equal(value, features[feature.Name].GetSingle());
            }
        }
    }

    private ExportStatus Write(DecisionRecord record, DecisionInputs? inputs, OutcomeRecord[] outcomes, long now, out JsonElement line)
    {
        using MemoryStream file = new();
        ExportStatus status = new DsjsonWriter(file, _sample.Propositions).Write(record, inputs, outcomes, _sample.Models.Schema, now);
        line = file.Length > 0 ? JsonDocument.Parse(file.ToArray()).RootElement : default;
        return status;
    }

    private (DecisionRecord Record, DecisionInputs Inputs) Offer()
    {
        for (int i = 0; ; i++)
        {
            (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(i);
            if (!record.HeldOut && record.Chosen[0].Proposition != 0)
            {
                return (record, inputs);
            }
        }
    }

    private static OutcomeRecord[] OutcomesOf(DecisionRecord record, int i) => (i % 4, record.Chosen[0].Proposition != 0 && !record.HeldOut) switch
    {
        (0, true) => [Outcome(record, ContactKind.Presented), Outcome(record, ContactKind.Accepted, 1)],
        (1, true) => [Outcome(record, ContactKind.Declined)],
        _ => [],
    };

    private static OutcomeRecord Outcome(DecisionRecord record, ContactKind kind, int order = 0) => new()
    {
        DecisionId = record.DecisionId,
        Slot = 1,
        Proposition = record.Chosen[0].Proposition,
        Kind = (uint)kind,
        TimeUnixMs = record.TimeUnixMs + 1000 + order,
    };

    private string NameOf(uint number) => number == 0 ? PropositionValue.DoNothingId : _sample.Propositions.NameOf((int)number)!;
}
