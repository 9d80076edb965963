using System.Text.Json.Nodes;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Tests.Commands;

public sealed class ImportResumeTests(ServerFixture server) : IClassFixture<ServerFixture>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Import_ConnectionsBreak_EveryRowIsWrittenAndCounted()
    {
        const int Rows = 20_000;
        string file = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(Rows).Replace("\nC", "\nbroken-", StringComparison.Ordinal) + "broken-bad,-1,2,yes,basic,1,1\n");
        // The first connection is the question what is served; the import's calls share it, and break after some blocks.
        await using BreakingProxy proxy = new(server.Server.Address.Port, 200_000, 1000, 300_000);

        CommandRun run = await CommandRun.Of("import", "--data", file, "--server", proxy.Address, "--json");

        Assert.Equal(3, run.ExitCode);
        Assert.Equal(3, proxy.Broken);
        Assert.Equal((Rows + 1, Rows, 1), ((int)run.Json["read"]!, (int)run.Json["created"]! + (int)run.Json["updated"]!, (int)run.Json["rejected"]!["count"]!));
        Assert.InRange((int)run.Json["updated"]!, 0, (int)run.Json["resent"]!);
        Assert.InRange((int)run.Json["resent"]!, 1, Rows);
        Assert.Equal(3, run.Error.Split('\n').Count(line => line.Contains("; going on after row ", StringComparison.Ordinal)));
        Assert.Contains($"rejected: {file}:{Rows + 2}: column 'tenure_months'", run.Error);
        foreach (int i in new[] { 0, 1, Rows / 2, Rows - 1 })
        {
            Customer customer = (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = $"broken-{i}" })).Customer;
            Assert.Equal(10 + (i * 37 % 101), customer.Features[1].Number);
        }
    }

    [Fact]
    public async Task Import_ServerStaysAway_GivesUpAndSaysHowFarItCame()
    {
        string file = _folder.Write("customers.csv", TrainedWorkspace.CustomerRows(20_000).Replace("\nC", "\naway-", StringComparison.Ordinal));
        await using BreakingProxy proxy = new(server.Server.Address.Port, 200_000, 0, 0, 0, 0);

        CommandRun run = await CommandRun.Of("import", "--data", file, "--server", proxy.Address, "--retries", "2", "--json");

        Assert.Equal((int)ExitCode.Failure, run.ExitCode);
        Assert.Matches(@"the connection broke \(.+\); [0-9,]+ rows are written, sending them again does no harm", (string)run.Json["error"]!["message"]!);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("many")]
    public async Task Import_RetriesThatAreNoNumber_IsAUsageError(string retries)
    {
        CommandRun run = await CommandRun.Of("import", "--data", "x.csv", "--retries", retries, "--json");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"'{retries}', expected a number from 0 to 1,000,000", (string)((JsonObject)run.Json["error"]!)["message"]!);
    }
}
