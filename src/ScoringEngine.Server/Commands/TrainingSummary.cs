using System.Globalization;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;
using Spectre.Console.Rendering;
using Segment = ScoringEngine.Core.Segmentation.Segment;

namespace ScoringEngine.Server.Commands;

/// <summary>What <c>train</c> tells: for a person, for a program, and as the version's report.</summary>
internal sealed class TrainingSummary
{
    private const int RankedCustomers = 20_000;
    private const int MostMoves = 12;

    private readonly Workspace _workspace;
    private readonly TrainingResult _result;
    private readonly CustomerTable _customers;
    private readonly OutcomeTable? _outcomes;
    private readonly (string Id, double Share, double Organisation, double Customer)[] _next;

    public TrainingSummary(Workspace workspace, TrainingResult result, CustomerTable customers, OutcomeTable? outcomes)
    {
        _workspace = workspace;
        _result = result;
        _customers = customers;
        _outcomes = outcomes;
        _next = NextBest();
    }

    private ProfitModel? Profit => _result.Models.Profit;

    private string Currency => _workspace.Policy.Currency;

    private string ProfitName => Profit is { Target.Proxy: true } p ? $"PROXY of profit ({p.Target})" : "profit";

    /// <summary>The report as plain text.</summary>
    public string ToText()
    {
        using StringWriter text = new() { NewLine = "\n" };
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = 120;
        foreach ((string heading, IRenderable body) in Sections())
        {
            console.WriteLine(heading);
            console.Write(body);
            console.WriteLine();
        }
        return text.ToString();
    }

    /// <summary>Shows the summary of the version that was written.</summary>
    public void Show(ModelManifest manifest, CommandOutput output, RejectedRows rejected)
    {
        foreach ((string heading, IRenderable body) in Sections())
        {
            output.Heading(heading);
            output.Show(body);
        }
        foreach (WorkspaceProblem problem in _workspace.Incompleteness())
        {
            output.Line(problem.ToString());
        }
        output.Line($"version {manifest.Version} of {manifest.Name} is in {_workspace.VersionDirectory(manifest.Version)}");
        output.Result(ToJson(manifest, rejected));
    }

    private IEnumerable<(string Heading, IRenderable Body)> Sections()
    {
        string duplicates = _customers.Duplicates > 0 ? $"; {_customers.Duplicates} duplicate ids, the last row of each stands" : "";
        yield return ($"Trained on {_result.Customers.Training} customers, measured on {_result.Customers.HeldOut} others"
            + (_outcomes is null ? "" : $"; {_outcomes.Count} outcomes") + duplicates, new Text(""));
        if (!_result.Report.Warnings.IsEmpty)
        {
            yield return ("What to look at", new Rows(_result.Report.Warnings.Select(w => new Text(w.ToString()))));
        }
        yield return (_result.Segmentation is null ? "Segments (kept from the previous version)" : "Segments", SegmentTable());
        if (_result.Segmentation is { Candidates.Length: > 1 } segmentation)
        {
            yield return ("Numbers of segments that were measured", CandidateTable(segmentation));
        }
        if (_result.Segmentation?.Matching is { } matching)
        {
            yield return ("Segments against the previous version", MatchingTable(matching));
            yield return (Moved(), MovesTable());
        }
        if (_result.Profit is { } profit)
        {
            yield return ($"Expected {ProfitName}, {Currency} per {Profit!.Target.Period}, on held-out customers", ProfitTable(profit));
            WhaleCurve curve = _result.WhaleCurve!;
            string best = $"Whale curve: the best {Percent((double)curve.PeakCustomers / curve.Customers)} of customers make ";
            yield return (
                best + (curve.Total > 0
                    ? $"{Percent(curve.Peak / curve.Total)} of the total; the best 20 % make {Percent(curve.At(0.2) / curve.Total)}"
                    : $"{Number(curve.Peak)} {Currency}, all together {Number(curve.Total)}"),
                new Text(WhaleCurveChart.Draw(curve)));
        }
        yield return ("Propensities, on held-out customers' later offers", PropensityTable());
        yield return ($"Next best value proposition, over {Math.Min(RankedCustomers, _customers.Count)} customers", NextTable());
    }

    private Table SegmentTable()
    {
        Table table = NewTable("id", "segment", "share", $"mean {(Profit is { Target.Proxy: true } ? "proxy" : "profit")}", "destroyers", "creators", "what sets it apart");
        for (int s = 0; s < _result.Models.Segments.Segments.Length; s++)
        {
            Segment segment = _result.Models.Segments.Segments[s];
            SegmentProfile profile = _result.Models.Profiles[s];
            AddRow(table, $"{segment.Id}", segment.Name, Percent(segment.Share), Number(profile.MeanProfit),
                profile.TierShares.IsEmpty ? "" : Percent(profile.TierShares[(int)Tier.ValueDestroyer]),
                profile.TierShares.IsEmpty ? "" : Percent(profile.TierShares[(int)Tier.ValueCreator]),
                segment.Description);
        }
        return table;
    }

    private static Table CandidateTable(SegmentTraining segmentation)
    {
        Table table = NewTable("segments", "inertia", "silhouette", "stability", "");
        foreach (SegmentCandidate candidate in segmentation.Candidates)
        {
            AddRow(table, $"{candidate.Segments}", Number(candidate.Inertia), Ratio(candidate.Silhouette), Ratio(candidate.Stability),
                candidate.Segments == segmentation.Model.Segments.Length ? "picked" : "");
        }
        return table;
    }

    private static Table MatchingTable(SegmentMatching matching)
    {
        Table table = NewTable("id", "was", "centroid moved");
        foreach (SegmentMatch match in matching.Matches)
        {
            AddRow(table, $"{match.Id}", match.Kept ? "the same" : match.PairedId is { } old ? $"nearest to {old}, too far" : "new", Ratio(match.Distance));
        }
        return table;
    }

    private string Moved()
    {
        int all = _result.Report.Segments.Moves.Sum(m => m.Customers);
        int moved = _result.Report.Segments.Moves.Where(m => m.FromId != m.ToId).Sum(m => m.Customers);
        return $"Customers who moved to another segment: {moved} of {all} ({Percent((double)moved / all)})";
    }

    private Table MovesTable()
    {
        Table table = NewTable("from", "to", "customers");
        foreach (SegmentMoveReport move in _result.Report.Segments.Moves.Where(m => m.FromId != m.ToId).OrderByDescending(m => m.Customers).Take(MostMoves))
        {
            AddRow(table, $"{move.FromId} {move.FromName}", $"{move.ToId} {move.ToName}", $"{move.Customers}");
        }
        return table;
    }

    private Table ProfitTable(ProfitMetrics profit)
    {
        Table table = NewTable("", "model", "mean as baseline");
        AddRow(table, "R2", Ratio(profit.RSquared), "0.000");
        AddRow(table, "root mean squared error", Number(profit.RootMeanSquaredError), Number(profit.BaselineRootMeanSquaredError));
        AddRow(table, "mean absolute error", Number(profit.MeanAbsoluteError), Number(profit.BaselineMeanAbsoluteError));
        AddRow(table, $"below the {Percent(Profit!.Quantile)} quantile", Percent(profit.QuantileCoverage), "");
        AddRow(table, "marginal band", $"+-{Number(Profit.Tiers.MarginalBand)}", "");
        AddRow(table, "value creators from", Number(Profit.Tiers.CreatorsThreshold), "");
        return table;
    }

    private Table PropensityTable()
    {
        Table table = NewTable("proposition", "offers", "accepted", "model", "AUC", "log-loss", "of the rate", "calibration error", "provenance");
        table.Columns[^1].NoWrap();
        foreach (PropensityReport propensity in _result.Report.Propensities)
        {
            PropensityMetrics metrics = propensity.Metrics;
            bool estimated = metrics.Offers > 0;
            AddRow(table, metrics.PropositionId, $"{metrics.Offers}", estimated ? Percent((double)metrics.Acceptances / metrics.Offers) : "",
                estimated ? Chosen(propensity) : "", Ratio(metrics.AreaUnderCurve), Ratio(metrics.LogLoss), Ratio(metrics.BaselineLogLoss),
                Ratio(metrics.CalibrationError), estimated ? "estimated" : "assumed (catalogue)");
        }
        return table;
    }

    private static string Chosen(PropensityReport propensity)
        => propensity.Candidates is [PropensityCandidate chosen, ..] ? $"{SnakeCase.Of(chosen.Method)}, {SnakeCase.Of(chosen.Calibration)}" : "rate";

    private Table NextTable()
    {
        Table table = NewTable("proposition", "best for", $"organisation value ({Currency})", "customer value");
        foreach ((string id, double share, double organisation, double customer) in _next)
        {
            AddRow(table, id, Percent(share), Number(organisation), Ratio(customer));
        }
        return table;
    }

    // What the ranking does with these models: who gets what, and what it is worth on average.
    private (string Id, double Share, double Organisation, double Customer)[] NextBest()
    {
        Scorer scorer = new(_result.Models, _workspace);
        ScoreBlock block = scorer.CreateBlock(256);
        PropositionValue[] ranked = new PropositionValue[scorer.Values.CandidateCount];
        int count = Math.Min(RankedCustomers, _customers.Count);
        double[,] sums = new double[ranked.Length, 3];
        for (int start = 0; start < count; start += block.Capacity)
        {
            int rows = Math.Min(block.Capacity, count - start);
            for (int r = 0; r < rows; r++)
            {
                _customers.Rows.Row((int)((long)(start + r) * _customers.Count / count)).CopyTo(block.Row(r));
            }
            scorer.Score(block, rows);
            for (int r = 0; r < rows; r++)
            {
                scorer.Rank(block, r, ranked);
                int a = ranked[0].Proposition + 1;
                sums[a, 0]++;
                sums[a, 1] += ranked[0].OrganisationValue;
                sums[a, 2] += ranked[0].CustomerValue;
            }
        }
        return [.. Enumerable.Range(0, ranked.Length)
            .Select(a => (a == 0 ? "do nothing" : _workspace.Propositions[a - 1].Id, sums[a, 0] / count, sums[a, 1] / sums[a, 0], sums[a, 2] / sums[a, 0]))
            .OrderByDescending(n => n.Item2)];
    }

    private JsonObject ToJson(ModelManifest manifest, RejectedRows rejected) => new()
    {
        ["model"] = manifest.Name,
        ["version"] = manifest.Version,
        ["folder"] = _workspace.VersionDirectory(manifest.Version),
        ["customers"] = new JsonObject
        {
            ["trained"] = _result.Customers.Training,
            ["held_out"] = _result.Customers.HeldOut,
            ["duplicates"] = _customers.Duplicates,
        },
        ["outcomes"] = _outcomes?.Count ?? 0,
        ["segments_kept"] = _result.Segmentation is null,
        ["segments"] = new JsonArray([.. _result.Models.Segments.Segments.Select((s, i) => new JsonObject
        {
            ["id"] = s.Id,
            ["name"] = s.Name,
            ["description"] = s.Description,
            ["size"] = s.Size,
            ["share"] = s.Share,
            [Profit is { Target.Proxy: true } ? "mean_profit_proxy" : "mean_profit"] = Finite(_result.Models.Profiles[i].MeanProfit),
        })]),
        ["profit"] = Profit is null ? null : new JsonObject
        {
            ["target"] = Profit.Target.ToString(),
            ["period"] = Profit.Target.Period,
            ["proxy"] = Profit.Target.Proxy,
            ["currency"] = Currency,
            ["marginal_band"] = Profit.Tiers.MarginalBand,
            ["creators_threshold"] = Finite(Profit.Tiers.CreatorsThreshold),
        },
        ["metrics"] = new JsonObject(manifest.Metrics.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))),
        ["next_best"] = new JsonArray([.. _next.Select(n => new JsonObject
        {
            ["proposition"] = n.Id,
            ["share"] = n.Share,
            ["organisation_value"] = Finite(n.Organisation),
            ["customer_value"] = Finite(n.Customer),
        })]),
        ["moved"] = new JsonArray([.. _result.Report.Segments.Moves.Where(m => m.FromId != m.ToId).Select(m => new JsonObject
        {
            ["from"] = m.FromId,
            ["to"] = m.ToId,
            ["customers"] = m.Customers,
        })]),
        ["chosen"] = new JsonObject(_result.Report.Propensities.Where(p => p.Metrics.Offers > 0)
            .Select(p => KeyValuePair.Create(p.Metrics.PropositionId, (JsonNode?)Chosen(p)))),
        ["warnings"] = new JsonArray([.. _result.Report.Warnings.Select(w => new JsonObject
        {
            ["severity"] = SnakeCase.Of(w.Severity),
            ["kind"] = SnakeCase.Of(w.Kind),
            ["subject"] = w.Subject,
            ["message"] = w.Message,
        })]),
        ["rejected"] = rejected.ToJson(),
        ["incomplete"] = new JsonArray([.. _workspace.Incompleteness().Select(p => (JsonNode)p.ToString())]),
    };

    private static Table NewTable(params string[] columns)
    {
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)));
        }
        return table;
    }

    private static void AddRow(Table table, params string[] cells) => table.AddRow(cells.Select(c => new Text(c)));

    private static JsonNode? Finite(double value) => double.IsFinite(value) ? value : null;

    private static string Percent(double share) => double.IsFinite(share) ? string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.#} %") : "-";

    private static string Number(double value) => double.IsFinite(value) ? value.ToString("#,0.##", CultureInfo.InvariantCulture) : "-";

    private static string Ratio(double value) => double.IsFinite(value) ? value.ToString("0.000", CultureInfo.InvariantCulture) : "-";
}
