using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Synthetic;

/// <summary>
/// The workspace files of a synthetic world: what the company in it knows. Acceptance, segments and their needs are not
/// in it; those have to be learned.
/// </summary>
public static class SyntheticWorkspace
{
    /// <summary>The files by name.</summary>
    public static IReadOnlyDictionary<string, string> Files(SyntheticWorld world)
    {
        ArgumentNullException.ThrowIfNull(world);
        ProfitTarget target = new() { Terms = [("annual_revenue", 1), ("annual_cost", -1)], Period = "year" };
        double equal = Math.Round(1.0 / world.Needs.Length, 4, MidpointRounding.ToZero);
        Needs needs = new(
            [.. world.Needs.Select(n => new Need(n.Name, n.Name))],
            new NeedWeights { Weights = world.Needs.ToImmutableSortedDictionary(n => n.Name, _ => equal, StringComparer.Ordinal) },
            ImmutableSortedDictionary<int, NeedWeights>.Empty);
        return new Dictionary<string, string>
        {
            [WorkspaceSchema.FileName] = "# Synthetic customers made by scoring-engine sample.\n"
                + WorkspaceWriter.Schema(new WorkspaceSchema("customer", world.Schema, target)),
            [Policy.FileName] = WorkspaceWriter.PolicyText(new Policy
            {
                CustomerWeight = world.CustomerWeight,
                // Whoever may accept in the world may be offered here: any potential opens the gate.
                Gate = new GatePolicy { PotentialThreshold = 0 },
            }),
            [Needs.FileName] = WorkspaceWriter.NeedsText(needs),
            [Catalogue.FileName] = WorkspaceWriter.PropositionsText(world.Propositions.Select(p => Convert(world, p))),
            [Strategy.FileName] = WorkspaceWriter.StrategiesText([new Strategy { Id = "starter", Name = "Starter strategy for all segments" }]),
        };
    }

    private static Proposition Convert(SyntheticWorld world, WorldProposition p) => new()
    {
        Id = p.Id,
        Name = p.Name,
        Kind = Parse<PropositionKind>(p.Kind),
        Lever = Parse<Lever>(p.Lever),
        Category = p.Category,
        Differentiated = p.Differentiated,
        Margin = Convert(world, p.Margin),
        Saving = Convert(world, p.Saving),
        Differentiation = p.Differentiation,
        Fulfilment = p.Fulfilment,
        Contact = world.Channels.Select((c, i) => KeyValuePair.Create(c, world.ContactCosts[i])).ToImmutableSortedDictionary(StringComparer.Ordinal),
        DefaultContact = world.ContactCosts[world.DefaultChannel],
        Incrementality = p.Incrementality,
        PriorPropensity = 0.15,
        Benefits = ByNeed(world, p.Benefits),
        Sacrifices = ByNeed(world, p.Sacrifices),
    };

    private static Amount Convert(SyntheticWorld world, WorldAmount amount) => new(
        amount.Base,
        amount.Coefficients.ToImmutableSortedDictionary(c => world.Schema.Features[c.Feature].Name, c => c.PerUnit, StringComparer.Ordinal));

    private static ImmutableSortedDictionary<string, double> ByNeed(SyntheticWorld world, ImmutableArray<double> values)
        => values.Select((v, i) => KeyValuePair.Create(world.Needs[i].Name, v)).Where(v => v.Value != 0)
            .ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static T Parse<T>(string snakeCase)
        where T : struct, Enum
        => Enum.GetValues<T>().First(v => SnakeCase.Of(v) == snakeCase);
}
