using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary>What <c>simulate</c> tells, for a person and for a program.</summary>
internal sealed class SimulationSummary(SimulationResult result, DecisionModel? before, DecisionModel after)
{
    private const int MostMoves = 20;

    private string Currency => after.Workspace.Policy.Currency;

    public void Show(CommandOutput output, RejectedRows rejected)
    {
        output.Heading($"{result.Customers:N0} customers: {Overall(result.After)}" + (result.Before is { } old ? $"; before: {Overall(old)}" : ""));
        output.Heading("By proposition");
        output.Show(Compare("proposition", c => c.Proposition, result, _ => null));
        foreach (string warning in Limits())
        {
            output.Line(warning);
        }
        output.Heading("By segment");
        output.Show(Compare("segment", c => SegmentName(c.SegmentId), result, g => SegmentName(g.SegmentId)));
        output.Heading("By tier");
        output.Show(Compare("tier", c => TierName(c.Tier), result, g => TierName(g.Tier)));
        output.Heading("Where candidates fell");
        output.Show(Falls());
        if (!result.Moves.IsEmpty)
        {
            output.Heading("Who wins whose customers (first slot)");
            output.Show(Moves());
        }
        if (!result.Rules.IsEmpty)
        {
            output.Heading($"What each rule costs: two-sided value that dropping it alone would gain, {Currency}");
            output.Show(Rules());
        }
        output.Result(ToJson(rejected));
    }

    private string Overall(SimulationSide side)
        => $"{side.Volume:N0} offers worth {side.Score:N0} {Currency} ({side.OrganisationValue:N0} to the organisation), {side.WithoutOffer:N0} get no proposition, "
            + $"{side.Groups.Sum(g => g.WithoutCandidate):N0} could get none, {side.Groups.Sum(g => g.HeldOut):N0} held out";

    /// <summary>Reach, volume and value by some key, before and after; those without an offer where the key is one of customers.</summary>
    private Table Compare(string name, Func<SimulationCell, string> key, SimulationResult of, Func<SimulationGroup, string?> groupKey)
    {
        bool groups = of.After.Groups.Any(g => groupKey(g) is not null);
        Table table = new Table().AddColumn(name).Border(TableBorder.Simple);
        foreach (string column in new[] { groups ? "no offer" : "reach", "offers", $"value, {Currency}", $"organisation, {Currency}", "customer value" })
        {
            if (of.Before is not null)
            {
                table.AddColumn(new TableColumn($"{column} before").RightAligned());
            }
            table.AddColumn(new TableColumn(of.Before is null ? column : "after").RightAligned());
        }
        foreach (string id in Keys())
        {
            string[] now = Figures(of.After, id);
            string[] old = of.Before is null ? [] : Figures(of.Before, id);
            table.AddRow([Markup.Escape(id), .. old.Length == 0 ? now : old.Zip(now, (o, n) => new[] { o, n }).SelectMany(pair => pair)]);
        }
        return table;

        IEnumerable<string> Keys() => new[] { of.Before, of.After }.OfType<SimulationSide>()
            .SelectMany(s => s.Cells.Select(key).Concat(s.Groups.Select(groupKey).OfType<string>())).Distinct();

        string[] Figures(SimulationSide side, string id)
        {
            SimulationCell[] cells = [.. side.Cells.Where(c => key(c) == id)];
            long volume = cells.Sum(c => c.Volume);
            return
            [
                $"{(groups ? side.Groups.Where(g => groupKey(g) == id).Sum(g => g.WithoutOffer) : cells.Sum(c => c.Reach)):N0}",
                $"{volume:N0}", $"{cells.Sum(c => c.Score):N0}", $"{cells.Sum(c => c.OrganisationValue):N0}",
                volume == 0 ? "" : $"{cells.Sum(c => c.CustomerValue) / volume:0.00}",
            ];
        }
    }

    // A simulation does not run out, so it says who would.
    private IEnumerable<string> Limits()
    {
        foreach (Proposition proposition in after.Workspace.Propositions)
        {
            SimulationCell[] cells = [.. result.After.Cells.Where(c => c.Proposition == proposition.Id)];
            long volume = cells.Sum(c => c.Volume);
            double cost = cells.Sum(c => c.Cost);
            if (volume > proposition.Volume)
            {
                yield return $"{proposition.Id}: {volume:N0} offers, its volume is {proposition.Volume:N0}";
            }
            if (cost > proposition.Budget)
            {
                yield return $"{proposition.Id}: the offers may cost {cost:N0} {Currency}, its budget is {proposition.Budget:N0}";
            }
        }
    }

    private Table Falls()
    {
        Stage[] stages = [.. Enum.GetValues<Stage>().Where(s => s != Stage.None && result.After.Falls.Any(f => f.Stage == s))];
        Table table = new Table().AddColumn("proposition").Border(TableBorder.Simple);
        foreach (Stage stage in stages)
        {
            table.AddColumn(new TableColumn(SnakeCase.Of(stage).Replace('_', ' ')).RightAligned());
        }
        foreach (IGrouping<string, SimulationFall> proposition in result.After.Falls.GroupBy(f => f.Proposition))
        {
            table.AddRow([proposition.Key, .. stages.Select(s => $"{proposition.Where(f => f.Stage == s).Sum(f => f.Customers):N0}")]);
        }
        return table;
    }

    private Table Moves()
    {
        Table table = new Table().AddColumns("before", "after").Border(TableBorder.Simple)
            .AddColumn(new TableColumn("customers").RightAligned()).AddColumn(new TableColumn($"gain, {Currency}").RightAligned());
        SimulationMove[] moves = [.. result.Moves.Where(m => m.Before != m.After).OrderByDescending(m => m.Customers)];
        foreach (SimulationMove move in moves.Take(MostMoves))
        {
            table.AddRow(move.Before, move.After, $"{move.Customers:N0}", $"{move.Gain:N0}");
        }
        if (moves.Length > MostMoves)
        {
            table.AddRow($"{moves.Length - MostMoves} more", "", $"{moves.Skip(MostMoves).Sum(m => m.Customers):N0}", $"{moves.Skip(MostMoves).Sum(m => m.Gain):N0}");
        }
        table.AddRow("unchanged", "", $"{result.Moves.Where(m => m.Before == m.After).Sum(m => m.Customers):N0}", "");
        return table;
    }

    private Table Rules()
    {
        Table table = new Table().AddColumns("proposition", "stage", "rule").Border(TableBorder.Simple);
        foreach (string column in new[] { "stopped", "changed", "cost", "95 % interval" })
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }
        foreach (RuleCost rule in result.Rules)
        {
            table.AddRow(rule.Proposition, SnakeCase.Of(rule.Stage), Markup.Escape(TextOf(rule)), $"{rule.Stopped:N0}", $"{rule.Changed:N0}", $"{rule.Cost:N0}", $"{rule.Low:N0} to {rule.High:N0}");
        }
        return table;
    }

    private string TextOf(RuleCost rule)
    {
        Proposition proposition = after.Workspace.Propositions.First(p => p.Id == rule.Proposition);
        return RuleText.Sentence((rule.Stage switch
        {
            Stage.Eligibility => proposition.Eligibility,
            Stage.Applicability => proposition.Applicability,
            _ => proposition.Suitability,
        })!);
    }

    private string SegmentName(int id)
        => new[] { after, before }.OfType<DecisionModel>().SelectMany(m => m.Models.Segments.Segments).FirstOrDefault(s => s.Id == id) is { } segment
            ? $"{id} {segment.Name}" : $"{id}";

    private static string TierName(Tier? tier) => tier is { } known ? SnakeCase.Of(known) : "not known";

    private JsonObject ToJson(RejectedRows rejected) => new()
    {
        ["customers"] = result.Customers,
        ["currency"] = Currency,
        ["before"] = result.Before is { } old ? ToJson(old) : null,
        ["after"] = ToJson(result.After),
        ["moves"] = new JsonArray([.. result.Moves.Select(m => new JsonObject
        {
            ["before"] = m.Before,
            ["after"] = m.After,
            ["customers"] = m.Customers,
            ["gain"] = m.Gain,
        })]),
        ["rules"] = new JsonArray([.. result.Rules.Select(r => new JsonObject
        {
            ["proposition"] = r.Proposition,
            ["stage"] = SnakeCase.Of(r.Stage),
            ["rule"] = TextOf(r),
            ["stopped"] = r.Stopped,
            ["changed"] = r.Changed,
            ["cost"] = r.Cost,
            ["low"] = r.Low,
            ["high"] = r.High,
        })]),
        ["limits"] = new JsonArray([.. Limits().Select(l => JsonValue.Create(l))]),
        ["rejected"] = rejected.ToJson(),
    };

    private static JsonObject ToJson(SimulationSide side) => new()
    {
        ["offers"] = side.Volume,
        ["score"] = side.Score,
        ["organisation_value"] = side.OrganisationValue,
        ["without_offer"] = side.WithoutOffer,
        ["cells"] = new JsonArray([.. side.Cells.Select(c => new JsonObject
        {
            ["proposition"] = c.Proposition,
            ["segment_id"] = c.SegmentId,
            ["tier"] = c.Tier is { } tier ? SnakeCase.Of(tier) : null,
            ["reach"] = c.Reach,
            ["offers"] = c.Volume,
            ["score"] = c.Score,
            ["organisation_value"] = c.OrganisationValue,
            ["customer_value"] = c.CustomerValue,
            ["cost"] = c.Cost,
        })]),
        ["falls"] = new JsonArray([.. side.Falls.Select(f => new JsonObject
        {
            ["proposition"] = f.Proposition,
            ["stage"] = SnakeCase.Of(f.Stage),
            ["customers"] = f.Customers,
        })]),
        ["groups"] = new JsonArray([.. side.Groups.Select(g => new JsonObject
        {
            ["segment_id"] = g.SegmentId,
            ["tier"] = g.Tier is { } tier ? SnakeCase.Of(tier) : null,
            ["customers"] = g.Customers,
            ["held_out"] = g.HeldOut,
            ["without_candidate"] = g.WithoutCandidate,
            ["without_offer"] = g.WithoutOffer,
        })]),
    };
}
