using System.Collections.Immutable;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Something that a step of a customer strategy needs.</summary>
/// <param name="What">What it is.</param>
/// <param name="InPlace">Whether it is there.</param>
/// <param name="Detail">What was found, and where it is not in place what to do.</param>
public sealed record StatusItem(string What, bool InPlace, string Detail);

/// <summary>A step of a customer strategy.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Question">What it answers.</param>
/// <param name="Items">What it needs.</param>
public sealed record StatusStep(string Name, string Question, ImmutableArray<StatusItem> Items)
{
    /// <summary>Whether all of it is in place.</summary>
    public bool InPlace => Items.All(i => i.InPlace);
}

/// <summary>How far a workspace has come on the five steps of a customer strategy: understand, articulate, design, enable, capture.</summary>
/// <param name="Steps">The steps in order.</param>
public sealed record StrategyStatus(ImmutableArray<StatusStep> Steps)
{
    /// <summary>The first thing that is not in place; null when all is.</summary>
    public StatusItem? Next => Steps.SelectMany(s => s.Items).FirstOrDefault(i => !i.InPlace);

    /// <summary>Takes stock.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="models">Its version; null for none.</param>
    /// <param name="asOf">The day.</param>
    public static StrategyStatus Of(Workspace workspace, ModelSet? models, DateOnly asOf)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        return new StrategyStatus(
        [
            new StatusStep("understand", "Who are our customers, what are they worth, what do they need?", [.. Understand(workspace, models)]),
            new StatusStep("articulate", "What is our strategy for each segment, and what is it not?", [.. Articulate(workspace, models)]),
            new StatusStep("design", "Which propositions create value for both sides?", [.. Design(workspace, asOf)]),
            new StatusStep("enable", "Can the organisation carry it out?", [.. Enable(workspace)]),
            new StatusStep("capture", "Is the value real, measured and on time?", [.. Capture(workspace, asOf)]),
        ]);
    }

    private static IEnumerable<StatusItem> Understand(Workspace workspace, ModelSet? models)
    {
        yield return models is null
            ? new StatusItem("segments", false, "no version yet: scoring-engine train makes one")
            : new StatusItem("segments", true, $"{models.Segments.Segments.Length} segments in version {models.Manifest.Version}");
        yield return workspace.Schema.Target switch
        {
            null => new StatusItem("profitability", false, "schema.yaml has no target, so nobody knows who creates value"),
            { Proxy: true } proxy => new StatusItem("profitability", false, $"{proxy} only stands in for profit: name revenue and costs as the target"),
            var target => models?.Profit is null ? new StatusItem("profitability", false, "no version predicts it yet") : new StatusItem("profitability", true, $"{target} per {target.Period}"),
        };
        IEnumerable<int> segments = models?.Segments.Segments.Select(s => s.Id) ?? workspace.Needs.BySegment.Keys;
        int[] unasked = [.. segments.Where(s => workspace.Needs.Of(s).Provenance == Provenance.Assumed)];
        yield return !segments.Any() && workspace.Needs.Default.Provenance == Provenance.Assumed
            ? new StatusItem("perceived value", false, "needs are assumed: ask a representative sample of each segment")
            : unasked.Length > 0 ? new StatusItem("perceived value", false, $"needs are assumed for segment {string.Join(", ", unasked)}: ask a representative sample")
            : new StatusItem("perceived value", true, "every segment was asked what it values");
    }

    private static IEnumerable<StatusItem> Articulate(Workspace workspace, ModelSet? models)
    {
        Strategy[] incomplete = [.. workspace.Strategies.Where(s => s.MissingElements.Any())];
        yield return workspace.Strategies.IsEmpty ? new StatusItem("seven elements", false, "no strategy is written")
            : incomplete.Length > 0 ? new StatusItem("seven elements", false, string.Join("; ", incomplete.Select(s => $"'{s.Id}' lacks {string.Join(", ", s.MissingElements)}")))
            : new StatusItem("seven elements", true, $"{Count(workspace.Strategies.Length, "strategy", "strategies")} with an owner and all seven elements");
        StrategyCoverage coverage = new(workspace.Strategies, models?.Segments.Segments.Select(s => s.Id));
        string[] gaps = [.. coverage.Gaps().Select(g => g.Segments)];
        bool overlap = coverage.Overlaps().Any();
        yield return gaps.Length > 0 ? new StatusItem("coverage", false, $"no strategy, or not for all tiers: {string.Join("; ", gaps)}")
            : overlap ? new StatusItem("coverage", false, "some customers have two strategies: strategy check names them")
            : new StatusItem("coverage", true, "every segment and tier has one strategy");
    }

    private static IEnumerable<StatusItem> Design(Workspace workspace, DateOnly asOf)
    {
        RuleReach reach = new(workspace.Schema.Features);
        string[] dead = [.. workspace.Propositions.Where(p => StrategyCheck.Unreachable(p, asOf, reach) is not null).Select(p => p.Id)];
        yield return workspace.Propositions.IsEmpty ? new StatusItem("catalogue", false, "no proposition is written")
            : dead.Length > 0 ? new StatusItem("catalogue", false, $"no customer can get {string.Join(", ", dead)}")
            : new StatusItem("catalogue", true, Count(workspace.Propositions.Length, "proposition", "propositions"));
        string[] assumed = [.. workspace.Propositions.Where(p => p.Provenance == Provenance.Assumed).Select(p => p.Id)];
        yield return assumed.Length > 0 || workspace.Propositions.IsEmpty
            ? new StatusItem("organisation value", false, $"economics are assumed for {(assumed.Length > 0 ? string.Join(", ", assumed) : "want of propositions")}: estimate or measure them")
            : new StatusItem("organisation value", true, "economics are estimated or measured");
        string[] oneSided = [.. workspace.Propositions.Where(p => p.Benefits.Values.All(b => b == 0)).Select(p => p.Id)];
        yield return oneSided.Length > 0 || workspace.Propositions.IsEmpty
            ? new StatusItem("customer value", false, $"no need is served by {(oneSided.Length > 0 ? string.Join(", ", oneSided) : "an empty catalogue")}: say what customers gain")
            : new StatusItem("customer value", true, "every proposition serves a need");
    }

    private static IEnumerable<StatusItem> Enable(Workspace workspace)
    {
        yield return workspace.Policy.Roles.IsEmpty ? new StatusItem("decision rights", false, "policy.yaml names no role: every concession needs an approval")
            : new StatusItem("decision rights", true, string.Join(", ", workspace.Policy.Roles.Keys));
        string[] without = [.. workspace.Strategies.Where(s => s.Incentives.IsEmpty).Select(s => s.Id)];
        yield return without.Length > 0 || workspace.Strategies.IsEmpty
            ? new StatusItem("incentives", false, $"nobody is rewarded for {(without.Length > 0 ? string.Join(", ", without) : "a strategy")}")
            : new StatusItem("incentives", true, "every strategy says who is rewarded for what");
        string[] unready = [.. workspace.Strategies
            .SelectMany(s => StrategyFile.ReadinessKeys.Where(k => s.Readiness.GetValueOrDefault(k) != Readiness.InPlace).Select(k => $"{k} for '{s.Id}' ({SnakeCase.Of(s.Readiness.GetValueOrDefault(k)).Replace('_', ' ')})"))];
        yield return unready.Length > 0 || workspace.Strategies.IsEmpty
            ? new StatusItem("readiness", false, $"not ready: {(unready.Length > 0 ? string.Join(", ", unready) : "no strategy")}")
            : new StatusItem("readiness", true, "organisation, process and technology are in place");
    }

    private static IEnumerable<StatusItem> Capture(Workspace workspace, DateOnly asOf)
    {
        PlanTarget[] open = [.. workspace.Plan.Targets.Where(t => t.By >= asOf)];
        yield return open.Length == 0
            ? new StatusItem("plan", false, workspace.Plan.Targets.IsEmpty ? "plan.yaml has no target: promise what is real, measurable and time-bound" : "every target of plan.yaml is past its date: revise the plan")
            : new StatusItem("plan", true, $"{Count(open.Length, "target", "targets")}, the next one due on {open.Min(t => t.By):yyyy-MM-dd}");
        string[] unpromised = [.. workspace.Strategies.Where(s => s.Targets.IsEmpty).Select(s => s.Id)];
        yield return unpromised.Length > 0 || workspace.Strategies.IsEmpty
            ? new StatusItem("business case", false, $"no target is promised by {(unpromised.Length > 0 ? string.Join(", ", unpromised) : "any strategy")}")
            : new StatusItem("business case", true, "every strategy promises a target");
        yield return workspace.Policy.HoldOut.Share == 0
            ? new StatusItem("hold-out", false, "no control group: what would have happened anyway cannot be told from what was captured")
            : new StatusItem("hold-out", true, FormattableString.Invariant($"{100 * workspace.Policy.HoldOut.Share:0.##} % of the customers"));
    }

    private static string Count(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";
}
