using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>decisions list</c>: the decisions about one customer.</summary>
internal static class DecisionsListCommand
{
    public static Command Create()
    {
        Option<string> customer = new("--customer") { Description = "Id of the customer", HelpName = "ID", Required = true };
        Option<string?> data = DecisionData.Option();
        Option<string> server = ServerConnection.Option();
        EngineCommand command = new("list", "List the decisions about a customer with what became of them, newest first, from a running server or a data folder",
            "scoring-engine decisions list --customer C0000042",
            "scoring-engine decisions list --customer C0000042 --data /backup/monday --json")
        {
            customer, data, server,
        };
        command.SetHandler(async (parse, output, cancellation) =>
        {
            string id = parse.GetRequiredValue(customer);
            Line[] lines = parse.GetValue(data) is { } folder
                ? await DecisionData.OpenAsync(folder, "Reading", output, (log, _) => log.Read(new DecisionQuery { CustomerId = Encoding.UTF8.GetBytes(id) }, cancellation)
                    .Reverse().Select(d => Of(d, log.Propositions)).ToArray(), cancellation)
                : await AskAsync(parse.GetRequiredValue(server), id, cancellation);
            Show(id, lines, output);
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task<Line[]> AskAsync(string address, string customer, CancellationToken cancellation)
    {
        using ServerConnection connection = await ServerConnection.OpenAsync(address, cancellation);
        DecisionService.DecisionServiceClient client = new(connection.Invoker);
        List<Line> lines = [];
        ListDecisionsRequest request = new() { CustomerId = customer, PageSize = 1000 };
        do
        {
            ListDecisionsResponse page = await client.ListDecisionsAsync(request, cancellationToken: cancellation);
            lines.AddRange(page.Decisions.Select(Of));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return [.. lines];
    }

    private static Line Of(Storage.LoggedDecision decision, Numbering propositions)
    {
        DecisionRecord record = decision.Record;
        return new Line(decision.Id, DateTimeOffset.FromUnixTimeMilliseconds(record.TimeUnixMs), (int)record.ModelVersion, (int)record.SegmentId,
            record.Tier == 0 ? "" : SnakeCase.Of((Core.Value.Tier)(record.Tier - 1)), record.Channel, record.HeldOut,
            [.. record.Chosen.Select((slot, i) => new Slot(
                slot.Proposition == 0 ? PropositionValue.DoNothingId : propositions.NameOf((int)slot.Proposition) ?? "", slot.ActionProbability, slot.NeedsApproval,
                slot.OrganisationValue, slot.CustomerValue,
                [.. decision.Outcomes.Where(o => o.Slot == i + 1).Select(o => new Outcome(
                    o.Kind == 0 ? "" : SnakeCase.Of((ContactKind)o.Kind), DateTimeOffset.FromUnixTimeMilliseconds(o.TimeUnixMs), o.Reason,
                    o.HasPerceivedValue ? o.PerceivedValue : null, o.Matured))]))]);
    }

    private static Line Of(Protocol.V1.LoggedDecision decision) => new(decision.DecisionId, decision.Time.ToDateTimeOffset(), (int)decision.ModelVersion,
        (int)decision.SegmentId, decision.Tier == Tier.Unspecified ? "" : SnakeCase.Of(decision.Tier), decision.Channel, decision.HeldOut,
        [.. decision.Slots.Select(slot => new Slot(slot.PropositionId, slot.ActionProbability, slot.NeedsApproval, slot.OrganisationValue, slot.CustomerValue,
            [.. slot.Outcomes.Select(o => new Outcome(o.Kind == OutcomeKind.Unspecified ? "" : SnakeCase.Of(o.Kind), o.Time.ToDateTimeOffset(), o.Reason,
                o.HasPerceivedValue ? o.PerceivedValue : null, o.Matured))]))]);

    private static void Show(string customer, Line[] lines, CommandOutput output)
    {
        Table table = new Table().AddColumns("time", "decision", "version", "segment", "tier", "channel", "slot", "proposition", "probability", "outcomes").Border(TableBorder.Simple);
        foreach (Line line in lines)
        {
            for (int i = 0; i < line.Slots.Length; i++)
            {
                Slot slot = line.Slots[i];
                string[] decision = i > 0 ? ["", "", "", "", "", ""]
                    : [$"{line.Time:yyyy-MM-dd HH:mm:ss'Z'}", line.Id, $"{line.Version}", $"{line.SegmentId}", line.Tier, line.Channel];
                table.AddRow([.. decision.Select(Markup.Escape), $"{i + 1}", (line.HeldOut ? "(held out) " : "") + slot.Proposition,
                    slot.ActionProbability.ToString("0.####", CultureInfo.InvariantCulture), Markup.Escape(string.Join(", ", slot.Outcomes.Select(o => o.ToText())))]);
            }
        }
        output.Show(table);
        output.Line($"{lines.Length:N0} decisions about {customer}");
        output.Result(new JsonObject
        {
            ["customer"] = customer,
            ["decisions"] = new JsonArray([.. lines.Select(line => new JsonObject
            {
                ["decision_id"] = line.Id,
                ["time"] = line.Time.UtcDateTime,
                ["version"] = line.Version,
                ["segment_id"] = line.SegmentId,
                ["tier"] = line.Tier,
                ["channel"] = line.Channel,
                ["held_out"] = line.HeldOut,
                ["slots"] = new JsonArray([.. line.Slots.Select(slot => new JsonObject
                {
                    ["proposition"] = slot.Proposition,
                    ["action_probability"] = slot.ActionProbability,
                    ["needs_approval"] = slot.NeedsApproval,
                    ["organisation_value"] = slot.OrganisationValue,
                    ["customer_value"] = slot.CustomerValue,
                    ["outcomes"] = new JsonArray([.. slot.Outcomes.Select(o => new JsonObject
                    {
                        ["kind"] = o.Kind,
                        ["time"] = o.Time.UtcDateTime,
                        ["reason"] = o.Reason,
                        ["perceived_value"] = o.PerceivedValue,
                        ["matured"] = o.Matured,
                    })]),
                })]),
            })]),
        });
    }

    private sealed record Line(string Id, DateTimeOffset Time, int Version, int SegmentId, string Tier, string Channel, bool HeldOut, Slot[] Slots);

    private sealed record Slot(string Proposition, double ActionProbability, bool NeedsApproval, double OrganisationValue, double CustomerValue, Outcome[] Outcomes);

    private sealed record Outcome(string Kind, DateTimeOffset Time, string Reason, double? PerceivedValue, bool Matured)
    {
        public string ToText() => Matured ? "not answered"
            : string.Join(" ", new[] { Kind, Reason.Length > 0 ? $"({Reason})" : "", PerceivedValue is { } value ? string.Create(CultureInfo.InvariantCulture, $"perceived {value:0.##}") : "" }.Where(t => t.Length > 0));
    }
}
