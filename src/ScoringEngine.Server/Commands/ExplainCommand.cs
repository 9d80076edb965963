using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;
using Spectre.Console;
using CandidateExplanation = ScoringEngine.Core.Decisions.CandidateExplanation;
using FeatureContribution = ScoringEngine.Core.Scoring.FeatureContribution;

namespace ScoringEngine.Server.Commands;

/// <summary><c>explain</c>: why a decision came out as it did, or why a customer does not get a proposition.</summary>
internal static class ExplainCommand
{
    private const int Reasons = 5;

    public static Command Create()
    {
        Argument<string> id = new("ID") { Description = "Id of a decision; with --why-not of a customer", HelpName = "DECISION|CUSTOMER" };
        Option<string?> whyNot = new("--why-not") { Description = "Say why the customer does not get this proposition: now, or with --data in the last decision that was logged", HelpName = "PROPOSITION" };
        Option<string> server = ServerConnection.Option();
        Option<string?> data = DecisionData.Option();
        Option<string> workspace = CommonOptions.Workspace();
        InteractionOptions interaction = new();
        EngineCommand command = new("explain", "Say for each candidate of a decision how far it came and why, what it is worth, and what would have made it win",
            "scoring-engine explain 7f3a2c1e-5b9d-4f3e-9a64-0c2b8e1d7a55",
            "scoring-engine explain C0000042 --why-not loyalty_discount --channel web",
            "scoring-engine explain march/C0000042 --data /backup/monday --workspace models/mine")
        {
            id, whyNot, server, data, workspace,
        };
        interaction.AddTo(command);
        command.SetHandler(async (parse, output, cancellation) =>
        {
            string about = parse.GetRequiredValue(id);
            string? proposition = parse.GetValue(whyNot);
            Explained explained = parse.GetValue(data) is { } folder
                ? await DecisionData.OpenAsync(folder, "Reading", output, (log, _) => Read(log, about, proposition, parse.GetRequiredValue(workspace), cancellation), cancellation)
                : await AskAsync(parse.GetRequiredValue(server), about, proposition, interaction.Of(parse), cancellation);
            Show(explained, proposition, output);
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task<Explained> AskAsync(string address, string about, string? whyNot, Interaction interaction, CancellationToken cancellation)
    {
        using ServerConnection connection = await ServerConnection.OpenAsync(address, cancellation);
        ExplainDecisionRequest request = new() { WhyNotPropositionId = whyNot ?? "", ExplainFeatures = Reasons };
        if (whyNot is null)
        {
            request.DecisionId = about;
        }
        else
        {
            request.Request = interaction.ToRequest(about);
        }
        ExplainDecisionResponse response = await new DecisionService.DecisionServiceClient(connection.Invoker)
            .ExplainDecisionAsync(request, cancellationToken: cancellation);
        Decision decision = response.Decision;
        CustomerScore score = decision.Score;
        return new Explained(
            decision.DecisionId, decision.Time.ToDateTimeOffset(), score.CustomerId, score.Segment.Name,
            score.Tier == Tier.Unspecified ? "not known" : SnakeCase.Of(score.Tier), score.Profit?.Expected ?? double.NaN, score.Currency, decision.HeldOut,
            [.. decision.Candidates.Select(c => new Line(
                c.Proposition.PropositionId, (int)c.Rank, c.Stage == Protocol.V1.Stage.Unspecified ? "" : SnakeCase.Of(c.Stage), c.Reason, c.Proposition.Score,
                c.Proposition.Propensity.Probability, SnakeCase.Of(c.Proposition.Propensity.Provenance),
                c.Proposition.HasBreakEvenPropensity ? c.Proposition.BreakEvenPropensity : double.NaN,
                c.Proposition.OrganisationValue.Total, SnakeCase.Of(c.Proposition.OrganisationValue.Provenance),
                c.Proposition.CustomerValue.Value, SnakeCase.Of(c.Proposition.CustomerValue.Provenance), SnakeCase.Of(c.Proposition.Label),
                c.ActionProbability, c.NeedsApproval, c.GateDoor == Protocol.V1.GateDoor.Unspecified ? "" : SnakeCase.Of(c.GateDoor),
                Contributions(c.Proposition.Propensity.Explanation)))],
            decision.Candidates.FirstOrDefault(c => c is { Rank: > 1, ToWin: not null }) is { ToWin: { } change } second ? new RunnerUp(second.Proposition.PropositionId,
                change.Value, change.HasCustomerWeight ? change.CustomerWeight : double.NaN, change.HasPropensity ? change.Propensity : double.NaN) : null,
            Contributions(score.Profit?.Explanation), response.WhyNot);
    }

    private static (string, double)[] Contributions(Protocol.V1.Explanation? explanation)
        => explanation is null ? [] : [.. explanation.Contributions.Select(c => (c.Feature.Name, c.Contribution))];

    /// <summary>Makes a logged decision again with its archived workspace, and explains that.</summary>
    private static Explained Read(DecisionLog log, string about, string? whyNot, string workspace, CancellationToken cancellation)
    {
        Storage.LoggedDecision logged = whyNot is not null
            ? log.Read(new DecisionQuery { CustomerId = Encoding.UTF8.GetBytes(about) }, cancellation).LastOrDefault()
                ?? throw new CommandFailure($"no decision about customer {about} was logged")
            : log.TryGet(about, out Storage.LoggedDecision? open) ? open
                : log.Read(default, cancellation).FirstOrDefault(d => d.Id == about) ?? throw new CommandFailure($"no decision {about} is in the log");
        if (logged.Inputs is not { } inputs)
        {
            throw new CommandFailure($"decision {logged.Id} is erased: the customer was");
        }
        DecisionReplay replay = new(hash => log.ArchiveOf(hash.Span), workspace, log.Propositions, log.Channels);
        DecisionModel model = replay.CodecOf(logged.Record).Model;
        ScoreBlock block = model.Scorer.CreateBlock(1);
        DecisionTrace trace = model.CreateTrace();
        DecisionInput input = replay.CodecOf(logged.Record).FromInputs(logged.Record, inputs, block.Row(0));
        model.Score(block, 1);
        model.Decide(block, 0, in input, trace);
        DecisionExplainer explainer = new(model);
        List<Line> lines = [];
        RunnerUp? second = null;
        foreach (CandidateExplanation candidate in explainer.Explain(block, 0, in input, trace))
        {
            PropositionValue value = candidate.Value;
            lines.Add(new Line(
                candidate.Id, candidate.Rank, candidate.FellAt == Core.Decisions.Stage.None ? "" : SnakeCase.Of(candidate.FellAt), candidate.Reason, value.Score,
                value.Propensity, SnakeCase.Of(candidate.PropensityProvenance), value.BreakEvenPropensity,
                value.OrganisationValue, SnakeCase.Of(candidate.EconomicsProvenance), value.CustomerValue, SnakeCase.Of(candidate.CustomerValueProvenance),
                SnakeCase.Of(value.Label), trace.Candidates[candidate.Candidate].ActionProbability, candidate.NeedsApproval,
                candidate.Door is Core.Decisions.GateDoor.NotNeeded or Core.Decisions.GateDoor.Closed ? "" : SnakeCase.Of(candidate.Door),
                Contributions(explainer.Features.Propensity(in value), block, model)));
            if (second is null && candidate is { Rank: > 1, ToWin: { } change })
            {
                second = new RunnerUp(candidate.Id, change.Value, change.CustomerWeight, change.Propensity);
            }
        }
        return new Explained(
            logged.Id, DateTimeOffset.FromUnixTimeMilliseconds(logged.Record.TimeUnixMs), inputs.CustomerId, model.Models.Segments.Segments[trace.SegmentIndex].Name,
            trace.Tier is { } tier ? SnakeCase.Of(tier) : "not known", block.Profits[0], model.Workspace.Policy.Currency, trace.HeldOut, [.. lines], second,
            Contributions(explainer.Features.Profit, block, model), whyNot is null ? "" : WhyNot(whyNot, lines, trace, model));
    }

    private static (string, double)[] Contributions(MarginExplainer explainer, ScoreBlock block, DecisionModel model)
    {
        if (explainer.Obstacle is not null)
        {
            return [];
        }
        List<(string, double)> contributions = [];
        foreach (FeatureContribution contribution in explainer.Explain(block, 0, Reasons).Strongest)
        {
            contributions.Add((model.Models.Schema.Features[contribution.Feature].Name, contribution.Amount));
        }
        return [.. contributions];
    }

    private static string WhyNot(string proposition, List<Line> lines, DecisionTrace trace, DecisionModel model)
    {
        Line line = lines.Find(l => l.Id == proposition)
            ?? throw new CommandFailure($"--why-not {proposition}: not in the catalogue that decided{NearestName.Hint(proposition, lines.Select(l => l.Id))}");
        string chosen = trace.Chosen[0].Candidate == 0 ? PropositionValue.DoNothingId : model.Workspace.Propositions[trace.Chosen[0].Candidate - 1].Id;
        return line.Stage.Length > 0 ? $"{proposition} fell at {line.Stage}: {line.Reason}"
            : chosen == proposition ? $"{proposition} was chosen"
            : $"{proposition} came in place {line.Rank} of {lines.Count(l => l.Rank > 0)} with a score of {Number(line.Score)}; {chosen} was chosen";
    }

    private static void Show(Explained decision, string? whyNot, CommandOutput output)
    {
        output.Heading($"Decision {decision.Id} of {decision.Time.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC");
        output.Line($"{(decision.Customer.Length > 0 ? decision.Customer : "a prospect")}: segment {decision.Segment}, tier {decision.Tier.Replace('_', ' ')}, "
            + $"expected profit {Number(decision.ExpectedProfit)} {decision.Currency}{(decision.HeldOut ? "; held out, so nothing of this was offered" : "")}");
        ShowContributions("What makes the expected profit", decision.ProfitReasons, decision.Currency, output);
        if (decision.WhyNot.Length > 0)
        {
            output.Line(decision.WhyNot);
        }
        Table table = new Table().AddColumns("rank", "proposition", "score", "propensity", "break-even", $"organisation, {decision.Currency}", "customer", "who wins", "probability", "notes")
            .Border(TableBorder.Simple);
        foreach (Line line in decision.Lines)
        {
            string notes = line.Stage.Length > 0 ? $"{line.Stage.Replace('_', ' ')}: {line.Reason}"
                : string.Join("; ", new[] { line.NeedsApproval ? "needs approval" : "", line.Door.Length > 0 ? $"gate: {line.Door}" : "" }.Where(n => n.Length > 0));
            table.AddRow([.. new[]
            {
                line.Rank == 0 ? "fell" : $"{line.Rank}", line.Id, Number(line.Score), $"{Share(line.Propensity)} ({line.PropensitySource})", Share(line.BreakEven),
                $"{Number(line.Organisation)} ({line.EconomicsSource})", $"{Number(line.CustomerValue)} ({line.NeedsSource})", line.Label.Replace('_', ' '),
                Share(line.Probability), notes,
            }.Select(Markup.Escape)]);
        }
        output.Show(table);
        if (decision.Second is { } second)
        {
            output.Line($"{second.Id} would have won with {Number(second.ValueChange)} {decision.Currency} more value"
                + (double.IsNaN(second.CustomerWeight) ? "" : $", or with a customer weight of {Number(second.CustomerWeight)}")
                + (double.IsNaN(second.Propensity) ? "" : $", or at a propensity of {Share(second.Propensity)}"));
        }
        string? shown = whyNot ?? decision.Lines.FirstOrDefault(l => l.Rank > 0 && l.Id != PropositionValue.DoNothingId)?.Id;
        if (decision.Lines.FirstOrDefault(l => l.Id == shown) is { } explained)
        {
            ShowContributions($"What makes the propensity for {explained.Id} (log-odds)", explained.Reasons, "", output);
        }
        output.Result(ToJson(decision));
    }

    private static void ShowContributions(string title, (string Feature, double Amount)[] contributions, string unit, CommandOutput output)
    {
        if (contributions.Length > 0)
        {
            output.Line($"{title}: {string.Join(", ", contributions.Select(c => $"{c.Feature} {c.Amount.ToString("+#,##0.00;-#,##0.00;0", CultureInfo.InvariantCulture)}"))} {unit}".TrimEnd());
        }
    }

    private static JsonObject ToJson(Explained decision) => new()
    {
        ["decision_id"] = decision.Id,
        ["time"] = decision.Time.UtcDateTime,
        ["customer"] = decision.Customer,
        ["segment"] = decision.Segment,
        ["tier"] = decision.Tier,
        ["expected_profit"] = Known(decision.ExpectedProfit),
        ["held_out"] = decision.HeldOut,
        ["why_not"] = decision.WhyNot.Length > 0 ? decision.WhyNot : null,
        ["profit_reasons"] = Json(decision.ProfitReasons),
        ["runner_up"] = decision.Second is { } second ? new JsonObject
        {
            ["proposition"] = second.Id,
            ["value_change"] = second.ValueChange,
            ["customer_weight"] = Known(second.CustomerWeight),
            ["propensity"] = Known(second.Propensity),
        } : null,
        ["candidates"] = new JsonArray([.. decision.Lines.Select(l => new JsonObject
        {
            ["proposition"] = l.Id,
            ["rank"] = l.Rank,
            ["stage"] = l.Stage.Length > 0 ? l.Stage : null,
            ["reason"] = l.Reason.Length > 0 ? l.Reason : null,
            ["score"] = Known(l.Score),
            ["propensity"] = Known(l.Propensity),
            ["propensity_provenance"] = l.PropensitySource,
            ["break_even_propensity"] = Known(l.BreakEven),
            ["organisation_value"] = Known(l.Organisation),
            ["economics_provenance"] = l.EconomicsSource,
            ["customer_value"] = Known(l.CustomerValue),
            ["customer_value_provenance"] = l.NeedsSource,
            ["label"] = l.Label,
            ["action_probability"] = l.Probability,
            ["needs_approval"] = l.NeedsApproval,
            ["gate_door"] = l.Door.Length > 0 ? l.Door : null,
            ["propensity_reasons"] = Json(l.Reasons),
        })]),
    };

    private static JsonArray Json((string Feature, double Amount)[] contributions)
        => [.. contributions.Select(c => new JsonObject { ["feature"] = c.Feature, ["contribution"] = c.Amount })];

    private static JsonValue? Known(double value) => double.IsNaN(value) ? null : JsonValue.Create(value);

    private static string Number(double value) => double.IsNaN(value) ? "-" : value.ToString("#,##0.00", CultureInfo.InvariantCulture);

    private static string Share(double share) => double.IsNaN(share) ? "-" : share.ToString("0.0 %", CultureInfo.InvariantCulture);

    /// <summary>A decision with what there is to say about it.</summary>
    private sealed record Explained(
        string Id, DateTimeOffset Time, string Customer, string Segment, string Tier, double ExpectedProfit, string Currency, bool HeldOut,
        Line[] Lines, RunnerUp? Second, (string Feature, double Amount)[] ProfitReasons, string WhyNot);

    private sealed record RunnerUp(string Id, double ValueChange, double CustomerWeight, double Propensity);

    private sealed record Line(
        string Id, int Rank, string Stage, string Reason, double Score, double Propensity, string PropensitySource, double BreakEven, double Organisation,
        string EconomicsSource, double CustomerValue, string NeedsSource, string Label, double Probability, bool NeedsApproval, string Door,
        (string Feature, double Amount)[] Reasons);
}
