using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1;
using Microsoft.Extensions.Logging;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;
using Durability = ScoringEngine.Storage.Journals.Durability;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace ScoringEngine.Server.Tests.Hosting;

public class ScoringServerTests(TrainedWorkspace trained)
{
    [Theory]
    [InlineData("")]
    [InlineData("scoring.v1.ScoringService")]
    [InlineData("scoring.v1.CustomerService")]
    [InlineData("scoring.v1.ModelService")]
    [InlineData("scoring.v1.DataService")]
    [InlineData("scoring.v1.DecisionService")]
    [InlineData("scoring.v1.StrategyService")]
    [InlineData("scoring.v1.ValueService")]
    public async Task Health_FromStartToStop_ServesUntilTheStop(string service)
    {
        await using ServerFixture server = new(trained);
        await server.InitializeAsync();
        Health.HealthClient health = new(server.Channel);
        using AsyncServerStreamingCall<HealthCheckResponse> watch = health.Watch(new HealthCheckRequest { Service = service });

        Assert.True(await watch.ResponseStream.MoveNext());
        Assert.Equal(ServingStatus.Serving, watch.ResponseStream.Current.Status);
        await server.Server.StopAsync();
        Assert.True(await watch.ResponseStream.MoveNext());
        Assert.Equal(ServingStatus.NotServing, watch.ResponseStream.Current.Status);
        Assert.False(await watch.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Reflection_RunningServer_ListsEveryService()
    {
        await using ServerFixture server = new(trained);
        await server.InitializeAsync();
        using AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> call =
            new ServerReflection.ServerReflectionClient(server.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "*" });

        Assert.True(await call.ResponseStream.MoveNext());

        Assert.Equal(
        [
            "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
            "scoring.v1.CustomerService", "scoring.v1.DataService", "scoring.v1.DecisionService", "scoring.v1.ModelService",
            "scoring.v1.ScoringService", "scoring.v1.StrategyService", "scoring.v1.ValueService",
        ], call.ResponseStream.Current.ListServicesResponse.Service.Select(s => s.Name));
        await call.RequestStream.CompleteAsync();
    }

    [Fact]
    public async Task Start_PortInUse_SaysSoInOneLine()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;

        CommandFailure failure = await Assert.ThrowsAsync<CommandFailure>(() => ServerFixture.StartServerAsync(trained.Path, port: port));

        Assert.Equal($"port {port} on 127.0.0.1 is in use; choose another one with --port (0: any free one)", failure.Message);
        Assert.Equal(ExitCode.Failure, failure.ExitCode);
    }

    [Theory]
    [InlineData(nameof(ServerOptions.Port), "65536", "Port: expected 0 to 65535")]
    [InlineData(nameof(ServerOptions.Port), "-1", "Port: expected 0 to 65535")]
    [InlineData(nameof(ServerOptions.Version), "-1", "Version: expected 0 to 2147483647")]
    [InlineData(nameof(ServerOptions.MemoryBytes), "16777215", "MemoryBytes: expected 16777216 to 1099511627776")]
    [InlineData(nameof(ServerOptions.MemoryBytes), "1099511627777", "MemoryBytes: expected 16777216 to 1099511627776")]
    [InlineData(nameof(ServerOptions.DrainSeconds), "301", "DrainSeconds: expected 0 to 300")]
    [InlineData(nameof(ServerOptions.Workspace), "", "Workspace: empty, expected a folder")]
    [InlineData(nameof(ServerOptions.Address), "localhost", "Address: 'localhost', expected an IP address such as 127.0.0.1 or 0.0.0.0")]
    [InlineData(nameof(ServerOptions.ExpectedCustomers), "-1", "ExpectedCustomers: expected 0 to 10000000000")]
    [InlineData(nameof(ServerOptions.DataDirectory), "", "DataDirectory: empty, expected a folder")]
    [InlineData(nameof(ServerOptions.Durability), "commit", "Durability: customers are in memory only, expected a DataDirectory (--data)")]
    [InlineData(nameof(ServerOptions.Repair), "true", "Repair: customers are in memory only, expected a DataDirectory (--data)")]
    [InlineData(nameof(ServerOptions.Port), "http", "Failed to convert configuration value 'http' at 'ScoringEngine:Port' to type 'System.Int32'.")]
    public async Task Start_OptionOutOfRange_NamesItAndItsRange(string name, string value, string expected)
    {
        CommandFailure failure = await Assert.ThrowsAsync<CommandFailure>(() => ScoringServer.StartAsync([KeyValuePair.Create(name, (string?)value)]));

        Assert.Equal((expected, ExitCode.Usage), (failure.Message, failure.ExitCode));
    }

    [Theory]
    [InlineData(nameof(ServerOptions.Durability), "5", "Durability: expected Commit, Interval or None")]
    [InlineData(nameof(ServerOptions.CommitIntervalMs), "0", "CommitIntervalMs: expected 1 to 3600000")]
    [InlineData(nameof(ServerOptions.SnapshotSeconds), "604801", "SnapshotSeconds: expected 1 to 604800")]
    [InlineData(nameof(ServerOptions.SnapshotJournalBytes), "65535", "SnapshotJournalBytes: expected 65536 to 1099511627776")]
    public async Task Start_DataOptionOutOfRange_NamesItAndItsRange(string name, string value, string expected)
    {
        CommandFailure failure = await Assert.ThrowsAsync<CommandFailure>(() => ScoringServer.StartAsync(
            [KeyValuePair.Create(nameof(ServerOptions.DataDirectory), (string?)"data"), KeyValuePair.Create(name, (string?)value)]));

        Assert.Equal((expected, ExitCode.Usage), (failure.Message, failure.ExitCode));
    }

    [Fact]
    public void Options_Defaults_AreThoseDocumented()
    {
        ServerOptions options = new();

        Assert.Equal((".", 0, "127.0.0.1", 5005, 1L << 30, 10), (options.Workspace, options.Version, options.Address, options.Port, options.MemoryBytes, options.DrainSeconds));
        Assert.Equal((null, Durability.Commit, 100, 3600, 1L << 30, false, 0L), (options.DataDirectory, options.Durability, options.CommitIntervalMs,
            options.SnapshotSeconds, options.SnapshotJournalBytes, options.Repair, options.ExpectedCustomers));
    }

    [Fact]
    public async Task Start_NoWorkspace_SaysSo()
    {
        WorkspaceException exception = await Assert.ThrowsAsync<WorkspaceException>(() => ServerFixture.StartServerAsync(trained.NewFolder()));

        Assert.Contains("no such folder", exception.Message);
    }

    [Fact]
    public async Task Start_NoVersion_SaysSo()
    {
        string directory = trained.NewFolder();
        TrainedWorkspace.Create(directory, TrainedWorkspace.Schema, target: false);

        InvalidDataException exception = await Assert.ThrowsAsync<InvalidDataException>(() => ServerFixture.StartServerAsync(directory));

        Assert.Contains("no trained version", exception.Message);
    }

    [Fact]
    public async Task Start_DamagedVersion_IsRefused()
    {
        string directory = trained.NewFolder();
        TrainedWorkspace.Create(directory, TrainedWorkspace.Schema, target: false);
        TrainedWorkspace.TrainVersion(directory);
        string file = Path.Combine(directory, "1", "model.pb");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(file, bytes);

        InvalidDataException exception = await Assert.ThrowsAsync<InvalidDataException>(() => ServerFixture.StartServerAsync(directory));

        Assert.Contains(file, exception.Message);
    }

    [Fact]
    public async Task Stop_Twice_IsFine()
    {
        ScoringServer server = await ServerFixture.StartServerAsync(trained.Path, builder => builder.Logging.ClearProviders());
        using GrpcChannel channel = GrpcChannel.ForAddress(server.Address);

        await server.StopAsync();
        await server.StopAsync();
        await server.DisposeAsync();

        await Assert.ThrowsAsync<RpcException>(async () => await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest()));
    }
}
