using System.CommandLine;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>simulate</c>: what a changed workspace would make of a customer base.</summary>
internal static class SimulateCommand
{
    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<int?> version = CommonOptions.Version();
        Option<string?> baseline = new("--baseline")
        {
            Description = "Folder of the present workspace, to compare with; both read the same features",
            HelpName = "FOLDER",
        };
        Option<string> data = CommonOptions.Data("Customers: CSV with a header, plain or .gz; - reads standard input");
        Option<bool> dropOne = new("--drop-one") { Description = "Tell what each rule costs: the value that dropping it alone would gain, with a 95 % interval" };
        Option<long> rejects = CommonOptions.AllowRejects();
        InteractionOptions interaction = new();
        EngineCommand command = new("simulate", "Run a customer base through a changed workspace: reach, value and volume of each proposition before and after, who gets "
            + "nothing, who wins whose offers, what each rule costs. Nobody was contacted yet, and no budget runs out",
            "scoring-engine simulate --workspace models/new --baseline models/mine --data customers.csv",
            "scoring-engine simulate -w models/new -d customers.csv --drop-one --channel email --json")
        {
            workspace, version, baseline, data, dropOne, rejects,
        };
        interaction.AddTo(command);
        command.SetHandler((parse, output, cancellation) =>
        {
            Interaction told = interaction.Of(parse);
            DecisionModel after = Load(parse.GetRequiredValue(workspace), parse.GetValue(version));
            DecisionModel? before = parse.GetValue(baseline) is { } folder ? Load(folder, null) : null;
            StrategyCheck.Require(after.Workspace, after.Models, DateOnly.FromDateTime(told.Time.UtcDateTime));
            if (before is not null && before.Models.Schema.Hash != after.Models.Schema.Hash)
            {
                throw new CommandFailure($"--baseline {parse.GetValue(baseline)}: reads other features than {parse.GetRequiredValue(workspace)}");
            }
            // A name that neither workspace has is a slip.
            _ = told.ChannelIn(before is null || after.Workspace.Channels.Contains(told.Channel) ? after.Workspace : before.Workspace);
            _ = told.RoleIn(before is null || after.Roles.Contains(told.Role) ? after.Workspace : before.Workspace);
            RejectedRows rejected = new(output, parse.GetValue(rejects));
            SimulationResult result = output.WithProgress("Simulating", progress => new Simulation(before, after, new SimulationOptions
            {
                TimeUnixMs = told.Time.ToUnixTimeMilliseconds(),
                Channel = told.Channel,
                Direction = told.Direction,
                Role = told.Role,
                Slots = told.Slots,
                DropOne = parse.GetValue(dropOne),
            }).Run(CustomerChunks.Read(parse.GetRequiredValue(data), after.Workspace, after.Models, null, told, null, rejected, progress), cancellation));
            ExitCode exit = rejected.Finish();
            new SimulationSummary(result, before, after).Show(output, rejected);
            return Task.FromResult(exit);
        });
        return command;
    }

    private static DecisionModel Load(string folder, int? version)
    {
        Workspace workspace = Workspace.Load(folder);
        ModelSet models = ModelPackage.Load(workspace, version);
        return new DecisionModel(workspace, models, Numbering.Of(workspace.Propositions.Select(p => p.Id)), Numbering.Of(workspace.Channels));
    }
}
