using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Tests.Workspaces;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

/// <summary>
/// A world in which every figure of a decision can be worked out by hand: expected profit is the feature "profit", its upper quantile the
/// feature "upper", the segment (7 or 8) the nearer of 0 and 1 to the feature "group".
/// </summary>
internal static class DecisionWorld
{
    public const int Profit = 1;
    public const int Group = 3;
    public const int Channel = 6;

    // 2026-06-15 12:00 UTC, a Monday.
    public const long Noon = 1_781_524_800_000;

    public static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "profit", Kind = FeatureKind.Numeric },
        new Feature { Id = 3, Name = "upper", Kind = FeatureKind.Numeric },
        new Feature { Id = 4, Name = "group", Kind = FeatureKind.Numeric },
        new Feature { Id = 5, Name = "mail_ok", Kind = FeatureKind.Boolean },
        new Feature { Id = 6, Name = "liking", Kind = FeatureKind.Numeric },
        new Feature { Id = 7, Name = "channel", Kind = FeatureKind.Categorical, Categories = ["web", "phone", "email"], Context = true, Default = 0 },
    ]);

    public static readonly Needs Needs = new(
        [new Need("price", "price"), new Need("service", "service")],
        new NeedWeights { Weights = Map(("price", 0.5), ("service", 0.5)) },
        ImmutableSortedDictionary<int, NeedWeights>.Empty.Add(7, new NeedWeights { Weights = Map(("price", 1)) }));

    /// <summary>Worth 0.2 * .5 * 100 = 10 to the organisation at its prior, and nothing to the customer.</summary>
    public static readonly Proposition Plain = new()
    {
        Id = "plain",
        Name = "plain",
        Margin = new Amount(100, Map()),
        Incrementality = 0.5,
        PriorPropensity = 0.2,
    };

    private static readonly Lazy<Workspace> Empty = new(() =>
    {
        using TemporaryFolder folder = new();
        return WorkspaceFiles.Load(folder, Schema, new Policy(), Needs, []);
    });

    public static ImmutableSortedDictionary<string, double> Map(params (string Key, double Value)[] values)
        => values.ToImmutableSortedDictionary(v => v.Key, v => v.Value, StringComparer.Ordinal);

    public static float[] Row(float tenure = 24, float profit = 100, float upper = 150, float group = 0, float mailOk = 1, float liking = 0, float channel = 0)
        => [tenure, profit, upper, group, mailOk, liking, channel];

    public static Rule Where(string text)
        => RuleParser.TryParseComparison(text, out Comparison? comparison, out string? error) ? comparison : throw new ArgumentException(error);

    public static Workspace Workspace(IEnumerable<Proposition> propositions, Policy? policy = null, IEnumerable<Strategy>? strategies = null)
        => Empty.Value.With(policy, propositions, strategies ?? []);

    public static ModelSet ByHand(bool withProfit = true, params (string Proposition, PropensityModel Model)[] propensities)
    {
        SegmentModel segments = new(
            new SegmentEncoding([new SegmentDimension(Group, -1, false, 0, 1)]), [0, 1],
            [.. new[] { 7, 8 }.Select(id => new Segment { Id = id, Name = $"s{id}", Description = "", Size = 1, Share = 0.5 })], nextId: 9);
        ProfitModel profit = new(Copy(Profit), Copy(Profit + 1), 0.9, new TierBounds(50, 500), new ProfitTarget { Terms = [("profit", 1)] });
        return new ModelSet(Schema, segments, [new SegmentProfile(0, []), new SegmentProfile(0, [])], new Quantiser(Schema.Count, []),
            withProfit ? profit : null, propensities.ToImmutableSortedDictionary(p => p.Proposition, p => p.Model, StringComparer.Ordinal),
            new ModelManifest { Name = "by hand", Version = 1, CreatedAt = DateTimeOffset.UnixEpoch, SchemaHash = Schema.Hash });
    }

    /// <summary>A propensity whose log-odds are the feature "liking".</summary>
    public static PropensityModel Liking(double effectiveOffers, double prior, double strength)
        => new(Copy(5), PlattCalibration.Identity, (long)effectiveOffers, 0, effectiveOffers, 0, prior, strength);

    public static DecisionModel Model(Workspace workspace, ModelSet? models = null)
        => new(workspace, models ?? ByHand(), Numbering.Of(workspace.Propositions.Select(p => p.Id)), Numbering.Of(workspace.Channels));

    public static DecisionModel Model(params Proposition[] propositions) => Model(Workspace(propositions));

    /// <summary>Scores the row alone and decides.</summary>
    public static DecisionTrace Decide(this DecisionModel model, float[] row, in DecisionInput input)
    {
        DecisionTrace trace = model.CreateTrace();
        model.Decide(model.Scored(row), 0, in input, trace);
        return trace;
    }

    public static ScoreBlock Scored(this DecisionModel model, params float[][] rows)
    {
        ScoreBlock block = model.Scorer.CreateBlock(rows.Length);
        for (int r = 0; r < rows.Length; r++)
        {
            rows[r].CopyTo(block.Row(r));
        }
        model.Scorer.Score(block, rows.Length);
        return block;
    }

    public static Candidate Of(this DecisionTrace trace, DecisionModel model, string proposition)
        => trace.Candidates[IndexOf(model, proposition)];

    /// <summary>Index of a candidate.</summary>
    public static int IndexOf(this DecisionModel model, string proposition)
        => 1 + model.Workspace.Propositions.Select((p, i) => (p.Id, i)).Single(p => p.Id == proposition).i;

    /// <summary>Names of candidates.</summary>
    public static string[] Names(this DecisionModel model, IEnumerable<int> candidates)
        => [.. candidates.Select(c => c == 0 ? PropositionValue.DoNothingId : model.Workspace.Propositions[c - 1].Id)];

    public static string[] Names(this DecisionModel model, ReadOnlySpan<Choice> choices) => model.Names(choices.ToArray().Select(c => c.Candidate));

    // A margin that is the value of one feature, within +-8,000; NaN counts as 0.
    private static LogisticRegression Copy(int feature)
        => new(Schema.Count, 0, [new LogisticTerm(feature, LogisticTermKind.Number, 0, 0, 1000, 1000, 0)]);
}
