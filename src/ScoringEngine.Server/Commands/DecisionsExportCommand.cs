using System.CommandLine;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Features;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Commands;

/// <summary><c>decisions export</c>: logged decisions as a table, or for Vowpal Wabbit.</summary>
internal static class DecisionsExportCommand
{
    public static Command Create()
    {
        Option<string?> data = DecisionData.Option();
        data.Required = true;
        Option<DateTimeOffset?> since = DecisionsCommand.Since();
        Option<string> format = new("--format")
        {
            Description = "csv: a row for each slot with what became of it. dsjson: a line for each decision, slot 1, for Vowpal Wabbit; without the "
                + "customers of the hold-out and offers that are neither answered nor mature",
            HelpName = "csv|dsjson",
            DefaultValueFactory = _ => "csv",
        };
        format.AcceptOnlyFromAmong("csv", "dsjson");
        Option<string> to = new("--out", "-o") { Description = "File to write; .gz packs it", HelpName = "FILE", Required = true };
        EngineCommand command = new("export", "Export logged decisions with their outcomes. The reward in dsjson is 1 for an offer that was accepted in the end, else 0; a complaint takes 1 off",
            "scoring-engine decisions export --data /var/lib/scoring-engine --since 2026-03-01 --format csv --out decisions.csv",
            "scoring-engine decisions export --data /backup/monday --format dsjson --out decisions.dsjson.gz")
        {
            data, since, format, to,
        };
        command.SetHandler(async (parse, output, cancellation) =>
        {
            string target = OutputFile.Target(parse.GetRequiredValue(to));
            DecisionQuery query = new() { SinceUnixMs = DecisionsCommand.MillisecondsOf(parse.GetValue(since)) };
            bool csv = parse.GetValue(format) == "csv";
            long[] counts = await DecisionData.OpenAsync(parse.GetValue(data)!, "Exporting", output, (log, progress) => OutputFile.Write(target, temporary =>
            {
                using Stream file = File.Create(temporary);
                using Stream content = target.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionLevel.Fastest) : new BufferedStream(file, 1 << 16);
                return csv ? WriteCsv(log, query, content, progress, cancellation) : WriteDsjson(log, query, content, progress, cancellation);
            }), cancellation);
            output.Line($"Exported {counts[(int)ExportStatus.Written]:N0} decisions into {parse.GetRequiredValue(to)}"
                + (csv ? "" : $"; left out: {counts[(int)ExportStatus.HeldOut]:N0} held out, {counts[(int)ExportStatus.Open]:N0} open, {counts[(int)ExportStatus.Degraded]:N0} degraded"));
            output.Result(new JsonObject
            {
                ["out"] = parse.GetRequiredValue(to),
                ["format"] = parse.GetValue(format),
                ["written"] = counts[(int)ExportStatus.Written],
                ["held_out"] = counts[(int)ExportStatus.HeldOut],
                ["open"] = counts[(int)ExportStatus.Open],
                ["degraded"] = counts[(int)ExportStatus.Degraded],
            });
            return ExitCode.Success;
        });
        return command;
    }

    private static long[] WriteCsv(DecisionLog log, DecisionQuery query, Stream stream, IProgress<double> progress, CancellationToken cancellation)
    {
        using DecisionCsvWriter writer = new(stream, log.Propositions);
        return Write(log, query, decision =>
        {
            writer.Write(decision.Record, decision.Inputs, decision.Outcomes);
            return ExportStatus.Written;
        }, progress, cancellation);
    }

    private static long[] WriteDsjson(DecisionLog log, DecisionQuery query, Stream stream, IProgress<double> progress, CancellationToken cancellation)
    {
        DsjsonWriter writer = new(stream, log.Propositions);
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        Dictionary<ByteString, FeatureSchema> schemas = [];
        return Write(log, query, decision => writer.Write(decision.Record, decision.Inputs, decision.Outcomes, SchemaOf(decision.Record), now), progress, cancellation);

        FeatureSchema SchemaOf(DecisionRecord record)
        {
            if (!schemas.TryGetValue(record.WorkspaceHash, out FeatureSchema? schema))
            {
                ArchiveRecord archive = log.ArchiveOf(record.WorkspaceHash.Span)
                    ?? throw new InvalidDataException($"the log has no archive of the workspace of decision {record.DecisionId}");
                schemas.Add(record.WorkspaceHash, schema = WorkspaceArchive.OpenFiles(archive, record.ModelName).Schema.Features);
            }
            return schema;
        }
    }

    private static long[] Write(DecisionLog log, DecisionQuery query, Func<LoggedDecision, ExportStatus> write, IProgress<double> progress, CancellationToken cancellation)
    {
        long[] counts = new long[Enum.GetValues<ExportStatus>().Length];
        double all = log.Statistics.Sequence;
        long read = 0;
        foreach (LoggedDecision decision in log.Read(query, cancellation))
        {
            counts[(int)write(decision)]++;
            if (++read % 1024 == 0)
            {
                progress.Report(Math.Min(1, read / all));
            }
        }
        return counts;
    }
}
