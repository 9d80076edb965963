using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>strategy show</c>: the articulated strategy of a segment.</summary>
internal static class StrategyShowCommand
{
    public static Command Create()
    {
        Argument<int> segment = new("segment") { Description = "Id of the segment", HelpName = "SEGMENT" };
        Option<string> workspace = CommonOptions.Workspace();
        Option<int?> version = CommonOptions.Version();
        Option<DateOnly> asOf = StrategyCommand.AsOf();
        Option<Tier?> tier = new("--tier")
        {
            Description = "Only what addresses this tier: value_destroyer, marginal, sustainer or value_creator",
            HelpName = "TIER",
            CustomParser = result =>
            {
                string text = result.Tokens.Single().Value;
                Tier[] found = [.. Enum.GetValues<Tier>().Where(t => SnakeCase.Of(t) == text)];
                if (found.Length == 0)
                {
                    result.AddError($"--tier '{text}': expected one of {string.Join(", ", Enum.GetValues<Tier>().Select(SnakeCase.Of))}");
                    return null;
                }
                return found[0];
            },
        };
        EngineCommand command = new("show", "Show the strategy of a segment: its seven elements, owner, treatments, decision rights, incentives and business case, "
            + "what its customers need and which propositions they can get",
            "scoring-engine strategy show 3 --workspace models/mine --tier value_creator")
        {
            segment, workspace, version, tier, asOf,
        };
        command.SetHandler((parse, output, _) => Task.FromResult(Run(
            parse.GetRequiredValue(workspace), parse.GetValue(version), parse.GetValue(segment), parse.GetValue(tier), parse.GetValue(asOf), output)));
        return command;
    }

    /// <summary>Shows a segment's strategy.</summary>
    public static ExitCode Run(string folder, int? version, int segment, Tier? tier, DateOnly asOf, CommandOutput output)
    {
        Workspace workspace = Workspace.Load(folder);
        ModelSet? models = StrategyCommand.Models(workspace, version);
        if (models is not null && models.Segments.Segments.All(s => s.Id != segment))
        {
            throw new CommandFailure($"version {models.Manifest.Version} has no segment {segment}; there are {string.Join(", ", models.Segments.Segments.Select(s => s.Id))}");
        }
        StrategyView view = StrategyView.Of(workspace, models, segment, tier, asOf);
        Show(view, workspace, output);
        output.Result(ToJson(view));
        return ExitCode.Success;
    }

    private static void Show(StrategyView view, Workspace workspace, CommandOutput output)
    {
        string currency = workspace.Policy.Currency;
        output.Heading($"Segment {view.SegmentId}{(view.Segment is { } segment ? $": {segment.Name}" : "")}");
        if (view.Segment is { } described)
        {
            output.Line(described.Description);
        }
        if (view.Strategies.IsEmpty)
        {
            output.Line("no strategy addresses it");
        }
        foreach (StrategyArticle article in view.Strategies)
        {
            Strategy strategy = article.Strategy;
            output.Heading($"{strategy.Name}{(strategy.Tiers.IsEmpty ? "" : $" ({string.Join(", ", strategy.Tiers.Select(SnakeCase.Of))})")}");
            Table rows = Pairs();
            rows.AddRow(new Text("owner"), new Text(Or(strategy.Owner, "nobody yet: incomplete")));
            foreach (string element in Strategy.Elements)
            {
                rows.AddRow(new Text(Words(element)), new Text(Or(strategy.Articulation.GetValueOrDefault(element, ""), "not written yet: incomplete")));
            }
            rows.AddRow(new Text("business case"), new Text(Or(strategy.BusinessCase, "not written yet")));
            foreach (PlanTarget target in article.Targets)
            {
                rows.AddRow(new Text("target"), new Text(string.Create(CultureInfo.InvariantCulture,
                    $"{target.Id}: {target.Metric} from {target.Baseline} to {target.Target} by {target.By:yyyy-MM-dd}{(target.Owner.Length > 0 ? $" ({target.Owner})" : "")}")));
            }
            foreach ((string name, string text) in strategy.Treatments)
            {
                rows.AddRow(new Text(Words(name)), new Text(text));
            }
            foreach ((string role, DecisionRight right) in article.DecisionRights)
            {
                rows.AddRow(new Text($"{Words(role)} may grant"), new Text(Right(right, currency)));
            }
            foreach ((string role, string text) in strategy.Incentives)
            {
                rows.AddRow(new Text($"{Words(role)} is rewarded for"), new Text(text));
            }
            foreach ((string what, Readiness readiness) in strategy.Readiness)
            {
                rows.AddRow(new Text($"{what} is ready"), new Text(Words(SnakeCase.Of(readiness))));
            }
            output.Show(rows);
        }
        NeedWeights needs = view.Needs;
        output.Heading($"Needs ({SnakeCase.Of(needs.Provenance)}{(needs.SampleSize > 0 ? $", {needs.SampleSize} asked in {needs.Source}" : "")})");
        Table weights = Pairs();
        foreach (Need need in workspace.Needs.All.OrderByDescending(n => needs.Weights.GetValueOrDefault(n.Id)))
        {
            weights.AddRow(new Text(need.Name), new Text(string.Create(CultureInfo.InvariantCulture, $"{needs.Weights.GetValueOrDefault(need.Id):0.00}")
                + (needs.HalfWidths.TryGetValue(need.Id, out double half) ? string.Create(CultureInfo.InvariantCulture, $" +/- {half:0.00}") : "")));
        }
        output.Show(weights);
        foreach (string words in needs.Words)
        {
            output.Line($"  \"{words}\"");
        }
        output.Heading("Propositions");
        Table propositions = new Table().Border(TableBorder.Simple).AddColumns("proposition", "customer value", "customers of the segment");
        foreach (SegmentProposition p in view.Propositions)
        {
            propositions.AddRow(new Text(p.Proposition.Id), new Text(string.Create(CultureInfo.InvariantCulture, $"{p.CustomerValue:+0.00;-0.00;0.00}")),
                new Text(p.Unreachable is null ? p.Proposition.Differentiated ? "may get it; differentiated" : "may get it" : $"cannot get it: {p.Unreachable}"));
        }
        output.Show(propositions);
    }

    private static JsonObject ToJson(StrategyView view) => new()
    {
        ["segment"] = view.SegmentId,
        ["name"] = view.Segment?.Name,
        ["description"] = view.Segment?.Description,
        ["strategies"] = new JsonArray([.. view.Strategies.Select(a => new JsonObject
        {
            ["id"] = a.Strategy.Id,
            ["name"] = a.Strategy.Name,
            ["owner"] = a.Strategy.Owner,
            ["segments"] = new JsonArray([.. a.Strategy.Segments.Select(s => (JsonNode)s)]),
            ["tiers"] = new JsonArray([.. a.Strategy.Tiers.Select(t => (JsonNode)SnakeCase.Of(t))]),
            ["elements"] = Texts(a.Strategy.Articulation),
            ["missing"] = new JsonArray([.. a.Strategy.MissingElements.Select(e => (JsonNode)e)]),
            ["business_case"] = a.Strategy.BusinessCase,
            ["targets"] = new JsonArray([.. a.Targets.Select(t => new JsonObject
            {
                ["id"] = t.Id,
                ["metric"] = t.Metric,
                ["baseline"] = t.Baseline,
                ["target"] = t.Target,
                ["by"] = t.By.ToString("yyyy-MM-dd"),
                ["dated"] = t.Dated.ToString("yyyy-MM-dd"),
                ["lever"] = SnakeCase.Of(t.Lever),
                ["owner"] = t.Owner,
            })]),
            ["treatments"] = Texts(a.Strategy.Treatments),
            ["decision_rights"] = new JsonObject(a.DecisionRights.Select(r => KeyValuePair.Create(r.Key, (JsonNode?)new JsonObject
            {
                ["max_concession"] = double.IsPositiveInfinity(r.Value.MaximumConcession) ? "any" : r.Value.MaximumConcession,
                ["propositions"] = new JsonArray([.. r.Value.Propositions.Select(p => (JsonNode)p)]),
            }))),
            ["incentives"] = Texts(a.Strategy.Incentives),
            ["readiness"] = new JsonObject(a.Strategy.Readiness.Select(r => KeyValuePair.Create(r.Key, (JsonNode?)SnakeCase.Of(r.Value)))),
        })]),
        ["needs"] = new JsonObject
        {
            ["provenance"] = SnakeCase.Of(view.Needs.Provenance),
            ["source"] = view.Needs.Source,
            ["sample_size"] = view.Needs.SampleSize,
            ["weights"] = new JsonObject(view.Needs.Weights.Select(w => KeyValuePair.Create(w.Key, (JsonNode?)w.Value))),
            ["half_widths"] = new JsonObject(view.Needs.HalfWidths.Select(w => KeyValuePair.Create(w.Key, (JsonNode?)w.Value))),
            ["words"] = new JsonArray([.. view.Needs.Words.Select(w => (JsonNode)w)]),
        },
        ["propositions"] = new JsonArray([.. view.Propositions.Select(p => new JsonObject
        {
            ["id"] = p.Proposition.Id,
            ["differentiated"] = p.Proposition.Differentiated,
            ["customer_value"] = p.CustomerValue,
            ["reachable"] = p.Unreachable is null,
            ["why_not"] = p.Unreachable,
        })]),
    };

    private static JsonObject Texts(IEnumerable<KeyValuePair<string, string>> texts) => new(texts.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value)));

    private static Table Pairs() => new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");

    private static string Right(DecisionRight right, string currency)
        => (double.IsPositiveInfinity(right.MaximumConcession) ? "any concession" : string.Create(CultureInfo.InvariantCulture, $"up to {right.MaximumConcession} {currency}"))
            + (right.Propositions.IsEmpty ? "" : $", and {string.Join(", ", right.Propositions)}");

    private static string Words(string key) => key.Replace('_', ' ');

    private static string Or(string text, string otherwise) => text.Length > 0 ? text : otherwise;
}
