using System.Text.Json.Nodes;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Tests;

namespace ScoringEngine.Server.Tests.Commands;

/// <summary>strategy check, show, status and book, catalogue export and import, as a person would call them.</summary>
public sealed class StrategyCommandTests(TrainedWorkspace trained) : IDisposable
{
    private static readonly string Telecom = Path.Combine(RealData.RepositoryRoot, "models", "telecom");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Copy(string source)
    {
        string target = _folder.At("copy");
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        return target;
    }

    [Fact]
    public async Task Check_ShippedWorkspace_HasNoErrorAndNoWarning()
    {
        JsonObject result = await CommandRun.Succeed("strategy", "check", "-w", Telecom, "--as-of", "2026-11-01", "--strict");
        Assert.Equal((0, 0), ((int)result["errors"]!, (int)result["warnings"]!));
        Assert.All(result["problems"]!.AsArray(), p => Assert.Equal("incomplete", (string)p!["severity"]!));
    }

    [Fact]
    public async Task Check_TrainedWorkspace_KnowsItsSegments()
    {
        JsonObject result = await CommandRun.Succeed("strategy", "check", "-w", trained.Path);
        Assert.Equal((0, 1), ((int)result["errors"]!, (int)result["version"]!));
        string copy = Copy(trained.Path);
        File.WriteAllText(Path.Combine(copy, "strategies.yaml"), "strategies:\n  - {id: one, segments: [1]}\n");
        CommandRun run = await CommandRun.Of("strategy", "check", "-w", copy);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"{Path.Combine(copy, "strategies.yaml")}:2: no strategy for segment", run.Output);
        Assert.Contains("segments of version 1", run.Output);
    }

    [Fact]
    public async Task Check_Errors_AreAllToldAndFail()
    {
        string copy = Copy(Telecom);
        File.AppendAllText(Path.Combine(copy, "policy.yaml"), "colour: red\n");
        File.AppendAllText(Path.Combine(copy, "plan.yaml"), "owner: Ada\n");
        CommandRun run = await CommandRun.Of("strategy", "check", "-w", copy, "--as-of", "2026-11-01", "--json");
        Assert.Equal((int)ExitCode.Failure, run.ExitCode);
        JsonNode[] errors = [.. run.Json["problems"]!.AsArray().Where(p => (string)p!["severity"]! == "error").Select(p => p!)];
        Assert.Equal(["unknown key 'colour'", "unknown key 'owner'"], errors.Select(e => (string)e["message"]!));
        Assert.All(errors, e => Assert.True((int)e["line"]! > 1));
    }

    [Fact]
    public async Task Check_Warnings_FailOnlyWhenStrict()
    {
        string[] arguments = ["strategy", "check", "-w", Telecom, "--as-of", "2029-01-01"];
        Assert.Equal(0, (await CommandRun.Of(arguments)).ExitCode);
        Assert.Equal(1, (await CommandRun.Of([.. arguments, "--strict"])).ExitCode);
    }

    [Fact]
    public async Task Check_NoSuchDay_IsAUsageError()
        => Assert.Equal("--as-of 'today': expected a day such as 2026-03-31", await CommandRun.Fail(ExitCode.Usage, "strategy", "check", "--as-of", "today"));

    [Fact]
    public async Task Show_Segment_ArticulatesItsStrategy()
    {
        CommandRun run = await CommandRun.Of("strategy", "show", "3", "-w", Telecom, "--tier", "value_creator", "--as-of", "2026-11-01");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("Keep and grow the best", run.Output);
        Assert.DoesNotContain("Serve well and cheaply", run.Output);
        foreach (string text in new[] { "is and is not", "changed expectations", "kept_creators", "supervisor may grant", "any concession", "agent is rewarded for", "loyalty_bonus", "Needs (assumed)" })
        {
            Assert.Contains(text, run.Output);
        }
        JsonObject json = await CommandRun.Succeed("strategy", "show", "3", "-w", Telecom);
        Assert.Equal(["keep_and_grow", "serve_well_and_cheaply"], json["strategies"]!.AsArray().Select(s => (string)s!["id"]!));
        Assert.Equal(9, json["propositions"]!.AsArray().Count);
    }

    [Fact]
    public async Task Show_UnknownSegmentOrTier_SaysWhichThereAre()
    {
        Assert.StartsWith("version 1 has no segment 99; there are 1, ", await CommandRun.Fail(ExitCode.Failure, "strategy", "show", "99", "-w", trained.Path));
        Assert.Equal("--tier 'rich': expected one of value_destroyer, marginal, sustainer, value_creator",
            await CommandRun.Fail(ExitCode.Usage, "strategy", "show", "1", "-w", trained.Path, "--tier", "rich"));
    }

    [Fact]
    public async Task Status_Workspace_WalksTheFiveStepsAndSaysWhatIsNext()
    {
        CommandRun run = await CommandRun.Of("strategy", "status", "-w", Telecom, "--as-of", "2026-11-01");
        Assert.Equal(0, run.ExitCode);
        int at = -1;
        foreach (string step in new[] { "1. understand", "2. articulate", "3. design", "4. enable", "5. capture", "next: segments: no version yet" })
        {
            int next = run.Output.IndexOf(step, StringComparison.Ordinal);
            Assert.True(next > at, $"{step} comes at {next}");
            at = next;
        }
        JsonObject json = await CommandRun.Succeed("strategy", "status", "-w", trained.Path);
        Assert.True((bool)json["steps"]![0]!["items"]![0]!["in_place"]!);
    }

    [Theory]
    [InlineData("book.html", "<!DOCTYPE html>")]
    [InlineData("book.md", "# Customer strategy: telecom")]
    public async Task Book_Document_IsWritten(string name, string start)
    {
        JsonObject json = await CommandRun.Succeed("strategy", "book", "-w", Telecom, "--as-of", "2026-11-01", "--out", _folder.At(name));
        Assert.Equal(_folder.At(name), (string)json["file"]!);
        Assert.StartsWith(start, File.ReadAllText(_folder.At(name)));
    }

    [Fact]
    public async Task Book_OtherFormat_IsAUsageError()
        => Assert.Equal("--out book.pdf: expected a name that ends in .html or .md", await CommandRun.Fail(ExitCode.Usage, "strategy", "book", "-w", Telecom, "--out", "book.pdf"));

    [Fact]
    public async Task Catalogue_ExportAndImport_ChangeNothing()
    {
        string copy = Copy(Telecom);
        string csv = _folder.At("catalogue.csv");
        Assert.Equal(9, (int)(await CommandRun.Succeed("catalogue", "export", "-w", copy, "--out", csv))["propositions"]!);
        await CommandRun.Succeed("catalogue", "import", "-w", copy, "--data", csv, "--as-of", "2026-11-01");
        string first = File.ReadAllText(Path.Combine(copy, "propositions.yaml"));
        string again = _folder.At("again.csv");
        await CommandRun.Succeed("catalogue", "export", "-w", copy, "--out", again);
        Assert.Equal(File.ReadAllText(csv), File.ReadAllText(again));
        await CommandRun.Succeed("catalogue", "import", "-w", copy, "--data", again, "--as-of", "2026-11-01");
        Assert.Equal(first, File.ReadAllText(Path.Combine(copy, "propositions.yaml")));
    }

    [Fact]
    public async Task Catalogue_ImportWithErrors_TellsAllAndLeavesTheFile()
    {
        string copy = Copy(Telecom);
        string[] before = _folder.Content();
        string csv = _folder.Write("bad.csv", "id,group,fulfilment,eligibility\nrate_rebate,more_products,-1,tenure_monts > 3\nrate_rebate,,,\n");
        CommandRun run = await CommandRun.Of("catalogue", "import", "-w", copy, "--data", csv, "--as-of", "2026-11-01", "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(
            [(2, "propositions[0].economics.fulfilment: -1, expected at least 0"), (3, "propositions[1].id: 'rate_rebate' is used twice")],
            run.Json["error"]!["problems"]!.AsArray().Select(p => ((int)p!["line"]!, (string)p["message"]!)).Where(p => !p.Item2.Contains("tenure_monts", StringComparison.Ordinal)));
        Assert.Contains("no feature 'tenure_monts' (did you mean 'tenure_months'?)", run.Error);
        Assert.Equal(before, _folder.Content().Where(f => !f.StartsWith("bad.csv", StringComparison.Ordinal)));
    }
}
