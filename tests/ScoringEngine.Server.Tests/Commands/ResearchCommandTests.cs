using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class ResearchCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _workspace;
    private readonly string _customers;

    // A copy of the trained workspace, whose needs.yaml the tests change.
    public ResearchCommandTests(TrainedWorkspace trained)
    {
        _workspace = _folder.At("telco");
        foreach (string file in Directory.EnumerateFiles(trained.Path, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(_workspace, Path.GetRelativePath(trained.Path, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        _customers = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(3000));
    }

    public void Dispose() => _folder.Dispose();

    private Needs Needs => Workspace.Load(_workspace).Needs;

    private Task<JsonObject> Sample(params string[] arguments)
        => CommandRun.Succeed(["research", "sample", "-w", _workspace, "--data", _customers, "--out", _folder.At("ask.csv"), .. arguments]);

    private string[] Asked() => File.ReadAllLines(_folder.At("ask.csv"));

    private static int[] Counts(JsonObject result, string key = "asked") => [.. result["segments"]!.AsArray().Select(s => (int)s![key]!)];

    [Fact]
    public async Task Sample_Size_DrawsInProportionAndWritesAForm()
    {
        JsonObject result = await Sample("--size", "200");

        string[] rows = Asked();
        Assert.Equal("customer,segment,stands_for,price,service,words", rows[0]);
        Assert.Equal(200, rows.Length - 1);
        Assert.Equal(200, rows.Skip(1).Select(r => r.Split(',')[0]).Distinct().Count());
        Assert.Equal((3000, 200, "proportional"), ((int)result["customers"]!, (int)result["asked"]!, (string)result["allocation"]!));
        Assert.All(Counts(result).Zip(Counts(result, "customers")), s => Assert.InRange(s.First, (s.Second / 15.0) - 1, (s.Second / 15.0) + 1));
        Assert.Equal(3000, rows.Skip(1).Sum(r => double.Parse(r.Split(',')[2], CultureInfo.InvariantCulture)), 6);
        Assert.InRange((double)result["margin_of_error"]!, 0.066, 0.068); // 1.96 * .5 / sqrt(200) * sqrt(2800 / 2999) = .067
        Assert.All(result["segments"]!.AsArray(), s => Assert.True((double)s!["margin_of_error"]! > (double)result["margin_of_error"]!));
    }

    [Fact]
    public async Task Sample_AnyOrderOfTheFile_DrawsTheSame()
    {
        await Sample("--size", "100");
        string[] first = Asked();
        string[] lines = TrainedWorkspace.CustomerRows(3000).TrimEnd('\n').Split('\n');
        _folder.Write("customers.csv", string.Join('\n', lines.Skip(1).Reverse().Prepend(lines[0])) + "\n");
        await Sample("--size", "100");
        Assert.Equal(first, Asked());
        await Sample("--size", "100", "--seed", "2");
        Assert.NotEqual(first, Asked());
    }

    [Fact]
    public async Task Sample_MarginPerSegment_ReachesItInEach()
    {
        JsonObject result = await Sample("--margin-of-error", "0.08", "--per-segment");
        Assert.Equal("equal", (string)result["allocation"]!);
        Assert.Single(Counts(result).Distinct());
        Assert.InRange(result["segments"]!.AsArray().Max(s => (double)s!["margin_of_error"]!), 0.0795, 0.08);
        JsonObject together = await Sample("--margin-of-error", "0.08");
        Assert.InRange((double)together["margin_of_error"]!, 0.0795, 0.08);
        Assert.True((int)together["asked"]! < (int)result["asked"]! / 2);
    }

    [Fact]
    public async Task Sample_Optimal_TellsTheMarginOfWhatItGoesBy()
    {
        JsonObject proportional = await Sample("--size", "150", "--per-segment", "--allocation", "proportional");
        JsonObject optimal = await Sample("--size", "150", "--per-segment", "--allocation", "optimal");
        Assert.Equal((450, 450), ((int)proportional["asked"]!, (int)optimal["asked"]!));
        Assert.NotEqual(Counts(proportional), Counts(optimal));
        Assert.Null(proportional["spread_margin_of_error"]);
        Assert.Equal("profit", (string)optimal["spread"]!);
        Assert.True((double)optimal["spread_margin_of_error"]! > 0);
        Assert.True((double)optimal["margin_of_error"]! > (double)proportional["margin_of_error"]!);
    }

    [Fact]
    public async Task Sample_OptimalBySurvey_NeedsOne()
    {
        string[] arguments = ["research", "sample", "-w", _workspace, "--data", _customers, "--out", _folder.At("ask.csv"), "--size", "90", "--allocation", "optimal", "--by", "survey"];
        Assert.Equal("--by survey: no segment in needs.yaml has a survey with intervals", await CommandRun.Fail(ExitCode.Failure, arguments));
        File.AppendAllText(Path.Combine(_workspace, "needs.yaml"), """

            segments:
              - segment: 1
                provenance: surveyed
                source: spring
                sample_size: 101
                weights: {price: 0.5, service: 0.5}
                half_widths: {price: 0.06, service: 0.06}
            """);
        JsonObject result = await CommandRun.Succeed(arguments);

        // Standard deviation .06 / 1.984 * sqrt(101) = .304, in all segments: as if proportional.
        Assert.Equal(0.304 * 1.96 / Math.Sqrt(90) * Math.Sqrt(2910 / 2999.0), (double)result["spread_margin_of_error"]!, 3);
    }

    [Fact]
    public async Task Sample_HoldOutAndConsent_AreLeftOut()
    {
        string policy = Path.Combine(_workspace, "policy.yaml");
        File.WriteAllText(policy, File.ReadAllText(policy).Replace("hold_out:\n  share: 0\n  salt: 0", "hold_out:\n  share: 0.2\n  salt: 5", StringComparison.Ordinal)
            .Replace("contact_policy:\n", "contact_policy:\n  consent: {phone: has_app}\n", StringComparison.Ordinal));
        bool HeldOut(string row) => CustomerHash.Share(CustomerHash.Of(Encoding.UTF8.GetBytes(row.Split(',')[0]), 5)) < 0.2;

        JsonObject result = await Sample("--size", "3000");
        Assert.Equal(3000, (int)result["customers"]! + (int)result["held_out"]!);
        Assert.Equal(Enumerable.Range(0, 3000).Count(i => HeldOut($"C{i}")), (int)result["held_out"]!);
        Assert.DoesNotContain(Asked().Skip(1), HeldOut);

        JsonObject consenting = await Sample("--size", "3000", "--channel", "phone", "--held-out");
        Assert.Equal((1000, 2000, 0), ((int)consenting["asked"]!, (int)consenting["without_consent"]!, (int)consenting["held_out"]!));
        Assert.All(Asked().Skip(1), row => Assert.Equal(0, int.Parse(row.Split(',')[0][1..]) % 3));

        Assert.Equal("--channel phon: policy.yaml asks for no consent in this channel (did you mean 'phone'?)",
            await CommandRun.Fail(ExitCode.Usage, "research", "sample", "-w", _workspace, "--data", _customers, "--out", _folder.At("x"), "--size", "90", "--channel", "phon"));
    }

    [Fact]
    public async Task Sample_HouseholdInTheHoldOut_IsLeftOutAsAWhole()
    {
        string policy = Path.Combine(_workspace, "policy.yaml");
        File.WriteAllText(policy, File.ReadAllText(policy).Replace("hold_out:\n  share: 0\n", "hold_out:\n  share: 0.5\n", StringComparison.Ordinal));
        string[] lines = TrainedWorkspace.CustomerRows(3000).TrimEnd('\n').Split('\n');
        _folder.Write("customers.csv", string.Join('\n', lines.Select((line, i) => line + (i == 0 ? ",household" : $",H{i % 10}"))) + "\n");
        JsonObject result = await Sample("--size", "3000", "--household", "household");
        int[] households = [.. Asked().Skip(1).GroupBy(r => (int.Parse(r.Split(',')[0][1..]) + 1) % 10).Select(g => g.Count())];
        Assert.All(households, count => Assert.Equal(300, count));
        Assert.Equal(10 - households.Length, (int)result["held_out"]! / 300);
        Assert.InRange(households.Length, 1, 9);
    }

    [Theory]
    [InlineData("sample: expected either --size or --margin-of-error")]
    [InlineData("sample: expected either --size or --margin-of-error", "--size", "9", "--margin-of-error", "0.1")]
    [InlineData("--margin-of-error: '0.001', expected a number from 0.005 to 0.5", "--margin-of-error", "0.001")]
    [InlineData("--size: '0', expected a number from 1 to 1,000,000", "--size", "0")]
    [InlineData("sample: --by goes with --allocation optimal only", "--size", "9", "--by", "survey")]
    [InlineData("--size 5: expected at least 6, 2 of each segment", "--size", "5")]
    public async Task Sample_WrongArguments_AreAUsageError(string message, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["research", "sample", "-w", _workspace, "--data", _customers, "--out", _folder.At("ask.csv"), .. arguments, "--json"]);
        Assert.Equal((int)ExitCode.Usage, run.ExitCode);
        Assert.Contains(message, (string)run.Json["error"]!["message"]!);
        Assert.False(File.Exists(_folder.At("ask.csv")));
    }

    [Fact]
    public async Task Import_AnswersToASample_BecomeWeightsAndKeepComments()
    {
        JsonObject sample = await Sample("--size", "60", "--per-segment");
        string[] form = Asked();
        int segment = (int)sample["segments"]![0]!["segment"]!;
        int second = (int)sample["segments"]![1]!["segment"]!;

        // Of the first segment every other answers, of the second four, of the third nobody.
        string Answer(string row, int i) => int.Parse(row.Split(',')[1]) is int s && s == segment ? i % 2 == 0 ? "5,3,cheaper please" : ",," : s == second && i < 64 ? "1,2," : ",,";
        string answers = _folder.Write("answers.csv", form[0] + "\n" + string.Join('\n', form.Skip(1).Select((row, i) => row[..^3] + "," + Answer(row, i))) + "\n");
        File.AppendAllText(Path.Combine(_workspace, "needs.yaml"), $$"""

            segments:
              # Interviews of 2024.
              - segment: {{second}}
                weights: {price: 0.1, service: 0.9}   # by hand
            """);

        JsonObject result = await CommandRun.Succeed("research", "import", "-w", _workspace, "--data", answers, "--source", "Spring");

        Assert.Equal([60, 60, 60], Counts(result));
        Assert.Equal([30, 4, 0], Counts(result, "answers"));
        Assert.Equal([null, "4 answers, 5 are needed", "0 answers, 5 are needed"], result["segments"]!.AsArray().Select(s => (string?)s!["kept_because"]));
        NeedWeights weights = Needs.Of(segment);
        Assert.Equal((Provenance.Surveyed, "Spring (ratings 1 to 5)", 30), (weights.Provenance, weights.Source, weights.SampleSize));
        Assert.Equal((0.6667, 0.3333, 0.0), (weights.Weights["price"], weights.Weights["service"], weights.HalfWidths["price"]));
        Assert.Equal(["cheaper please"], weights.Words);
        Assert.Equal(0.9, Needs.Of(second).Weights["service"]);
        string text = File.ReadAllText(Path.Combine(_workspace, "needs.yaml"));
        Assert.Contains("# Interviews of 2024.", text);
        Assert.Contains("# by hand", text);
    }

    [Fact]
    public async Task Import_BadAnswers_AreAllNamedAndNothingIsWritten()
    {
        string before = File.ReadAllText(Path.Combine(_workspace, "needs.yaml"));
        string answers = _folder.Write("answers.csv", "customer,segment,price,service\n" + string.Concat(Enumerable.Range(0, 30).Select(i => $"c{i},1,9,1\n"))
            + string.Concat(Enumerable.Range(0, 6).Select(i => $"d{i},1,5,1\n")));

        CommandRun run = await CommandRun.Of("research", "import", "-w", _workspace, "--data", answers, "--json");

        Assert.Equal((int)ExitCode.RowsRejected, run.ExitCode);
        string[] lines = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Enumerable.Range(2, 30).Select(line => $"rejected: {answers}:{line}: column 'price': '9': expected a rating of 1 to 5"), lines[..30]);
        Assert.Equal("needs.yaml is unchanged", lines[^1]);
        Assert.Equal(before, File.ReadAllText(Path.Combine(_workspace, "needs.yaml")));
        await CommandRun.Of("research", "import", "-w", _workspace, "--data", answers, "--allow-rejects", "30");
        Assert.Equal(6, Needs.Of(1).SampleSize);
    }

    [Fact]
    public async Task Import_CustomersGiven_TakesSegmentsFromTheModel()
    {
        string answers = _folder.Write("survey.csv", "customer,price,service\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"C{i},0.2,0.8\n")));
        JsonObject result = await CommandRun.Succeed("research", "import", "-w", _workspace, "--data", answers, "--method", "weights", "--customers", _customers, "--min-answers", "30");
        Assert.Equal(300, Counts(result).Sum());
        Assert.All(Needs.BySegment.Values, w => Assert.Equal(0.8, w.Weights["service"]));

        string unknown = _folder.Write("unknown.csv", "customer,price,service\nnobody,0.2,0.8\n");
        CommandRun run = await CommandRun.Of("research", "import", "-w", _workspace, "--data", unknown, "--method", "weights", "--customers", _customers);
        Assert.Contains("'nobody': not in the customer file", run.Error);
    }

    [Fact]
    public async Task Import_BestWorst_IsShownForAPerson()
    {
        string answers = _folder.Write("answers.csv", "customer,segment,price_best,price_worst,price_shown,service_best,service_worst,service_shown\n"
            + string.Concat(Enumerable.Range(0, 10).Select(i => $"c{i},2,{(i < 8 ? "3,0,3,0,3,3" : "0,3,3,3,0,3")}\n")));
        CommandRun run = await CommandRun.Of("research", "import", "-w", _workspace, "--data", answers, "--method", "best-worst");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"2 .*10\s+10\s+0\.93 ±0\.\d\d\s+0\.07 ±0\.\d\d", run.Output);
        Assert.Contains("Segment 1 keeps the default weights (assumed): 0 answers, 5 are needed.", run.Output);
    }

    [Fact]
    public async Task Declines_ReasonsThatWeightsDoNotExplain_AreFlagged()
    {
        File.AppendAllText(Path.Combine(_workspace, "needs.yaml"), "\ndecline_reasons: {rude: service}\n");
        StringBuilder csv = new("decision_id,segment_id,proposition,answer,reason\n");
        for (int i = 0; i < 60; i++)
        {
            csv.Append(CultureInfo.InvariantCulture, $"d{i},1,loyalty_discount,{(i % 4 == 3 ? "accepted" : "declined")},{(i % 4 == 0 ? "price" : "rude")}\n");
        }
        string outcomes = _folder.Write("decisions.csv", csv + "e,1,adviser,declined,\nf,1,adviser,declined,servise\ng,1,advisor,declined,rude\n");

        CommandRun run = await CommandRun.Of("research", "declines", "-w", _workspace, "--data", outcomes, "--allow-rejects", "1", "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains($"{outcomes}:64: column 'proposition': 'advisor': not in the catalogue (did you mean 'adviser'?)", run.Error);
        Assert.Contains("'servise' (1 declines) stands for no need; decline_reasons in needs.yaml can say which (did you mean 'service'?)", run.Error);
        JsonArray needs = run.Json["needs"]!.AsArray();
        Assert.Equal([(null, "price", 15, 45, false), (null, "service", 30, 45, true), ("loyalty_discount", "price", 15, 45, false), ("loyalty_discount", "service", 30, 45, true)],
            needs.Select(n => ((string?)n!["proposition"], (string)n["need"]!, (int)n["count"]!, (int)n["total"]!, (bool)n["flagged"]!)));
        Assert.Equal((0.4, 1), ((double)needs[1]!["weight"]!, (int)run.Json["without_reason"]!));
        Assert.Equal(1, (int)run.Json["unmapped"]!["servise"]!);

        CommandRun person = await CommandRun.Of("research", "declines", "-w", _workspace, "--data", outcomes, "--allow-rejects", "1");
        Assert.Contains("47 declines: 45 name a need; flagged needs: 2", person.Output);
        Assert.Matches(@"1\s+all\s+service\s+30 of 45\s+66.7 %\s+52.1 % to 78.6 %\s+40 % \(assumed\)\s+[0-9.]+\s+flagged", person.Output);
    }

    [Fact]
    public async Task Declines_CustomersGiven_TakesSegmentsFromTheModel()
    {
        string outcomes = _folder.Write("outcomes.csv", "customer,proposition,reason\nC1,adviser,price\nC2,adviser,price\nX,adviser,price\n");
        CommandRun run = await CommandRun.Of("research", "declines", "-w", _workspace, "--data", outcomes, "--customers", _customers, "--json");
        Assert.Equal(3, run.ExitCode);
        Assert.Equal(2, run.Json["needs"]!.AsArray().Where(n => n!["proposition"] is null && (string)n["need"]! == "price").Sum(n => (int)n!["count"]!));
        Assert.Contains("'X': not in the customer file", run.Error);
    }

    [Fact]
    public async Task Declines_NoSegmentColumn_SaysWhichIsExpected()
        => Assert.EndsWith("no column 'segment'; found proposition, reason",
            await CommandRun.Fail(ExitCode.Failure, "research", "declines", "-w", _workspace, "--data", _folder.Write("o.csv", "proposition,reason\n")));
}
