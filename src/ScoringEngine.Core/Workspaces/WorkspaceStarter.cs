using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// The first files of a workspace: a schema guessed from data, and a catalogue, needs, strategies and policy that are
/// valid, plainly assumed, and reported as incomplete until a person has gone over them.
/// </summary>
public static class WorkspaceStarter
{
    private const string Web = "web";

    /// <summary>The files by name.</summary>
    /// <param name="inferred">The guessed schema.</param>
    /// <param name="idColumn">The id column.</param>
    /// <param name="target">Columns of the target; empty for none.</param>
    /// <param name="period">Period that the target covers.</param>
    /// <param name="currency">ISO 4217 code of all amounts.</param>
    public static IReadOnlyDictionary<string, string> Files(InferredSchema inferred, string idColumn, ImmutableArray<(string Column, int Sign)> target,
        string period = "year", string currency = "EUR")
    {
        ArgumentNullException.ThrowIfNull(inferred);
        ProfitTarget? profit = target.IsEmpty ? null : new ProfitTarget { Terms = target, Period = period, Proxy = IsProxy(target) };
        double typical = inferred.MeanAbsoluteTarget > 0 ? inferred.MeanAbsoluteTarget : 100;
        return new Dictionary<string, string>
        {
            [WorkspaceSchema.FileName] = WorkspaceWriter.Schema(new WorkspaceSchema(idColumn, inferred.Features, profit), inferred.Comments),
            [Policy.FileName] = WorkspaceWriter.PolicyText(StarterPolicy(inferred.Features, currency, typical)),
            [Needs.FileName] = WorkspaceWriter.NeedsText(StarterNeeds()),
            [Catalogue.FileName] = WorkspaceWriter.PropositionsText(StarterPropositions(typical)),
            [Plan.FileName] = WorkspaceWriter.PlanText(Plan.None),
            [Strategy.FileName] = WorkspaceWriter.StrategiesText([new Strategy { Id = "starter", Name = "Starter strategy for all segments" }]),
        };
    }

    private static Policy StarterPolicy(FeatureSchema schema, string currency, double typical) => new()
    {
        Currency = currency,
        CustomerWeight = Round(0.2 * typical),
        Contact = new ContactPolicy
        {
            Caps =
            [
                new ContactCap { Most = 6, Window = TimeSpan.FromDays(30) },
                new ContactCap { Scope = ContactScope.Proposition, Most = 2, Window = TimeSpan.FromDays(60) },
            ],
            Suppressions =
            [
                new Suppression { Outcome = ContactKind.Declined, After = 2, Within = TimeSpan.FromDays(60), Pause = TimeSpan.FromDays(90) },
                new Suppression { Scope = ContactScope.Customer, Outcome = ContactKind.Complained, Within = TimeSpan.FromDays(30), Pause = TimeSpan.FromDays(30) },
            ],
            QuietFrom = new TimeOnly(20, 0),
            QuietUntil = new TimeOnly(8, 0),
        },
        Gate = new GatePolicy { PotentialThreshold = Round(typical) },
        HoldOut = new HoldOutPolicy(0.05, 1),
        Exploration = new ExplorationPolicy
        {
            Channels = WorkspaceParts.ChannelsOf(schema)?.Contains(Web) ?? true
                ? ImmutableSortedDictionary<string, Exploration>.Empty.Add(Web, new Exploration(ExplorationKind.Epsilon, 0.05))
                : ImmutableSortedDictionary<string, Exploration>.Empty,
        },
        Roles = ImmutableSortedDictionary<string, DecisionRight>.Empty
            .Add("agent", new DecisionRight(Round(0.1 * typical), []))
            .Add("self_service", new DecisionRight(Round(0.05 * typical), []))
            .Add("supervisor", new DecisionRight(double.PositiveInfinity, [])),
    };

    // Costs make a sum profit, and so does a column that says so; anything else only stands in for it.
    private static bool IsProxy(ImmutableArray<(string Column, int Sign)> target)
        => !target.Any(t => t.Sign < 0)
            && !target.Any(t => new[] { "profit", "margin", "contribution" }.Any(w => t.Column.Contains(w, StringComparison.OrdinalIgnoreCase)));

    private static Needs StarterNeeds()
    {
        (string Id, string Name, double Weight)[] needs =
        [
            ("price", "A fair price", 0.3),
            ("service", "Help when it matters", 0.25),
            ("convenience", "Little effort", 0.25),
            ("recognition", "Being known and valued", 0.2),
        ];
        return new Needs(
            [.. needs.Select(n => new Need(n.Id, n.Name))],
            new NeedWeights { Weights = needs.ToImmutableSortedDictionary(n => n.Id, n => n.Weight, StringComparer.Ordinal) },
            ImmutableSortedDictionary<int, NeedWeights>.Empty);
    }

    private static IEnumerable<Proposition> StarterPropositions(double typical)
    {
        yield return new Proposition
        {
            Id = "loyalty_discount",
            Name = "Loyalty discount",
            Kind = PropositionKind.Commercial,
            Lever = Lever.Retain,
            Category = "price",
            Differentiated = true,
            Margin = Amount.Zero with { Base = Round(0.5 * typical) },
            Fulfilment = Round(0.1 * typical),
            DefaultContact = Round(0.01 * typical),
            Incrementality = 0.4,
            PriorPropensity = 0.2,
            Benefits = Map(("price", 0.8), ("recognition", 0.3)),
            Wording = Words("As a thank-you for staying with us, we can offer you a lower price."),
        };
        yield return new Proposition
        {
            Id = "product_upgrade",
            Name = "Upgrade to a better product",
            Kind = PropositionKind.Commercial,
            Lever = Lever.UpSell,
            Category = "product",
            Margin = Amount.Zero with { Base = Round(0.4 * typical) },
            Fulfilment = Round(0.02 * typical),
            DefaultContact = Round(0.01 * typical),
            Incrementality = 0.7,
            PriorPropensity = 0.08,
            Benefits = Map(("service", 0.4), ("convenience", 0.4)),
            Sacrifices = Map(("price", 0.4)),
            Wording = Words("There is a product that would suit the way you use ours better."),
        };
        yield return new Proposition
        {
            Id = "digital_self_service",
            Name = "Help with digital self-service",
            Kind = PropositionKind.Service,
            Lever = Lever.CostToServe,
            Category = "convenience",
            Saving = Amount.Zero with { Base = Round(0.1 * typical) },
            DefaultContact = Round(0.005 * typical),
            Incrementality = 0.6,
            PriorPropensity = 0.3,
            Benefits = Map(("convenience", 0.6), ("price", 0.1)),
            Wording = Words("May I show you how to do this yourself, at any time, in a minute?"),
        };
        yield return new Proposition
        {
            Id = "personal_adviser",
            Name = "A personal adviser",
            Kind = PropositionKind.Service,
            Lever = Lever.Retain,
            Category = "relationship",
            Differentiated = true,
            Margin = Amount.Zero with { Base = Round(0.6 * typical) },
            Differentiation = Round(0.02 * typical),
            Fulfilment = Round(0.2 * typical),
            DefaultContact = Round(0.01 * typical),
            Incrementality = 0.5,
            PriorPropensity = 0.15,
            Benefits = Map(("service", 0.7), ("recognition", 0.7)),
            Wording = Words("From now on you would have one person here who knows you and your business with us."),
        };
    }

    private static ImmutableSortedDictionary<string, double> Map(params ReadOnlySpan<(string Need, double Value)> values)
    {
        ImmutableSortedDictionary<string, double>.Builder map = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        foreach ((string need, double value) in values)
        {
            map.Add(need, value);
        }
        return map.ToImmutable();
    }

    private static ImmutableSortedDictionary<string, string> Words(string english)
        => ImmutableSortedDictionary<string, string>.Empty.Add("en", english);

    // Two significant digits: an assumption should not look like a measurement.
    private static double Round(double value)
    {
        double scale = Math.Pow(10, Math.Floor(Math.Log10(value)) - 1);
        return Math.Round(Math.Round(value / scale) * scale, 6);
    }
}
