using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// What decisions are measured with: 50 propositions, each with three rules of one or two comparisons and a propensity model of its own,
/// 28 features, 100 trees a model, expected profit and potential of as many trees, caps on contacts.
/// </summary>
internal sealed class BenchmarkDecisions
{
    public const int Propositions = 50;

    // 2026-06-15 12:00 UTC.
    public const long Time = 1_781_524_800_000;

    /// <summary>Builds the models.</summary>
    /// <param name="rows">Rows of which the quantiser is made, and that are decided on.</param>
    /// <param name="threshold">Threshold of the rules' comparisons on standard normal features: they hold above.</param>
    public BenchmarkDecisions(FeatureMatrix rows, double threshold)
    {
        Rows = rows;
        Quantiser quantiser = BenchmarkModels.Quantiser(rows);
        Workspace workspace = WorkspaceOf(threshold);
        ProfitModel profit = new(BenchmarkModels.Ensemble(quantiser), BenchmarkModels.Ensemble(quantiser, 3), 0.9, new TierBounds(5, 20),
            new ProfitTarget { Terms = [("profit", 1)] });
        ModelSet models = new(BenchmarkModels.Schema, BenchmarkModels.SegmentModel(log1P: false),
            [.. Enumerable.Repeat(new SegmentProfile(0, []), BenchmarkModels.Segments)], quantiser, profit,
            workspace.Propositions.Select((p, i) => KeyValuePair.Create(p.Id, new PropensityModel(
                BenchmarkModels.Ensemble(quantiser, 100 + i), new PlattCalibration(0.2, -2), 900, 100, 900, 0.1, 0.1, 100))).ToImmutableSortedDictionary(),
            new ModelManifest { Name = "benchmark", Version = 1, CreatedAt = DateTimeOffset.UnixEpoch, SchemaHash = BenchmarkModels.Schema.Hash });
        Model = new DecisionModel(workspace, models, Numbering.Of(workspace.Propositions.Select(p => p.Id)), Numbering.Of(workspace.Channels));
        SeededRandom random = new(7);
        Contacts = [.. Enumerable.Range(0, 8).Select(i => new ContactEvent(
            (uint)((Time / 1000) - ContactEvent.EpochUnixSeconds - (86_400 * (8 - i))), (ushort)(1 + random.Next(Propositions)), 1, (ContactKind)(2 + random.Next(3))))];
    }

    public DecisionModel Model { get; }

    public FeatureMatrix Rows { get; }

    /// <summary>Eight contacts of the last eight days.</summary>
    public ContactEvent[] Contacts { get; }

    /// <summary>An input that explores nothing and reads the contacts.</summary>
    public DecisionInput Input(ulong unit, int slots = 1) => new()
    {
        TimeUnixMs = Time,
        Channel = 0,
        Role = 0,
        Slots = slots,
        Seed = unit,
        UnitHash = SeededRandom.Mix(unit),
        Contacts = Contacts,
    };

    private static Workspace WorkspaceOf(double threshold)
    {
        DirectoryInfo parent = Directory.CreateTempSubdirectory("benchmark-");
        try
        {
            Needs needs = new([new Need("price", "price"), new Need("service", "service")],
                new NeedWeights { Weights = ImmutableSortedDictionary<string, double>.Empty.Add("price", 0.6).Add("service", 0.4) },
                ImmutableSortedDictionary<int, NeedWeights>.Empty);
            string folder = Path.Combine(parent.FullName, "benchmark");
            WorkspaceWriter.Create(folder, new Dictionary<string, string>
            {
                ["schema.yaml"] = WorkspaceWriter.Schema(new WorkspaceSchema("id", BenchmarkModels.Schema, null)),
                ["policy.yaml"] = WorkspaceWriter.PolicyText(new Policy()),
                ["needs.yaml"] = WorkspaceWriter.NeedsText(needs),
                ["propositions.yaml"] = WorkspaceWriter.PropositionsText([Proposition(0, 0)]),
                ["strategies.yaml"] = WorkspaceWriter.StrategiesText([new Strategy { Id = "all", Name = "all" }]),
            });
            Policy policy = new()
            {
                Contact = new ContactPolicy
                {
                    Caps =
                    [
                        new ContactCap { Scope = ContactScope.Customer, Most = 20, Window = TimeSpan.FromDays(7) },
                        new ContactCap { Scope = ContactScope.Proposition, Most = 3, Window = TimeSpan.FromDays(30) },
                    ],
                    Suppressions = [new Suppression { After = 2, Within = TimeSpan.FromDays(30), Pause = TimeSpan.FromDays(60) }],
                    Consent = ImmutableSortedDictionary<string, string>.Empty,
                    QuietChannels = ["web", "phone"],
                },
                HoldOut = new HoldOutPolicy(0.05),
                Gate = new GatePolicy { PotentialThreshold = 10 },
                Roles = ImmutableSortedDictionary<string, DecisionRight>.Empty.Add("agent", new DecisionRight(10, [])),
            };
            return Workspace.Load(folder).With(policy, Enumerable.Range(0, Propositions).Select(i => Proposition(i, threshold)));
        }
        finally
        {
            parent.Delete(recursive: true);
        }
    }

    private static Proposition Proposition(int index, double threshold)
    {
        SeededRandom random = new(11, index);
        return new Proposition
        {
            Id = $"p{index:D2}",
            Name = $"p{index:D2}",
            Margin = new Amount(20 + (80 * random.NextDouble()), ImmutableSortedDictionary<string, double>.Empty.Add($"x{random.Next(28)}", 2)),
            Fulfilment = 20 * random.NextDouble(),
            DefaultContact = 2 * random.NextDouble(),
            Differentiated = index % 3 == 0,
            Benefits = ImmutableSortedDictionary<string, double>.Empty.Add("price", random.NextDouble()).Add("service", random.NextDouble()),
            Eligibility = new Compound(Junction.All, [Above(ref random), Above(ref random)]),
            Applicability = new Compound(Junction.Any, [Above(ref random), Above(ref random)]),
            Suitability = Above(ref random),
        };

        Rule Above(ref SeededRandom random)
            => RuleParser.TryParseComparison(string.Create(CultureInfo.InvariantCulture, $"x{random.Next(28)} > {threshold}"), out Comparison? rule, out string? error)
                ? rule : throw new InvalidDataException(error);
    }
}
