using System.CommandLine;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using CsvHelper;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>decide</c>: decides for a whole file of customers, on the server's code path but without one.</summary>
internal static class DecideCommand
{
    private static readonly string[] SlotColumns =
        ["proposition", "action_probability", "needs_approval", "score", "propensity", "organisation_value", "customer_value", "label"];

    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<int?> version = CommonOptions.Version();
        Option<string> data = CommonOptions.Data("Customers: CSV with a header, plain or .gz; - reads standard input");
        Option<string> to = new("--out", "-o") { Description = "File for the decisions, CSV; .gz packs it", HelpName = "FILE", Required = true };
        Option<string?> run = new("--run-id")
        {
            Description = "Name of the run: with a customer's id it is the id of the decision and seeds its exploration (default: the time)",
            HelpName = "NAME",
        };
        Option<string?> household = new("--household")
        {
            Description = "Column with the household's id: contacts and hold-out are then those of the household",
            HelpName = "COLUMN",
        };
        Option<string?> state = new("--state")
        {
            Description = "Data folder, which no server has open: decide against its contacts, counts and budgets, reserve what is offered, and log every "
                + "decision there, so that outcomes can be recorded. Customers must be stored in it; a few kilobytes of memory each",
            HelpName = "FOLDER",
        };
        Option<long> rejects = CommonOptions.AllowRejects();
        InteractionOptions interaction = new();
        EngineCommand command = new("decide", "Decide for every customer of a file against one frozen state; without --state nobody was contacted yet. Budgets and volumes go "
            + "to the best scores. The same run id gives the same decisions",
            "scoring-engine decide --workspace models/mine --data customers.csv --out decisions.csv --channel email --direction outbound",
            "scoring-engine decide -w models/mine -d customers.csv.gz -o decisions.csv.gz --run-id march --household household -k 2",
            "scoring-engine decide -w models/mine -d customers.csv -o decisions.csv --run-id march --state /var/lib/scoring-engine")
        {
            workspace, version, data, to, run, household, state, rejects,
        };
        interaction.AddTo(command);
        command.SetHandler(async (parse, output, cancellation) =>
        {
            Interaction told = interaction.Of(parse);
            Workspace loaded = Workspace.Load(parse.GetRequiredValue(workspace));
            ModelSet models = ModelPackage.Load(loaded, parse.GetValue(version));
            StrategyCheck.Require(loaded, models, DateOnly.FromDateTime(told.Time.UtcDateTime));
            string target = OutputFile.Target(parse.GetRequiredValue(to));
            string source = parse.GetRequiredValue(data);
            if (source != "-" && target == Path.GetFullPath(source))
            {
                throw new CommandFailure($"--out {parse.GetRequiredValue(to)} is the file that --data reads", ExitCode.Usage);
            }
            RejectedRows rejected = new(output, parse.GetValue(rejects));
            BatchOptions options = new()
            {
                RunId = parse.GetValue(run) ?? told.Time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture),
                TimeUnixMs = told.Time.ToUnixTimeMilliseconds(),
                Channel = told.ChannelIn(loaded),
                Direction = told.Direction,
                Role = told.RoleIn(loaded),
                Slots = told.Slots,
                KeepRecords = parse.GetValue(state) is not null,
            };
            (IReadOnlyList<BatchDecision> decisions, int repeated) = parse.GetValue(state) is { } folder
                ? await DecisionData.OpenAsync(folder, "Deciding", output, async (database, log, progress) =>
                {
                    BatchLog kept = new(database, log, loaded, models);
                    IReadOnlyList<BatchDecision> made = Decide(kept.Codec, log.Channels, kept.State(), kept.IsStored, progress);
                    await kept.AppendAsync(made, options, progress, cancellation);
                    return (made, kept.Repeated);
                }, cancellation)
                : output.WithProgress("Deciding", progress =>
                {
                    Numbering channels = Numbering.Of(loaded.Channels);
                    DecisionModel model = new(loaded, models, Numbering.Of(loaded.Propositions.Select(p => p.Id)), channels);
                    return (Decide(new DecisionCodec(model, WorkspaceArchive.Of(loaded, models.Manifest).Hash), channels, BatchState.Empty, null, progress), 0);
                });
            ExitCode exit = rejected.Finish();
            Show(decisions, repeated, loaded, models, options, parse.GetRequiredValue(to), rejected, output);
            return exit;

            IReadOnlyList<BatchDecision> Decide(DecisionCodec codec, Numbering channels, BatchState against, CustomerChunks.IsKnown? isKnown, IProgress<double> progress)
            {
                IReadOnlyList<BatchDecision> made = new DecisionBatch(codec, channels, options, against).Run(
                    CustomerChunks.Read(source, loaded, models, parse.GetValue(household), told, isKnown, rejected, progress), cancellation);
                OutputFile.Write(target, temporary => Write(temporary, target, made, codec.Model, options));
                return made;
            }
        });
        return command;
    }

    private static int Write(string temporary, string target, IReadOnlyList<BatchDecision> decisions, DecisionModel model, BatchOptions options)
    {
        using Stream file = File.Create(temporary);
        using Stream content = target.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        using CsvWriter csv = CsvWriter.Create(content, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
        int slots = Math.Min(options.Slots, model.CandidateCount);
        foreach (string column in new[] { "customer", "decision_id", "segment_id", "tier", "expected_profit", "potential", "held_out", "ghost" })
        {
            csv.WriteField(column);
        }
        for (int slot = 1; slot <= slots; slot++)
        {
            foreach (string column in SlotColumns)
            {
                csv.WriteField($"{column}_{slot}");
            }
        }
        csv.EndRecord();
        foreach (BatchDecision decision in decisions)
        {
            csv.WriteField(decision.Customer.CustomerId);
            csv.WriteField(DecisionIdentity.OfBatch(options.RunId, decision.Customer.CustomerId).DecisionId);
            csv.WriteField(decision.SegmentId);
            csv.WriteField(decision.Tier is { } tier ? SnakeCase.Of(tier) : "");
            Number(csv, decision.ExpectedProfit);
            Number(csv, decision.Potential);
            csv.WriteField(decision.HeldOut ? "1" : "0");
            csv.WriteField(decision.HeldOut ? NameOf(model.Workspace, decision.First.Choice.Candidate) : "");
            for (int slot = 0; slot < slots; slot++)
            {
                if (slot < decision.Offered.Count)
                {
                    Write(csv, decision.Offered[slot], model);
                    continue;
                }
                foreach (string _ in SlotColumns)
                {
                    csv.WriteField("");
                }
            }
            csv.EndRecord();
        }
        return decisions.Count;
    }

    private static void Write(CsvWriter csv, BatchSlot slot, DecisionModel model)
    {
        csv.WriteField(NameOf(model.Workspace, slot.Choice.Candidate));
        Number(csv, slot.Choice.ActionProbability);
        csv.WriteField(slot.Choice.NeedsApproval ? "1" : "0");
        Number(csv, slot.Value.Score);
        Number(csv, slot.Value.Propensity);
        Number(csv, slot.Value.OrganisationValue);
        Number(csv, slot.Value.CustomerValue);
        csv.WriteField(SnakeCase.Of(slot.Value.Label));
    }

    // The shortest text that reads back as the same bits; NaN is empty.
    private static void Number(CsvWriter csv, double value)
    {
        if (double.IsNaN(value))
        {
            csv.WriteField("");
        }
        else
        {
            csv.WriteField(value);
        }
    }

    private static void Number(CsvWriter csv, float value)
    {
        if (float.IsNaN(value))
        {
            csv.WriteField("");
        }
        else
        {
            csv.WriteField(value);
        }
    }

    private static string NameOf(Workspace workspace, int candidate)
        => candidate == 0 ? PropositionValue.DoNothingId : workspace.Propositions[candidate - 1].Id;

    private static void Show(
        IReadOnlyList<BatchDecision> decisions, int repeated, Workspace workspace, ModelSet models, BatchOptions options, string file,
        RejectedRows rejected, CommandOutput output)
    {
        (string Id, int Offers, double Score, double Organisation)[] offers = [.. decisions.SelectMany(d => d.Offered).GroupBy(s => s.Choice.Candidate)
            .Select(g => (NameOf(workspace, g.Key), g.Count(), g.Sum(s => s.Value.Score), g.Sum(s => s.Value.OrganisationValue))).OrderByDescending(o => o.Item2)];
        string currency = workspace.Policy.Currency;
        Table table = new Table().AddColumns("proposition", "offers", $"two-sided value, {currency}", $"organisation value, {currency}").Border(TableBorder.Simple);
        foreach ((string id, int count, double score, double organisation) in offers)
        {
            table.AddRow(id, $"{count:N0}", $"{score:N0}", $"{organisation:N0}");
        }
        output.Show(table);
        output.Line($"Decided for {decisions.Count:N0} customers into {file}, {decisions.Count(d => d.HeldOut):N0} of them held out; run {options.RunId}, "
            + $"{models.Manifest.Name} version {models.Manifest.Version}"
            + (repeated > 0 ? $"; {repeated:N0} of them were in the log before, and stay as they were" : ""));
        output.Result(new JsonObject
        {
            ["model"] = models.Manifest.Name,
            ["version"] = models.Manifest.Version,
            ["run_id"] = options.RunId,
            ["decided"] = decisions.Count,
            ["held_out"] = decisions.Count(d => d.HeldOut),
            ["repeated"] = repeated,
            ["out"] = file,
            ["offers"] = new JsonArray([.. offers.Select(o => new JsonObject
            {
                ["proposition"] = o.Id,
                ["offers"] = o.Offers,
                ["score"] = o.Score,
                ["organisation_value"] = o.Organisation,
            })]),
            ["rejected"] = rejected.ToJson(),
        });
    }
}
