using System.CommandLine;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary><c>replay</c>: makes logged decisions again and compares them to the bit.</summary>
internal static class ReplayCommand
{
    private const int Shown = 20;

    public static Command Create()
    {
        Option<string?> log = DecisionData.Option("--log");
        log.Required = true;
        Option<DateTimeOffset?> since = DecisionsCommand.Since();
        Option<string> workspace = CommonOptions.Workspace();
        EngineCommand command = new("replay", "Make every logged decision again, with the workspace that was archived with it and the version it was made with, and compare to "
            + "the bit. Exit 1 when one differs; decisions of erased customers are counted as erased",
            "scoring-engine replay --log /var/lib/scoring-engine --workspace models/mine",
            "scoring-engine replay --log /backup/monday --workspace models/mine --since 2026-03-01 --json")
        {
            log, since, workspace,
        };
        command.SetHandler(async (parse, output, cancellation) =>
        {
            string folder = parse.GetRequiredValue(workspace);
            Tally tally = await DecisionData.OpenAsync(parse.GetValue(log)!, "Replaying", output,
                (decisions, progress) => Replay(decisions, folder, new DecisionQuery { SinceUnixMs = DecisionsCommand.MillisecondsOf(parse.GetValue(since)) }, progress, cancellation),
                cancellation);
            return Show(tally, output);
        });
        return command;
    }

    private static Tally Replay(DecisionLog log, string workspace, DecisionQuery query, IProgress<double> progress, CancellationToken cancellation)
    {
        DecisionReplay replay = new(hash => log.ArchiveOf(hash.Span), workspace, log.Propositions, log.Channels);
        double all = log.Statistics.Sequence;
        Tally tally = new();
        // One thread reads and opens what is sealed; the others decide. What is found is told in the order of the log.
        Parallel.ForEach(log.Read(query, cancellation), new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount }, (decision, _, at) =>
        {
            if (decision.Inputs is not { } inputs)
            {
                Interlocked.Increment(ref tally.Erased);
                return;
            }
            try
            {
                if (replay.Replay(decision.Record, inputs) is { } difference)
                {
                    tally.Add(at, difference.ToString(), differs: true);
                }
            }
            catch (InvalidDataException e)
            {
                tally.Add(at, e.Message, differs: false);
            }
            if (Interlocked.Increment(ref tally.Replayed) % 1024 == 0)
            {
                progress.Report(Math.Min(1, tally.Replayed / all));
            }
        });
        return tally;
    }

    private static ExitCode Show(Tally tally, CommandOutput output)
    {
        string[] problems = tally.First;
        foreach (string problem in problems)
        {
            output.Warn(problem);
        }
        output.Line($"Replayed {tally.Replayed:N0} decisions: {tally.Different:N0} differ, {tally.Unreadable:N0} cannot be made again; {tally.Erased:N0} more are erased");
        output.Result(new JsonObject
        {
            ["replayed"] = tally.Replayed,
            ["different"] = tally.Different,
            ["not_replayable"] = tally.Unreadable,
            ["erased"] = tally.Erased,
            ["problems"] = new JsonArray([.. problems.Select(p => JsonValue.Create(p))]),
        });
        return problems.Length == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    /// <summary>What a replay found; threads add to it.</summary>
    private sealed class Tally
    {
        public long Replayed;
        public long Erased;

        private readonly Lock _lock = new();
        private readonly SortedDictionary<long, string> _first = [];

        public long Different { get; private set; }

        public long Unreadable { get; private set; }

        /// <summary>The first problems in the order of the log.</summary>
        public string[] First => [.. _first.Values];

        public void Add(long at, string problem, bool differs)
        {
            lock (_lock)
            {
                Different += differs ? 1 : 0;
                Unreadable += differs ? 0 : 1;
                _first.Add(at, problem);
                if (_first.Count > Shown)
                {
                    _first.Remove(_first.Keys.Last());
                }
            }
        }
    }
}
