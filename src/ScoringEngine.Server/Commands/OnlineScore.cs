using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Core;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;
using Label = ScoringEngine.Protocol.V1.Label;

namespace ScoringEngine.Server.Commands;

/// <summary>Asks a server for the score of one customer and shows it.</summary>
internal static class OnlineScore
{
    private const string DoNothing = PropositionValue.DoNothingId;

    // As many as fit beside each other in a terminal of 120 columns.
    private const int PropositionsAbreast = 4;

    private static readonly JsonFormatter Json = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    /// <summary>Scores and shows a customer.</summary>
    /// <param name="address">Where the server is.</param>
    /// <param name="customerId">Id of a stored customer; empty for a prospect.</param>
    /// <param name="features">NAME=VALUE each.</param>
    /// <param name="propositions">How many propositions to show.</param>
    /// <param name="reasons">How many features to name that make a figure what it is; 0 for none.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<ExitCode> RunAsync(string address, string customerId, IEnumerable<string> features, uint propositions, uint reasons,
        CommandOutput output, CancellationToken cancellation)
    {
        using ServerConnection server = await ServerConnection.OpenAsync(address, cancellation);
        ScoreRequest request = new() { CustomerId = customerId, MaxPropositions = propositions, ExplainFeatures = reasons };
        request.Features.AddRange(features.Select(f => FeatureOf(f, server.Model)));
        CustomerScore score;
        try
        {
            score = (await new ScoringService.ScoringServiceClient(server.Invoker).ScoreAsync(request, cancellationToken: cancellation)).Score;
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.NotFound or StatusCode.InvalidArgument)
        {
            throw new CommandFailure(e.Status.Detail);
        }
        output.Result(ToJson(score));
        if (!output.Json)
        {
            Show(score, server.Model, output);
        }
        return ExitCode.Success;
    }

    /// <summary>A score as proto3 JSON, default values included.</summary>
    public static JsonObject ToJson(CustomerScore score) => JsonNode.Parse(Json.Format(score))!.AsObject();

    private static FeatureValue FeatureOf(string argument, Model model)
    {
        int equals = argument.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            throw new CommandFailure($"--feature '{argument}': expected NAME=VALUE", ExitCode.Usage);
        }
        FeatureValue feature = new() { Name = argument[..equals] };
        string value = argument[(equals + 1)..];
        // A name that the model does not have is left to the server, which knows the nearest one.
        FeatureDefinition? definition = model.Features.FirstOrDefault(f => f.Name == feature.Name);
        if (definition is null || value.Length == 0)
        {
            return feature;
        }
        switch (definition.Kind)
        {
            case Protocol.V1.FeatureKind.Categorical:
                feature.Category = value;
                break;
            case Protocol.V1.FeatureKind.Boolean:
                feature.Flag = CustomerFile.TryParseBoolean(Encoding.UTF8.GetBytes(value), out bool flag) ? flag
                    : throw new CommandFailure($"--feature '{argument}': expected yes/no, true/false or 1/0", ExitCode.Usage);
                break;
            default:
                feature.Number = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number
                    : throw new CommandFailure($"--feature '{argument}': expected a number", ExitCode.Usage);
                break;
        }
        return feature;
    }

    private static void Show(CustomerScore score, Model model, CommandOutput output)
    {
        output.Heading(score.CustomerId.Length > 0 ? $"Customer {score.CustomerId}" : "Prospect");
        Grid facts = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        void Fact(string name, string value) => facts.AddRow(new Text(name), new Text(value));
        Segment? segment = model.Segments.FirstOrDefault(s => s.Id == score.Segment.Id);
        Fact("Segment", $"{score.Segment.Id} {score.Segment.Name}{(segment is { Description.Length: > 0 } ? $": {segment.Description}" : "")}");
        Fact("", Closeness(score.Segment));
        if (score.Profit is { } profit)
        {
            string source = Words(profit.Provenance);
            Fact("Tier", Words(score.Tier) + (profit.Proxy ? " by the proxy" : ""));
            Fact(profit.Proxy ? "PROXY" : "Expected profit", profit.Proxy
                ? $"{Money(profit.Expected, profit)} a {profit.Period}: a proxy (revenue, say), not profit ({source})"
                : $"{Money(profit.Expected, profit)} a {profit.Period} ({source})");
            Fact("Potential", !profit.HasPotential ? "not known: the imported model of profit comes without an upper quantile" : $"{Money(profit.Potential, profit)} a {profit.Period} beyond that{(profit.Proxy ? ", of the proxy" : "")} ({source})");
        }
        else
        {
            Fact("Profit", model.ProfitTarget is null
                ? "not known: the model was trained without a profit target" : "not known: the imported model has no answer for this customer");
        }
        if (score.FeatureAge is { } age)
        {
            Fact("Features", $"{Age(age.ToTimeSpan())} old");
        }
        Fact("Model", $"{score.ModelName} version {score.ModelVersion}");
        output.Show(facts);
        foreach (PropositionScore[] propositions in score.Propositions.Chunk(PropositionsAbreast))
        {
            output.Show(PropositionTable(propositions, score.Currency));
        }
        output.Line("Amounts: expected present value of making the offer once. Customer value: as perceived, -1..1.");
        output.Line($"Why: {Why(score)}");
        ShowReasons(score, model, output);
    }

    /// <summary>What the answer explains: expected profit, and the best proposition's propensity.</summary>
    private static void ShowReasons(CustomerScore score, Model model, CommandOutput output)
    {
        if (score.Profit is { Explanation: { } profit })
        {
            string name = score.Profit.Proxy ? "PROXY" : "expected profit";
            Show($"Why this {name}: the average is {Money(profit.BaseValue, score.Profit)} a {score.Profit.Period}", name, profit,
                amount => $"{Signed(amount)} {score.Profit.Currency}");
        }
        if (score.Propositions.FirstOrDefault(p => p.PropositionId != DoNothing) is { Propensity.Explanation: { } propensity } best)
        {
            string name = $"propensity for {best.Name}";
            Show($"Why this {name}: set against the average customer, in log-odds", name, propensity,
                amount => $"{(amount < 0 ? "lowers" : "raises")} it ({Signed(amount)})");
        }

        void Show(string title, string name, Explanation explanation, Func<double, string> words)
        {
            output.Line();
            if (explanation.AbsentReason.Length > 0)
            {
                output.Line($"No reasons for the {name}: {explanation.AbsentReason}.");
                return;
            }
            Grid reasons = new Grid().AddColumn(new GridColumn().PadLeft(2).PadRight(3)).AddColumn(new GridColumn().NoWrap());
            foreach (FeatureContribution contribution in explanation.Contributions)
            {
                reasons.AddRow(new Text(Words(contribution.Feature, model)), new Text(words(contribution.Contribution)));
            }
            reasons.AddRow(new Text("all else"), new Text(words(explanation.Other)));
            output.Line(title);
            output.Show(reasons);
        }
    }

    private static string Words(FeatureValue feature, Model model)
    {
        string name = feature.Name.Replace('_', ' ');
        string unit = model.Features.FirstOrDefault(f => f.Name == feature.Name)?.Unit ?? "";
        return feature.ValueCase switch
        {
            FeatureValue.ValueOneofCase.Number when unit.Length > 0
                // "tenure months 58 months" says it twice.
                => $"{(name.EndsWith(" " + unit, StringComparison.Ordinal) ? name[..^(unit.Length + 1)] : name)} {Plain(feature.Number)} {unit}",
            FeatureValue.ValueOneofCase.Number => $"{name} {Plain(feature.Number)}",
            FeatureValue.ValueOneofCase.Category => $"{name} {feature.Category}",
            FeatureValue.ValueOneofCase.Flag => $"{name} {(feature.Flag ? "yes" : "no")}",
            _ => $"{name} missing",
        };
    }

    private static Table PropositionTable(PropositionScore[] propositions, string currency)
    {
        Table table = new Table { Border = TableBorder.Simple }.AddColumn(new TableColumn("").NoWrap());
        foreach (PropositionScore proposition in propositions)
        {
            table.AddColumn(new TableColumn(new Text(proposition.Name)).RightAligned());
        }
        void Row(string name, Func<PropositionScore, string> cell)
            => table.AddRow([new Text(name), .. propositions.Select(p => new Text(cell(p)))]);
        Row("Score", p => Number(p.Score));
        Row("Propensity", p => $"{Share(p.Propensity.Probability)}{Source(p, p.Propensity.Provenance)}");
        Row("  incremental", p => Share(p.Propensity.Incremental));
        Row("  break-even", p => p.HasBreakEvenPropensity ? Share(p.BreakEvenPropensity) : "-");
        Row($"Organisation value, {currency}", p => $"{Number(p.OrganisationValue.Total)}{Source(p, p.OrganisationValue.Provenance)}");
        Row("  revenue", p => Number(p.OrganisationValue.Revenue));
        Row("  saving", p => Number(p.OrganisationValue.Saving));
        Row("  fulfilment", p => Number(0 - p.OrganisationValue.FulfilmentCost));
        Row("  contact", p => Number(0 - p.OrganisationValue.ContactCost));
        Row("  differentiation", p => Number(p.OrganisationValue.Differentiation));
        Row("Customer value", p => $"{p.CustomerValue.Value.ToString("+0.00;-0.00;0", CultureInfo.InvariantCulture)}{Source(p, p.CustomerValue.Provenance)}");
        Row("Who wins", p => Words(p.Label));
        return table;
    }

    private static string Source(PropositionScore proposition, Provenance provenance)
        => proposition.PropositionId == DoNothing ? "" : $" ({Words(provenance)})";

    private static string Why(CustomerScore score)
    {
        PropositionScore best = score.Propositions[0];
        if (best.PropositionId == DoNothing)
        {
            PropositionScore? next = score.Propositions.Skip(1).FirstOrDefault();
            return "no proposition is worth more than doing nothing."
                + (next is null ? "" : $" The nearest, {next.Name}, scores {Number(next.Score)}"
                    + (next.HasBreakEvenPropensity ? $" and breaks even at a propensity of {Share(next.BreakEvenPropensity)}; it has {Share(next.Propensity.Probability)}." : "."));
        }
        OrganisationValue value = best.OrganisationValue;
        (string Name, double Amount) main = new[] { ("revenue", value.Revenue), ("saving", value.Saving), ("differentiation", value.Differentiation) }
            .MaxBy(t => t.Item2);
        PropositionScore? second = score.Propositions.Skip(1).FirstOrDefault();
        return $"{best.Name} is worth {Number(value.Total)} to the organisation, above all by {main.Name} ({Number(main.Amount)}), "
            + $"at a propensity of {Share(best.Propensity.Probability)} of which {Share(best.Propensity.Incremental)} is incremental"
            + $"{(best.HasBreakEvenPropensity ? $" (break-even {Share(best.BreakEvenPropensity)})" : "")}, "
            + $"and {(best.CustomerValue.Value >= 0 ? "serves" : "goes against")} what customers of the segment need ({best.CustomerValue.Value.ToString("+0.00;-0.00;0", CultureInfo.InvariantCulture)})."
            + (second is null ? "" : $" It beats {second.Name} by {Number(best.Score - second.Score)}.");
    }

    private static string Closeness(SegmentAssignment segment)
    {
        if (!segment.HasDistance)
        {
            return "how near is not known: the imported model has no distances";
        }
        string distance = $"distance {Number(segment.Distance)} to its centre";
        if (!segment.HasMargin)
        {
            return $"{distance}; there is no other segment";
        }
        string words = segment.Margin < 0.1 * (segment.Distance + segment.Margin) ? "between two segments"
            : segment.Margin < 0.5 * (segment.Distance + segment.Margin) ? "clearly in it" : "typical of it";
        return $"{words}: {distance}, the next one is {Number(segment.Margin)} farther";
    }

    private static string Age(TimeSpan age) => age switch
    {
        { TotalMinutes: < 1 } => $"{age.TotalSeconds:0} s",
        { TotalHours: < 1 } => $"{age.TotalMinutes:0} min",
        { TotalDays: < 2 } => $"{age.TotalHours:0} h",
        _ => $"{age.TotalDays:0} days",
    };

    private static string Money(double amount, ProfitEstimate profit) => $"{Number(amount)} {profit.Currency}";

    private static string Number(double value) => value.ToString("#,##0.00", CultureInfo.InvariantCulture);

    private static string Plain(double value) => value.ToString("#,##0.##", CultureInfo.InvariantCulture);

    private static string Signed(double value) => value.ToString("+#,##0.00;-#,##0.00;0", CultureInfo.InvariantCulture);

    private static string Share(double share) => share.ToString("0.0 %", CultureInfo.InvariantCulture);

    private static string Words(Tier tier) => tier switch
    {
        Tier.ValueDestroyer => "value destroyer",
        Tier.Marginal => "marginal",
        Tier.Sustainer => "sustainer",
        Tier.ValueCreator => "value creator",
        _ => "not known",
    };

    private static string Words(Label label) => label switch
    {
        Label.BothWin => "both",
        Label.OrganisationOnly => "organisation only",
        Label.CustomerOnly => "customer only",
        Label.Neither => "neither",
        _ => "not known",
    };

    private static string Words(Provenance provenance) => provenance switch
    {
        Provenance.Assumed => "assumed",
        Provenance.Surveyed => "surveyed",
        Provenance.Estimated => "estimated",
        Provenance.Measured => "measured",
        _ => "not known",
    };
}
