using System.Collections.Immutable;
using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>A data folder with customers C0, C1, ... and a logged decision about each, as a server leaves it.</summary>
internal sealed class DecisionLogFolder
{
    public const long FirstUnixMs = 1_772_445_600_000; // 2026-03-02 10:00 UTC

    private DecisionLogFolder(string workspace, string data)
    {
        (Workspace, Data) = (workspace, data);
    }

    public string Workspace { get; }

    public string Data { get; }

    /// <summary>Copies a trained workspace with another policy: exploration on the web, and what <paramref name="policy"/> adds.</summary>
    public static string CopyOf(TrainedWorkspace trained, string to, Func<Policy, Policy>? policy = null)
    {
        Copy(trained.Path, to);
        Policy changed = trained.Workspace.Policy with
        {
            Exploration = new ExplorationPolicy
            {
                Channels = ImmutableSortedDictionary<string, Exploration>.Empty.Add("web", new Exploration(ExplorationKind.Epsilon, 0.5)),
                Default = new Exploration(ExplorationKind.Epsilon, 0.5),
            },
        };
        WorkspaceWriter.Replace(Path.Combine(to, Policy.FileName), WorkspaceWriter.PolicyText(policy?.Invoke(changed) ?? changed));
        return to;
    }

    public static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    /// <summary>Loads the customers, decides for each, and records outcomes of some.</summary>
    public static async Task<DecisionLogFolder> CreateAsync(TrainedWorkspace trained, TemporaryFolder folder, int customers)
    {
        DecisionLogFolder made = new(CopyOf(trained, folder.At("telco"), p => p with { HoldOut = new HoldOutPolicy(0.1, 4) }), folder.At("data"));
        string file = folder.Write("customers.csv", TrainedWorkspace.CustomerRows(customers));
        await CommandRun.Succeed("import", "--data", file, "--directory", made.Data, "--workspace", made.Workspace);
        Workspace workspace = Core.Workspaces.Workspace.Load(made.Workspace);
        ModelSet models = ModelPackage.Load(workspace);
        await using CustomerDatabase database = CustomerDatabase.Open(new CustomerDatabaseOptions { Directory = made.Data }, models.Schema, TimeProvider.System);
        await using DecisionLog log = DecisionLog.Open(new DecisionLogOptions(), database, TimeProvider.System);
        log.Adopt(workspace.Propositions.Select(p => p.Id), workspace.Channels);
        ArchiveRecord archive = WorkspaceArchive.Of(workspace, models.Manifest);
        log.Archive(archive);
        DecisionCodec codec = new(new DecisionModel(workspace, models, log.Propositions, log.Channels), archive.Hash);
        using CustomerFile rows = CustomerFile.Open(CsvTable.Open(file), new CategoryDictionary(models.Schema), "customer", null, r => Assert.Fail(r.ToString()), withContext: true);
        for (int i = 0; rows.Read(); i++)
        {
            Decide(codec, log, rows, i);
        }
        return made;
    }

    private static void Decide(DecisionCodec codec, DecisionLog log, CustomerFile rows, int number)
    {
        DecisionModel model = codec.Model;
        DecisionIdentity identity = new() { DecisionId = $"decision-{number}", CustomerId = Encoding.UTF8.GetString(rows.Id), AgentId = "a7" };
        DecisionInput input = new()
        {
            TimeUnixMs = FirstUnixMs + (number * 60_000L),
            Channel = 1,
            Role = -1,
            Slots = 1,
            Seed = DecisionModel.SeedOf(Encoding.UTF8.GetBytes(identity.DecisionId)),
            UnitHash = model.UnitHashOf(rows.Id),
        };
        ScoreBlock block = model.Scorer.CreateBlock(1);
        rows.Values.CopyTo(block.Row(0));
        block.Row(0)[model.Models.Schema.IndexOf(TrainedWorkspace.Context)] = 1;
        model.Score(block, 1);
        DecisionTrace trace = model.CreateTrace();
        model.Decide(block, 0, in input, trace);
        log.Append(codec.ToRecord(trace, block, 0, in input, in identity), codec.ToInputs(block, 0, in input, in identity), rows.Id);
        Choice choice = trace.Offered[0];
        if (choice.Candidate > 0 && number % 3 > 0)
        {
            DecisionOutcome outcome = new()
            {
                DecisionId = identity.DecisionId,
                Slot = 1,
                Proposition = model.NumberOf(choice.Candidate),
                Kind = number % 3 == 1 ? ContactKind.Accepted : ContactKind.Declined,
                Reason = number % 3 == 1 ? "" : "too_expensive",
                TimeUnixMs = input.TimeUnixMs + 1000,
            };
            Assert.Equal(OutcomeStatus.Recorded, log.RecordOutcome(in outcome, out _));
        }
    }
}
