using System.Text.Json.Nodes;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using static ScoringEngine.Server.Tests.ServerFixture;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class DataCommandTests(TrainedWorkspace trained) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Data => _folder.At("data");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Import_IntoADirectory_IsServedAndCountsAsAnImportDoes()
    {
        const string Bad = "bad,-1,2,yes,basic,1,1\nlong,1,2,yes,{0},1,1\nC0,77,2,yes,basic,1,1\n";
        string file = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(3000) + Bad.Replace("{0}", new string('x', 257), StringComparison.Ordinal));
        await using ServerFixture other = new(trained);
        await other.InitializeAsync();

        CommandRun remote = await CommandRun.Of("import", "--data", file, "--server", other.Address, "--json");
        CommandRun first = await LoadAsync(file);
        CommandRun second = await LoadAsync(file, "--allow-rejects", "2");

        Assert.Equal((3, 3, 0), (remote.ExitCode, first.ExitCode, second.ExitCode));
        Assert.Equal((remote.Output, remote.Error), (first.Output, first.Error));
        Assert.Equal((3003, 0, 3001, 1, 2), Counts(second.Json));
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data);
        Assert.Equal(3000, server.Server.Database.Customers.Count);
        Assert.Equal(Number(TrainedWorkspace.Required, 77), (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "C0" })).Customer.Features[0]);
    }

    [Fact]
    public async Task Import_IntoADirectoryInUse_SaysByWhom()
    {
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data);

        string message = await CommandRun.Fail(ExitCode.Failure, "import", "--data", _folder.Write("c.csv", TrainedWorkspace.CustomerRows(1)),
            "--directory", Data, "--workspace", trained.Path);

        Assert.Equal($"{Data} is in use by process {Environment.ProcessId}", message);
    }

    [Theory]
    [InlineData("import: --server does not go with --directory", "--directory", "x", "--server", "127.0.0.1:1")]
    [InlineData("import: --workspace does not go without --directory", "--workspace", "x")]
    public async Task Import_OptionsOfTheOtherWay_AreUsageErrors(string expected, params string[] options)
        => Assert.Equal(expected, await CommandRun.Fail(ExitCode.Usage, ["import", "--data", "x.csv", .. options]));

    [Fact]
    public async Task Verify_WholeAndDamaged_SaysSo()
    {
        await LoadAsync(_folder.Write("customers.csv", TrainedWorkspace.CustomerRows(2000)));
        JsonObject whole = await CommandRun.Succeed("data", "verify", Data);
        CommandRun person = await CommandRun.Of("data", "verify", Data);
        string snapshot = Directory.GetFiles(Path.Combine(Data, "snapshots")).Single();
        byte[] bytes = File.ReadAllBytes(snapshot);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(snapshot, bytes);

        CommandRun damaged = await CommandRun.Of("data", "verify", Data, "--json");

        Assert.Empty(whole["damages"]!.AsArray());
        Assert.Equal(2000, (int)whole["snapshots"]![0]!["customers"]!);
        Assert.Matches("^Read [0-9,]+ bytes: all as written. 2,000 customers in the newest snapshot\n$", person.Output);
        Assert.Equal(1, damaged.ExitCode);
        Assert.Equal(snapshot, (string)Assert.Single(damaged.Json["damages"]!.AsArray())!["file"]!);
        Assert.StartsWith($"damaged: {snapshot}", damaged.Error);
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("stats")]
    public async Task AnyCommand_FolderThatIsNone_SaysSo(string command)
        => Assert.Equal($"{_folder.At("none")} is no data directory: it has no MANIFEST", await CommandRun.Fail(ExitCode.Failure, "data", command, _folder.At("none")));

    [Theory]
    [InlineData("stats")]
    [InlineData("compact")]
    [InlineData("backup", "--to", "x")]
    public async Task AnyCommand_NeitherFolderNorServerOrBoth_IsAUsageError(params string[] command)
    {
        Assert.Equal($"{command[0]}: expected a data folder, or --server", await CommandRun.Fail(ExitCode.Usage, ["data", .. command]));
        Assert.Equal($"{command[0]}: expected a data folder, or --server", await CommandRun.Fail(ExitCode.Usage, ["data", .. command, "folder", "--server", "127.0.0.1:1"]));
    }

    [Fact]
    public async Task RunningServer_StatsCompactBackup_WorkAndVerifyIsRefused()
    {
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data);
        await server.StoreAsync(Usual);

        JsonObject remote = await CommandRun.Succeed("data", "stats", "--server", server.Address);
        CommandRun person = await CommandRun.Of("data", "stats", "--server", server.Address);
        JsonObject beside = await CommandRun.Succeed("data", "stats", Data);
        JsonObject compacted = await CommandRun.Succeed("data", "compact", "--server", server.Address);
        JsonObject backup = await CommandRun.Succeed("data", "backup", "--server", server.Address, "--to", _folder.At("backup"));
        string refused = await CommandRun.Fail(ExitCode.Failure, "data", "verify", Data);

        Assert.Matches(@"(?m)^Memory for records, bytes +[0-9,]+,[0-9]{3} *$", person.Output);
        Assert.Equal((1, Data), ((int)remote["customers"]!, (string)remote["directory"]!));
        Assert.Equal(($"{Environment.ProcessId}", false), ((string)beside["in_use_by"]!, (bool)beside["closed_in_order"]!));
        Assert.Equal((1, 1), ((int)compacted["customers"]!, (int)backup["customers"]!));
        Assert.Equal($"{Data} is in use by process {Environment.ProcessId}", refused);
        await CommandRun.Succeed("data", "verify", _folder.At("backup"));
    }

    [Fact]
    public async Task Restore_AfterDeletions_LeavesOutWhomTheOldFolderErased()
    {
        await LoadAsync(_folder.Write("customers.csv", TrainedWorkspace.CustomerRows(100)));
        JsonObject backup = await CommandRun.Succeed("data", "backup", Data, "--to", _folder.At("backup"), "--memory", "16MB");
        await using (ServerFixture server = new(trained))
        {
            await server.StartAsync(trained.Path, Data);
            await server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = "C7" });
        }
        JsonObject compacted = await CommandRun.Succeed("data", "compact", Data, "--memory", "16MB");

        JsonObject restored = await CommandRun.Succeed("data", "restore", _folder.At("backup"), _folder.At("new"), "--erasures", Data, "--memory", "16MB");
        string again = await CommandRun.Fail(ExitCode.Failure, "data", "restore", _folder.At("backup"), _folder.At("new"));

        Assert.Equal((100, 99, 99, 1), ((int)backup["customers"]!, (int)compacted["customers"]!, (int)restored["customers"]!, (int)restored["erased"]!));
        Assert.Contains("is a data directory already", again);
        File.Delete(Path.Combine(Data, "erasures"));
        CommandRun warned = await CommandRun.Of("data", "restore", _folder.At("backup"), _folder.At("newer"), "--erasures", Data, "--memory", "16MB");
        Assert.Equal((int)ExitCode.ErasuresUnknown, warned.ExitCode);
        Assert.Contains("who was deleted be back", warned.Error);
        await using ServerFixture served = new(trained);
        await served.StartAsync(trained.Path, _folder.At("new"));
        Assert.Equal(99, served.Server.Database.Customers.Count);
    }

    private Task<CommandRun> LoadAsync(string file, params string[] options)
        => CommandRun.Of(["import", "--data", file, "--directory", Data, "--workspace", trained.Path, "--memory", "16MB", "--json", .. options]);

    private static (int Read, int Created, int Updated, int Duplicates, int Rejected) Counts(JsonObject result)
        => ((int)result["read"]!, (int)result["created"]!, (int)result["updated"]!, (int)result["duplicates"]!, (int)result["rejected"]!["count"]!);
}
