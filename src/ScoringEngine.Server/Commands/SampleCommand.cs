using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Synthetic;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>sample</c>: synthetic customers with known truth.</summary>
internal static class SampleCommand
{
    public static Command Create()
    {
        Option<long> customers = new("--customers", "-n")
        {
            Description = "How many customers",
            HelpName = "N",
            DefaultValueFactory = _ => 200_000,
            CustomParser = WholeNumber.Within(1, 100_000_000),
        };
        Option<long> seed = new("--seed") { Description = "Seed; the same one makes the same files", HelpName = "S", DefaultValueFactory = _ => 1 };
        Option<string> folder = new("--out", "-o") { Description = "Folder for the files", HelpName = "FOLDER", Required = true };
        EngineCommand command = new("sample", "Write a synthetic customer base with known truth: customers, past offers, a survey, the truth, and "
            + "a workspace for it",
            "scoring-engine sample --customers 200000 --seed 1 --out models/sample")
        {
            customers, seed, folder,
        };
        command.SetHandler((parse, output, cancellation) =>
        {
            SampleSummary summary = Write(parse.GetValue(customers), parse.GetValue(seed), parse.GetRequiredValue(folder), output, cancellation);
            Show(summary, parse.GetRequiredValue(folder), output);
            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }

    /// <summary>Writes the workspace and the files in it.</summary>
    public static SampleSummary Write(long customers, long seed, string folder, CommandOutput output, CancellationToken cancellation)
    {
        SyntheticWorld world = new(seed);
        SampleSummary? summary = null;
        WorkspaceWriter.Create(folder, SyntheticWorkspace.Files(world), into => summary = output.WithProgress(
            "customers", progress => SampleWriter.Write(world, customers, into, progress, cancellation)));
        return summary!;
    }

    /// <summary>Shows the ceilings that no engine trained on the sample can pass.</summary>
    public static void Show(SampleSummary summary, string folder, CommandOutput output)
    {
        (string Name, double Value, string Meaning)[] figures =
        [
            ("adjusted Rand index", summary.BayesSegmentAri, "of the Bayes rule's segments"),
            ("R2 of profit", summary.OracleProfitR2, "of an oracle that knows expected profit"),
            ("AUC of acceptance", summary.OracleAcceptanceAuc, "of an oracle that knows every propensity"),
            ("value a customer", summary.OracleValue, "EUR, best proposition for each by an oracle"),
            ("  propensity only", summary.PropensityOnlyValue / summary.OracleValue, "of that, offering what is most likely accepted"),
            ("  best single", summary.BestSingleShare, $"of that, {summary.BestSingleProposition} for everybody"),
            ("  random", summary.RandomValue / summary.OracleValue, "of that"),
            ("value destroyers", summary.DestroyerShare, "of customers"),
            ("best fifth", summary.BestFifthProfitShare, "of all profit"),
        ];
        output.Heading($"{summary.Customers} synthetic customers, {summary.Outcomes} past offers, {summary.Surveyed} surveyed, in {folder}");
        Table table = new Table().Border(TableBorder.Simple).AddColumns("ceiling", "figure", "");
        foreach ((string name, double value, string meaning) in figures)
        {
            table.AddRow(new Text(name), new Text(value.ToString("0.000", CultureInfo.InvariantCulture)), new Text(meaning));
        }
        output.Show(table);
        output.Result(new JsonObject
        {
            ["folder"] = folder,
            ["synthetic"] = true,
            ["customers"] = summary.Customers,
            ["outcomes"] = summary.Outcomes,
            ["surveyed"] = summary.Surveyed,
            ["ceilings"] = new JsonObject
            {
                ["segment_ari"] = summary.BayesSegmentAri,
                ["profit_r2"] = summary.OracleProfitR2,
                ["acceptance_auc"] = summary.OracleAcceptanceAuc,
                ["acceptance_auc_within_proposition"] = summary.OracleAcceptanceAucWithinProposition,
                ["value"] = summary.OracleValue,
                ["propensity_only_value"] = summary.PropensityOnlyValue,
                ["best_single_value"] = summary.BestSingleValue,
                ["best_single_proposition"] = summary.BestSingleProposition,
                ["random_value"] = summary.RandomValue,
            },
            ["destroyer_share"] = summary.DestroyerShare,
            ["best_fifth_profit_share"] = summary.BestFifthProfitShare,
        });
    }
}
