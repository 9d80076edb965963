using System.IO.Compression;
using System.Text.Json.Nodes;
using CsvHelper;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>score --data F --out F</c>: scores a file without a server, on the server's code path.</summary>
internal static class OfflineScore
{
    private const int BlockRows = 256;

    /// <summary>What to score.</summary>
    public sealed record Request(string Workspace, string Data, string Out)
    {
        public int? Version { get; init; }

        public int Propositions { get; init; } = 3;

        /// <summary>How many features that make the expected profit what it is have columns.</summary>
        public int Reasons { get; init; }

        public long AllowRejects { get; init; }
    }

    /// <summary>
    /// Scores every row that can be read, in order; the output file appears complete or not at all. "-" is standard
    /// output; a name that ends in .gz is packed.
    /// </summary>
    public static ExitCode Run(Request request, CommandOutput output, CancellationToken cancellation)
    {
        Workspace workspace = Workspace.Load(request.Workspace);
        ModelSet models = ModelPackage.Load(workspace, request.Version);
        Scorer scorer = new(models, workspace);
        RejectedRows rejected = new(output, request.AllowRejects);
        bool toStandardOutput = request.Out == "-";
        if (toStandardOutput && output.Json)
        {
            throw new CommandFailure("--out - and --json both write to standard output; choose one", ExitCode.Usage);
        }
        string target = toStandardOutput ? request.Out : OutputFile.Target(request.Out);
        if (!toStandardOutput && target == Path.GetFullPath(request.Data))
        {
            throw new CommandFailure($"--out {request.Out} is the file that --data reads", ExitCode.Usage);
        }
        long scored = output.WithProgress("scoring", progress => toStandardOutput
            ? Write(Console.OpenStandardOutput(), progress)
            : OutputFile.Write(target, temporary => Write(File.Create(temporary), progress)));
        if (request.Reasons > 0 && new Explainer(scorer).Profit.Obstacle is { } obstacle)
        {
            output.Warn($"no reasons for the expected profit: {obstacle}");
        }
        ExitCode exit = rejected.Finish();
        if (!toStandardOutput)
        {
            output.Line($"scored {scored} customers with {models.Manifest.Name} version {models.Manifest.Version} into {request.Out}"
                + (models.Profit is { Target.Proxy: true } p ? $"; tiers, expected profit and potential are of a PROXY ({p.Target})" : ""));
            output.Result(new JsonObject
            {
                ["model"] = models.Manifest.Name,
                ["version"] = models.Manifest.Version,
                ["scored"] = scored,
                ["out"] = request.Out,
                ["proxy"] = models.Profit?.Target.Proxy,
                ["rejected"] = rejected.ToJson(),
            });
        }
        return exit;

        long Write(Stream stream, IProgress<double> progress)
        {
            using (stream)
            {
                using CustomerFile file = CustomerFile.Open(
                    CsvTable.Open(request.Data, Console.OpenStandardInput()), new CategoryDictionary(models.Schema), workspace.Schema.IdColumn, null, rejected.Add, withContext: true);
                using Stream content = target.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(stream, CompressionLevel.Fastest) : stream;
                return new Writer(scorer, content, Math.Min(request.Propositions, scorer.Values.CandidateCount), request.Reasons).Write(file, progress, cancellation);
            }
        }
    }

    private sealed class Writer
    {
        private readonly Scorer _scorer;
        private readonly CsvWriter _csv;
        private readonly ScoreBlock _block;
        private readonly PropositionValue[] _ranked;
        private readonly MarginExplainer _profit;
        private readonly int _slots;
        private readonly int _reasons;
        private readonly List<byte[]> _ids = new(BlockRows);

        public Writer(Scorer scorer, Stream stream, int slots, int reasons)
        {
            _scorer = scorer;
            _csv = CsvWriter.Create(stream, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
            _block = scorer.CreateBlock(BlockRows);
            _ranked = new PropositionValue[scorer.Values.CandidateCount];
            _profit = new Explainer(scorer).Profit;
            _slots = slots;
            _reasons = reasons;
        }

        public long Write(CustomerFile file, IProgress<double> progress, CancellationToken cancellation)
        {
            WriteHeader();
            long scored = 0;
            while (file.Read())
            {
                file.Values.CopyTo(_block.Row(_ids.Count));
                _ids.Add(file.Id.ToArray());
                if (_ids.Count == BlockRows)
                {
                    WriteBlock();
                    scored += BlockRows;
                    cancellation.ThrowIfCancellationRequested();
                    progress.Report(file.Progress);
                }
            }
            scored += _ids.Count;
            WriteBlock();
            _csv.Dispose();
            return scored;
        }

        private void WriteHeader()
        {
            string proxy = _scorer.Models.Profit is { Target.Proxy: true } ? "_proxy" : "";
            foreach (string column in new[] { "customer", "segment_id", "segment", "distance", "margin", "tier" + proxy, "expected_profit" + proxy, "potential" + proxy })
            {
                _csv.WriteField(column);
            }
            for (int slot = 1; slot <= _slots; slot++)
            {
                foreach (string column in new[] { "proposition", "score", "propensity", "organisation_value", "customer_value", "label" })
                {
                    _csv.WriteField($"{column}_{slot}");
                }
            }
            for (int reason = 1; reason <= _reasons; reason++)
            {
                _csv.WriteField($"profit_reason{proxy}_{reason}");
                _csv.WriteField($"profit_contribution{proxy}_{reason}");
            }
            _csv.EndRecord();
        }

        private void WriteBlock()
        {
            _scorer.Score(_block, _ids.Count);
            for (int r = 0; r < _ids.Count; r++)
            {
                Core.Segmentation.Segment segment = _scorer.Models.Segments.Segments[_block.SegmentIndexes[r]];
                _csv.WriteField(_ids[r].AsSpan());
                _csv.WriteField(segment.Id);
                _csv.WriteField(segment.Name);
                Number(_block.Distances[r]);
                Number(_block.Margins[r]);
                _csv.WriteField(_scorer.Models.Profit is null || float.IsNaN(_block.Profits[r]) ? "" : SnakeCase.Of(_block.Tiers[r]));
                Number(_block.Profits[r]);
                Number(_block.Potentials[r]);
                _scorer.Rank(_block, r, _ranked);
                foreach (ref readonly PropositionValue candidate in _ranked.AsSpan(0, _slots))
                {
                    _csv.WriteField(_scorer.PropositionOf(candidate)?.Id ?? PropositionValue.DoNothingId);
                    Number(candidate.Score);
                    Number(candidate.Propensity);
                    Number(candidate.OrganisationValue);
                    Number(candidate.CustomerValue);
                    _csv.WriteField(SnakeCase.Of(candidate.Label));
                }
                WriteReasons(r);
                _csv.EndRecord();
            }
            _ids.Clear();
        }

        // Empty where there are fewer, or none.
        private void WriteReasons(int row)
        {
            ReadOnlySpan<FeatureContribution> reasons = _reasons > 0 && _profit.Obstacle is null ? _profit.Explain(_block, row, _reasons).Strongest : [];
            for (int i = 0; i < _reasons; i++)
            {
                _csv.WriteField(i < reasons.Length ? _scorer.Models.Schema.Features[reasons[i].Feature].Name : "");
                Number(i < reasons.Length ? reasons[i].Amount : double.NaN);
            }
        }

        // The shortest text that reads back as the same bits; NaN is empty.
        private void Number(float value)
        {
            if (float.IsNaN(value))
            {
                _csv.WriteField("");
            }
            else
            {
                _csv.WriteField(value);
            }
        }

        private void Number(double value)
        {
            if (double.IsNaN(value))
            {
                _csv.WriteField("");
            }
            else
            {
                _csv.WriteField(value);
            }
        }
    }
}
