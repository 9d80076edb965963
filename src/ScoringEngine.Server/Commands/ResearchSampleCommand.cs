using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using CsvHelper;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using Spectre.Console;

namespace ScoringEngine.Server.Commands;

/// <summary><c>research sample</c>: draws customers to be asked.</summary>
internal static class ResearchSampleCommand
{
    private const int LargestSample = 1_000_000;
    private const double SmallestMargin = 0.005;

    /// <summary>How a sample is divided among segments.</summary>
    private enum Allocation
    {
        /// <summary>As many of each.</summary>
        Equal,

        /// <summary>By size.</summary>
        Proportional,

        /// <summary>By size and spread: the most exact figure for all customers together.</summary>
        Optimal,
    }

    /// <summary>What tells how much a segment spreads.</summary>
    private enum Spread
    {
        /// <summary>The expected profit of its customers.</summary>
        Profit,

        /// <summary>The answers of the survey in needs.yaml.</summary>
        Survey,
    }

    private sealed record Request(string Workspace, string Data, string Out)
    {
        public int? Version { get; init; }

        public int? Size { get; init; }

        public double? MarginOfError { get; init; }

        public bool PerSegment { get; init; }

        public Allocation Allocation { get; init; }

        public Spread Spread { get; init; }

        public string? Channel { get; init; }

        public bool HeldOut { get; init; }

        public string? Household { get; init; }

        public long Seed { get; init; }

        public long AllowRejects { get; init; }
    }

    // A segment and its part of the sample. Deviation: of what the optimal allocation goes by; NaN where nothing tells.
    private sealed record Part(Segment Segment, long Customers, int Asked, double Deviation);

    public static Command Create()
    {
        Option<string> workspace = CommonOptions.Workspace();
        Option<string> data = CommonOptions.Data("Customer file: CSV with a header, plain or .gz; - reads standard input");
        Option<int?> version = CommonOptions.Version();
        Option<long?> size = new("--size")
        {
            Description = "How many customers to draw; with --per-segment of each segment on average",
            HelpName = "N",
            CustomParser = argument => WholeNumber.Within(1, LargestSample)(argument),
        };
        Option<double?> margin = new("--margin-of-error")
        {
            Description = $"Draw as few as give this 95 % margin of error of a share (of 50 %, the least certain one), {SmallestMargin} to 0.5; with "
                + "--per-segment in each segment, else in all customers together",
            HelpName = "E",
            CustomParser = argument =>
            {
                string text = argument.Tokens[0].Value;
                if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number is >= SmallestMargin and <= 0.5)
                {
                    return number;
                }
                argument.AddError($"--margin-of-error: '{text}', expected a number from {SmallestMargin.ToString(CultureInfo.InvariantCulture)} to 0.5");
                return null;
            },
        };
        Option<bool> perSegment = new("--per-segment") { Description = "--size or --margin-of-error is meant for each segment" };
        Option<string?> allocation = new("--allocation")
        {
            Description = "equal: as many of each segment; proportional: by size; optimal: by size and spread, most exact for all customers together. "
                + "Default: equal with --per-segment, else proportional",
            HelpName = "HOW",
        };
        allocation.AcceptOnlyFromAmong([.. Enum.GetValues<Allocation>().Select(SnakeCase.Of)]);
        Option<string?> spread = new("--by")
        {
            Description = "With the optimal allocation, whose spread: profit (of the model) or survey (the one in needs.yaml). Default: profit",
            HelpName = "WHAT",
        };
        spread.AcceptOnlyFromAmong([.. Enum.GetValues<Spread>().Select(SnakeCase.Of)]);
        Option<string?> channel = new("--channel") { Description = "Leave out who did not consent to this channel, by policy.yaml", HelpName = "CHANNEL" };
        Option<bool> heldOut = new("--held-out")
        {
            Description = "Draw from the hold-out, too. It is left out otherwise: to be asked is a treatment, and without it the sample represents all as well",
        };
        Option<string?> household = new("--household") { Description = "Column with the household that decides on the hold-out", HelpName = "COLUMN" };
        Option<long> seed = new("--seed")
        {
            Description = "Seed; the same one draws the same customers, in whatever order the file has them",
            HelpName = "S",
            DefaultValueFactory = _ => 1,
        };
        Option<string> @out = new("--out", "-o") { Description = "File for the sample, CSV: a form for research import", HelpName = "FILE", Required = true };
        Option<long> allowRejects = CommonOptions.AllowRejects();
        EngineCommand command = new("sample", "Draw a representative sample of customers by segment, to ask them what they need, and say how exact the "
            + "answers will be. Each segment's customers are in random order: who does not answer may be followed by who comes next.",
            "scoring-engine research sample -w models/mine --data customers.csv --size 1000 --out ask.csv",
            "scoring-engine research sample -w models/mine --data customers.csv --margin-of-error 0.05 --per-segment --channel phone --out ask.csv",
            "scoring-engine research sample -w models/mine --data customers.csv --size 1000 --allocation optimal --by survey --out ask.csv")
        {
            workspace, data, version, size, margin, perSegment, allocation, spread, channel, heldOut, household, seed, @out, allowRejects,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(size) is null == result.GetResult(margin) is null)
            {
                result.AddError("sample: expected either --size or --margin-of-error");
            }
            if (result.GetResult(spread) is not null && result.GetResult(allocation)?.GetValueOrDefault<string?>() != "optimal")
            {
                result.AddError("sample: --by goes with --allocation optimal only");
            }
        });
        command.SetHandler((parse, output, cancellation) =>
        {
            bool each = parse.GetValue(perSegment);
            Request request = new(parse.GetRequiredValue(workspace), parse.GetRequiredValue(data), parse.GetRequiredValue(@out))
            {
                Version = parse.GetValue(version),
                Size = (int?)parse.GetValue(size),
                MarginOfError = parse.GetValue(margin),
                PerSegment = each,
                Allocation = Choice(parse.GetValue(allocation), each ? Allocation.Equal : Allocation.Proportional),
                Spread = Choice(parse.GetValue(spread), Spread.Profit),
                Channel = parse.GetValue(channel),
                HeldOut = parse.GetValue(heldOut),
                Household = parse.GetValue(household),
                Seed = parse.GetValue(seed),
                AllowRejects = parse.GetValue(allowRejects),
            };
            return Task.FromResult(Run(request, output, cancellation));
        });
        return command;
    }

    private static ExitCode Run(Request request, CommandOutput output, CancellationToken cancellation)
    {
        Workspace workspace = Workspace.Load(request.Workspace);
        ModelSet models = ModelPackage.Load(workspace, request.Version);
        string target = OutputFile.Target(request.Out);
        if (target == Path.GetFullPath(request.Data))
        {
            throw new CommandFailure($"--out {request.Out} is the file that --data reads", ExitCode.Usage);
        }
        RejectedRows rejected = new(output, request.AllowRejects);
        int segments = models.Segments.Segments.Length;
        int most = request.MarginOfError is { } margin ? SampleAllocation.MostPerSegment(margin)
            : (int)Math.Min(LargestSample, (long)request.Size!.Value * (request.PerSegment ? segments : 1));
        SegmentSample sample = new(segments, most, request.Seed);
        ResearchPopulation population = new(workspace, models, request.Channel, request.HeldOut, request.Household);
        output.WithProgress("customers", progress =>
        {
            using CustomerFile file = SegmentLookup.Open(request.Data, models, workspace, rejected);
            population.Open(file);
            SegmentScan.Run(models, file, population.Includes, sample.Add, progress, cancellation);
            return 0;
        });
        Part[] parts = Allocate(request, most, models, workspace.Needs, sample);
        OutputFile.Write(target, temporary => Write(temporary, workspace.Needs, parts, sample));
        Show(request, parts, population, workspace.Policy.Currency, rejected, output);
        return rejected.Finish();
    }

    private static Part[] Allocate(Request request, int most, ModelSet models, Needs needs, SegmentSample sample)
    {
        Segment[] segments = [.. models.Segments.Segments];
        long[] sizes = sample.Sizes;
        double[] deviations = request.Spread == Spread.Survey ? SurveyDeviations(segments, needs) : sample.ProfitDeviations;
        if (request.Allocation == Allocation.Optimal && request.Spread == Spread.Profit && models.Profit is null)
        {
            throw new CommandFailure("--allocation optimal: the model has no profit; --by survey goes by the survey in needs.yaml");
        }
        double[] weights = [.. sizes.Select((size, s) => request.Allocation switch
        {
            Allocation.Equal => 1,
            Allocation.Proportional => size,
            _ => size * deviations[s],
        })];
        int least = (int)sizes.Sum(size => Math.Min(size, SampleAllocation.LeastPerSegment));
        if (request.Size is not null && most < least)
        {
            throw new CommandFailure($"--size {request.Size}: expected at least {least}, {SampleAllocation.LeastPerSegment} of each segment", ExitCode.Usage);
        }
        int[] asked = request.MarginOfError is { } margin
            ? SampleAllocation.ByMargin(sizes, weights, margin, request.PerSegment) : SampleAllocation.BySize(sizes, weights, most);
        return [.. segments.Select((segment, s) => new Part(segment, sizes[s], asked[s], request.Allocation == Allocation.Optimal ? deviations[s] : double.NaN))];
    }

    // The survey's widest interval, turned back into the spread of its answers; a segment without one takes the largest of the others.
    private static double[] SurveyDeviations(Segment[] segments, Needs needs)
    {
        double[] deviations = [.. segments.Select(segment => needs.Of(segment.Id)).Select(w => w.SampleSize < 2 || w.HalfWidths.IsEmpty ? double.NaN
            : w.HalfWidths.Values.Max() / Interval95.StudentT(w.SampleSize - 1) * Math.Sqrt(w.SampleSize))];
        double largest = deviations.Where(d => !double.IsNaN(d)).DefaultIfEmpty(double.NaN).Max();
        return double.IsNaN(largest) ? throw new CommandFailure("--by survey: no segment in needs.yaml has a survey with intervals")
            : [.. deviations.Select(d => double.IsNaN(d) ? largest : d)];
    }

    // The columns that research import reads, the needs' to be filled in.
    private static int Write(string path, Needs needs, Part[] parts, SegmentSample sample)
    {
        using FileStream stream = File.Create(path);
        using CsvWriter csv = CsvWriter.Create(stream, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
        string[] columns = ["customer", "segment", "stands_for", .. needs.All.Select(n => n.Id), "words"];
        foreach (string column in columns)
        {
            csv.WriteField(column);
        }
        csv.EndRecord();
        for (int s = 0; s < parts.Length; s++)
        {
            foreach (byte[] id in sample.Draw(s, parts[s].Asked))
            {
                csv.WriteField(id.AsSpan());
                csv.WriteField(parts[s].Segment.Id);
                csv.WriteField((double)parts[s].Customers / parts[s].Asked);
                for (int c = 3; c < columns.Length; c++)
                {
                    csv.WriteField("");
                }
                csv.EndRecord();
            }
        }
        return 0;
    }

    private static void Show(Request request, Part[] parts, ResearchPopulation population, string currency, RejectedRows rejected, CommandOutput output)
    {
        long[] sizes = [.. parts.Select(p => p.Customers)];
        int[] asked = [.. parts.Select(p => p.Asked)];
        double overall = SampleAllocation.Margin(sizes, asked, [.. parts.Select(_ => SampleAllocation.WorstCase)]);
        bool optimal = request.Allocation == Allocation.Optimal;
        double spread = optimal ? SampleAllocation.Margin(sizes, asked, [.. parts.Select(p => p.Deviation)]) : double.NaN;
        string of = request.Spread == Spread.Survey ? "margin, weight" : $"margin, profit ({currency})";
        output.Heading($"{asked.Sum():N0} of {sizes.Sum():N0} customers in {request.Out}, {SnakeCase.Of(request.Allocation)} allocation, seed {request.Seed}");
        Table table = new Table().Border(TableBorder.Simple).AddColumns("segment", "customers", "asked", "margin, share of 50 %");
        if (optimal)
        {
            table.AddColumn(of);
        }
        foreach (Part p in parts)
        {
            Row($"{p.Segment.Id} {p.Segment.Name}", p.Customers, p.Asked, Margin(p, SampleAllocation.WorstCase), Margin(p, p.Deviation));
        }
        Row("all", sizes.Sum(), asked.Sum(), overall, spread);
        output.Show(table);
        output.Line("Margins are half-widths of 95 % intervals, corrected for the finite number of customers, if everybody answers."
            + (population.LeftOut > 0 ? $" Left out: {population.HeldOut:N0} held out, {population.WithoutConsent:N0} without consent." : ""));
        output.Result(new JsonObject
        {
            ["out"] = request.Out,
            ["seed"] = request.Seed,
            ["allocation"] = SnakeCase.Of(request.Allocation),
            ["spread"] = optimal ? SnakeCase.Of(request.Spread) : null,
            ["customers"] = sizes.Sum(),
            ["asked"] = asked.Sum(),
            ["margin_of_error"] = overall,
            ["spread_margin_of_error"] = optimal ? spread : null,
            ["segments"] = new JsonArray([.. parts.Select(p => new JsonObject
            {
                ["segment"] = p.Segment.Id,
                ["name"] = p.Segment.Name,
                ["customers"] = p.Customers,
                ["asked"] = p.Asked,
                ["margin_of_error"] = Margin(p, SampleAllocation.WorstCase),
                ["spread_margin_of_error"] = optimal ? Margin(p, p.Deviation) : null,
            })]),
            ["held_out"] = population.HeldOut,
            ["without_consent"] = population.WithoutConsent,
            ["rejected"] = rejected.ToJson(),
        });

        static double Margin(Part p, double deviation) => SampleAllocation.Margin(p.Customers, p.Asked, deviation);

        void Row(string name, long customers, int count, double margin, double spreadMargin)
        {
            string[] cells = [name, customers.ToString("N0", CultureInfo.InvariantCulture), count.ToString("N0", CultureInfo.InvariantCulture),
                (100 * margin).ToString("0.0", CultureInfo.InvariantCulture) + " points"];
            table.AddRow([.. (optimal ? [.. cells, spreadMargin.ToString("0.####", CultureInfo.InvariantCulture)] : cells).Select(c => new Text(c))]);
        }
    }

    private static T Choice<T>(string? text, T otherwise)
        where T : struct, Enum
        => text is null ? otherwise : Enum.GetValues<T>().Single(v => SnakeCase.Of(v) == text);
}
