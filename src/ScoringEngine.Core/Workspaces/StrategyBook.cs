using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Segmentation;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// All strategies, targets, propositions and needs of a workspace as one document, with the provenance of its figures. It refers to nothing
/// outside itself.
/// </summary>
public sealed class StrategyBook
{
    private readonly List<Block> _blocks = [];

    private StrategyBook(string title)
    {
        Title = title;
    }

    /// <summary>Title of the document.</summary>
    public string Title { get; }

    /// <summary>Writes the document of a workspace.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="models">The version whose segments it tells of; null for none.</param>
    /// <param name="asOf">The day for which it is written.</param>
    public static StrategyBook Of(Workspace workspace, ModelSet? models, DateOnly asOf)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        StrategyBook book = new($"Customer strategy: {workspace.Name}");
        book.Opening(workspace, models, asOf);
        book.Strategies(workspace);
        book.Plan(workspace);
        book.Segments(workspace, models);
        book.Propositions(workspace);
        book.Policy(workspace.Policy);
        return book;
    }

    /// <summary>The document as Markdown.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new($"# {Escape(Title)}\n");
        foreach (Block block in _blocks)
        {
            text.Append('\n');
            switch (block)
            {
                case Heading heading:
                    text.Append($"{new string('#', heading.Level)} {Escape(heading.Text)}\n");
                    break;
                case Paragraph paragraph:
                    text.Append($"{Escape(paragraph.Text)}\n");
                    break;
                case Grid grid:
                    text.Append($"| {string.Join(" | ", grid.Columns.Select(Escape))} |\n|{string.Concat(grid.Columns.Select(_ => " --- |"))}\n");
                    foreach (string[] row in grid.Rows)
                    {
                        text.Append($"| {string.Join(" | ", row.Select(Escape))} |\n");
                    }
                    break;
            }
        }
        return text.ToString();

        // A line of its own, without markup: a bar would end a cell, a line break a row.
        static string Escape(string text) => string.Concat(text.ReplaceLineEndings(" ").Select(c => c is '|' or '*' or '_' or '`' or '<' or '[' or '\\' or '#' ? $"\\{c}" : $"{c}"));
    }

    /// <summary>The document as HTML.</summary>
    public string ToHtml()
    {
        StringBuilder text = new($$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <title>{{Escape(Title)}}</title>
            <style>
            body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; }
            table { border-collapse: collapse; margin: 1em 0; width: 100%; }
            th, td { border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top; }
            th { background: #f2f2f2; }
            h2 { border-bottom: 2px solid #ccc; margin-top: 2em; }
            </style>
            </head>
            <body>
            <h1>{{Escape(Title)}}</h1>

            """);
        foreach (Block block in _blocks)
        {
            switch (block)
            {
                case Heading heading:
                    text.Append($"<h{heading.Level}>{Escape(heading.Text)}</h{heading.Level}>\n");
                    break;
                case Paragraph paragraph:
                    text.Append($"<p>{Escape(paragraph.Text)}</p>\n");
                    break;
                case Grid grid:
                    text.Append($"<table>\n<tr>{string.Concat(grid.Columns.Select(c => $"<th>{Escape(c)}</th>"))}</tr>\n");
                    foreach (string[] row in grid.Rows)
                    {
                        text.Append($"<tr>{string.Concat(row.Select(c => $"<td>{Escape(c)}</td>"))}</tr>\n");
                    }
                    text.Append("</table>\n");
                    break;
            }
        }
        return text.Append("</body>\n</html>\n").ToString();

        static string Escape(string text) => WebUtility.HtmlEncode(text);
    }

    private void Opening(Workspace workspace, ModelSet? models, DateOnly asOf)
    {
        Policy policy = workspace.Policy;
        Say($"As of {Day(asOf)}. Amounts in {policy.Currency}, present values over {policy.HorizonMonths} months at {Percent(policy.DiscountRate)} a year. "
            + "Every figure says where it comes from: assumed, surveyed, estimated or measured.");
        Say(models is null ? "There is no model version yet: segments are told by their ids."
            : $"Segments of version {models.Manifest.Version}{(models.Profit is { Target.Proxy: true } profit ? $"; profit is only a PROXY: {profit.Target}" : "")}.");
        Section("Where we stand");
        Table(["step", "what", "in place", "found"], StrategyStatus.Of(workspace, models, asOf).Steps
            .SelectMany(s => s.Items.Select(i => (string[])[s.Name, i.What, i.InPlace ? "yes" : "no", i.Detail])));
    }

    private void Strategies(Workspace workspace)
    {
        Section("Strategies");
        foreach (StrategyArticle article in workspace.Strategies.Select(s => StrategyArticle.Of(workspace, s)))
        {
            Strategy strategy = article.Strategy;
            Heading3(strategy.Name);
            Say($"Owner: {(strategy.Owner.Length > 0 ? strategy.Owner : "nobody yet")}. Addresses {Addressed(strategy)}.");
            Table(["element", "what it says"], Strategy.Elements.Select(e => (string[])[Words(e), strategy.Articulation.GetValueOrDefault(e, "not written yet")]));
            Say($"Business case: {(strategy.BusinessCase.Length > 0 ? strategy.BusinessCase : "not written yet")}");
            Targets(article.Targets);
            Table(["treatment", "how"], strategy.Treatments.Select(t => (string[])[Words(t.Key), t.Value]));
            Table(["role", "may grant without approval", "is rewarded for"], article.DecisionRights.Keys.Union(strategy.Incentives.Keys).Order(StringComparer.Ordinal)
                .Select(role => (string[])[Words(role), article.DecisionRights.TryGetValue(role, out DecisionRight? right) ? Right(right, workspace.Policy.Currency) : "nothing",
                    strategy.Incentives.GetValueOrDefault(role, "")]));
            Table(["ready", "how far"], strategy.Readiness.Select(r => (string[])[r.Key, Words(SnakeCase.Of(r.Value))]));
        }
    }

    private void Plan(Workspace workspace)
    {
        Section("Value-capture plan");
        if (workspace.Plan.Targets.IsEmpty)
        {
            Say("No target is promised yet.");
        }
        Targets(workspace.Plan.Targets);
    }

    private void Targets(IEnumerable<PlanTarget> targets) => Table(["target", "metric", "baseline", "target", "by", "promised", "lever", "owner"],
        targets.Select(t => (string[])[t.Id, t.Metric, Number(t.Baseline), Number(t.Target), Day(t.By), Day(t.Dated), Words(SnakeCase.Of(t.Lever)), t.Owner]));

    private void Segments(Workspace workspace, ModelSet? models)
    {
        Section("Segments and their needs");
        foreach (Need need in workspace.Needs.All.Where(n => n.Name != n.Id))
        {
            Say($"{need.Id}: {need.Name}");
        }
        foreach ((Segment segment, int index) in models?.Segments.Segments.Select((s, i) => (s, i)) ?? [])
        {
            Heading3($"Segment {segment.Id}: {segment.Name}");
            Say(segment.Description);
            double profit = models!.Profiles[index].MeanProfit;
            if (!double.IsNaN(profit))
            {
                Say($"{segment.Size} customers in training, {Number(Math.Round(profit, 2))} {workspace.Policy.Currency} mean profit a {models.Profit?.Target.Period ?? "period"} (measured).");
            }
            Weights(workspace, workspace.Needs.Of(segment.Id));
        }
        foreach ((int segment, NeedWeights weights) in workspace.Needs.BySegment.Where(s => models is null || models.Segments.Segments.All(known => known.Id != s.Key)))
        {
            Heading3($"Segment {segment}");
            Weights(workspace, weights);
        }
        Heading3("Any other segment");
        Weights(workspace, workspace.Needs.Default);
    }

    private void Weights(Workspace workspace, NeedWeights weights)
    {
        string source = weights.SampleSize > 0 ? $", {weights.SampleSize} customers asked in {weights.Source}" : "";
        Table(["need", $"weight ({SnakeCase.Of(weights.Provenance)}{source})", "95 % interval"], workspace.Needs.All
            .Select(n => (n.Id, Weight: weights.Weights.GetValueOrDefault(n.Id))).OrderByDescending(n => n.Weight)
            .Select(n => (string[])[n.Id, Number(n.Weight), weights.HalfWidths.TryGetValue(n.Id, out double half) ? $"{Number(Math.Max(0, n.Weight - half))} to {Number(Math.Min(1, n.Weight + half))}" : ""]));
        foreach (string words in weights.Words)
        {
            Say($"“{words}”");
        }
    }

    private void Propositions(Workspace workspace)
    {
        Section("Propositions");
        foreach (Proposition p in workspace.Propositions)
        {
            Heading3(p.Name);
            string[] tags = [SnakeCase.Of(p.Kind), Words(SnakeCase.Of(p.Lever)), p.Category, p.ValueArea, p.Differentiated ? "differentiated" : "standard"];
            Say($"{p.Id}: {string.Join(", ", tags.Where(t => t.Length > 0))}.");
            string provenance = SnakeCase.Of(p.Provenance);
            Table(["organisation value", $"{workspace.Policy.Currency} ({provenance})"], new (string Name, string Amount)[]
            {
                ("margin", Money(p.Margin)),
                ("saving", Money(p.Saving)),
                ("differentiation (an estimate, never counted as captured)", Number(p.Differentiation)),
                ("fulfilment", Number(p.Fulfilment)),
                ("contact", Number(p.DefaultContact) + string.Concat(p.Contact.Select(c => $"; {c.Key} {Number(c.Value)}"))),
                ("incremental share of acceptance", Percent(p.Incrementality ?? workspace.Policy.DefaultIncrementality)),
                ("prior acceptance", Percent(p.PriorPropensity)),
            }.Select(r => (string[])[r.Name, r.Amount]));
            Table(["need", "benefit", "sacrifice"], p.Benefits.Keys.Union(p.Sacrifices.Keys).Order(StringComparer.Ordinal)
                .Select(n => (string[])[n, Number(p.Benefits.GetValueOrDefault(n)), Number(p.Sacrifices.GetValueOrDefault(n))]));
            Table(["condition", "what"], Conditions(p).Select(c => (string[])[c.Name, c.Text]));
            Table(["language", "wording"], p.Wording.Select(w => (string[])[w.Key, w.Value]));
        }
    }

    private static IEnumerable<(string Name, string Text)> Conditions(Proposition p)
    {
        foreach ((string name, Rules.Rule? rule) in new[] { ("eligibility", p.Eligibility), ("applicability", p.Applicability), ("suitability", p.Suitability) })
        {
            if (rule is not null)
            {
                yield return (name, RuleText.Sentence(rule));
            }
        }
        (string, string?)[] rest =
        [
            ("perceived value from", p.MinimumCustomerValue is { } minimum ? Number(minimum) : null),
            ("channels", p.Channels.IsEmpty ? null : string.Join(", ", p.Channels)),
            ("from", p.ValidFrom is { } from ? Day(from) : null),
            ("until", p.ValidUntil is { } until ? Day(until) : null),
            ("budget", p.Budget is { } budget ? Number(budget) : null),
            ("volume", p.Volume is { } volume ? Number(volume) : null),
            ("caps", p.Caps.IsEmpty ? null : string.Join("; ", p.Caps.Select(Cap))),
        ];
        foreach ((string name, string? text) in rest)
        {
            if (text is not null)
            {
                yield return (name, text);
            }
        }
    }

    private void Policy(Policy policy)
    {
        Section("Policy");
        ContactPolicy contact = policy.Contact;
        GatePolicy gate = policy.Gate;
        List<(string Name, string Text)> rows =
        [
            .. contact.Caps.Select(c => ("cap", Cap(c))),
            .. contact.Suppressions.Select(s => ("pause", $"{Duration.Of(s.Pause)} for {Scope(s.Scope, s.Group)} after {s.After} {SnakeCase.Of(s.Outcome)} in {Duration.Of(s.Within)}")),
            .. contact.Consent.Select(c => ("consent", $"{c.Key}: {c.Value}")),
        ];
        if (contact.QuietFrom is { } from && contact.QuietUntil is { } until)
        {
            rows.Add(("quiet hours", string.Create(CultureInfo.InvariantCulture,
                $"{from:HH:mm} to {until:HH:mm}{(contact.QuietChannels.IsEmpty ? "" : $" in {string.Join(", ", contact.QuietChannels)}")} ({contact.TimeZone} where the customer's zone is not known)")));
        }
        rows.Add(("differentiation gate", double.IsPositiveInfinity(gate.PotentialThreshold) ? "no potential opens it" : $"open from a potential of {Number(gate.PotentialThreshold)} {policy.Currency}"));
        rows.AddRange(gate.Evidence.Select(e => ("measured evidence", $"{e.Proposition}, {Words(SnakeCase.Of(e.Tier))}: at least {Number(e.LowerBound)} {policy.Currency} a customer ({e.Source})")));
        if (gate.Test is { } test)
        {
            rows.Add(("gate test", $"{Percent(test.Share)} of the customers, {Day(test.From)} to {Day(test.Until)}, at most {Number(test.Budget)} {policy.Currency}"));
        }
        rows.Add(("hold-out", policy.HoldOut.Share == 0 ? "none" : $"{Percent(policy.HoldOut.Share)} of the customers get {policy.HoldOut.StandardTreatment ?? "nothing"}"));
        rows.AddRange(policy.Exploration.Channels.Prepend(KeyValuePair.Create("elsewhere", policy.Exploration.Default))
            .Select(e => ("exploration", $"{e.Key}: {(e.Value.Kind == ExplorationKind.None ? "none" : $"{Words(SnakeCase.Of(e.Value.Kind))} {Number(e.Value.Parameter)}")}")));
        Table(["rule", "what"], rows.Select(r => (string[])[r.Name, r.Text]));
        Table(["role", "may grant without approval"], policy.Roles.Select(r => (string[])[Words(r.Key), Right(r.Value, policy.Currency)]));
    }

    private static string Addressed(Strategy strategy)
        => $"{(strategy.Segments.IsEmpty ? "all segments" : $"segment {string.Join(", ", strategy.Segments)}")}"
            + (strategy.Tiers.IsEmpty ? "" : $", tiers {string.Join(", ", strategy.Tiers.Select(t => Words(SnakeCase.Of(t))))}");

    private static string Right(DecisionRight right, string currency)
        => (double.IsPositiveInfinity(right.MaximumConcession) ? "any concession" : $"up to {Number(right.MaximumConcession)} {currency}")
            + (right.Propositions.IsEmpty ? "" : $"; {string.Join(", ", right.Propositions)}");

    private static string Cap(ContactCap cap) => $"at most {cap.Most} in {Duration.Of(cap.Window)} for {Scope(cap.Scope, cap.Group)}"
        + (cap.Channels.IsEmpty ? "" : $" in {string.Join(", ", cap.Channels)}");

    private static string Scope(ContactScope scope, string group) => group.Length > 0 ? $"group {group}" : $"a {SnakeCase.Of(scope)}";

    private static string Money(Amount amount)
        => Number(amount.Base) + string.Concat(amount.PerFeature.Select(f => $" + {Number(f.Value)} per {Words(f.Key)}"))
            + (amount.Every == Frequency.Once ? "" : $" every {SnakeCase.Of(amount.Every)}");

    private static string Words(string key) => key.Replace('_', ' ');

    private static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.##} %");

    private static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private void Section(string text) => _blocks.Add(new Heading(2, text));

    private void Heading3(string text) => _blocks.Add(new Heading(3, text));

    private void Say(string text) => _blocks.Add(new Paragraph(text));

    // What has no rows is not told.
    private void Table(string[] columns, IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        if (all.Length > 0)
        {
            _blocks.Add(new Grid(columns, all));
        }
    }

    private abstract record Block;

    private sealed record Heading(int Level, string Text) : Block;

    private sealed record Paragraph(string Text) : Block;

    private sealed record Grid(string[] Columns, string[][] Rows) : Block;
}
