using System.Globalization;
using System.Numerics;
using System.Text;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Server.Services;
using ScoringEngine.Server.Tests.Commands;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Server.Tests.ServerFixture;
using static ScoringEngine.Server.Tests.TrainedWorkspace;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace ScoringEngine.Server.Tests.Hosting;

public sealed class DurableServerTests(TrainedWorkspace trained) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Data => _folder.At("data");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Commit")]
    [InlineData("Interval")]
    [InlineData("None")]
    public async Task Restart_AfterAStop_KeepsCustomersCategoriesAndScores(string durability)
    {
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data, settings: (nameof(ServerOptions.Durability), durability));
        Customer stays = new() { CustomerId = "stays", Features = { Usual } };
        stays.Features[3] = Category(TrainedWorkspace.Category, "of no model");
        UpsertCustomerResponse written = await server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest { Customer = stays });
        string deleted = await server.StoreAsync(Usual);
        DeleteCustomerResponse last = await server.Customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = deleted });
        CustomerScore score = (await server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = "stays" })).Score;

        await server.StopAsync();
        await server.StartAsync(trained.Path, Data);

        Assert.Equal(stays.Features, (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "stays" })).Customer.Features);
        Assert.Equal(score, (await server.Scoring.ScoreAsync(new ScoreRequest { CustomerId = "stays" })).Score);
        Assert.Equal(StatusCode.NotFound, (await FailureOf(server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = deleted }))).Code);
        UpsertCustomerResponse next = await server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest { Customer = stays });
        Assert.False(next.Created);
        Assert.True(next.Sequence > last.Sequence && last.Sequence > written.Sequence);
        Assert.Contains(1201, server.LoggedEvents);
    }

    [Fact]
    public async Task Restart_RequestComesAgain_GetsTheFirstAnswer()
    {
        UpsertCustomerRequest request = new() { Customer = new Customer { CustomerId = "asked twice", Features = { Usual } }, RequestId = "once" };
        DeleteCustomerRequest removal = new() { CustomerId = "asked twice", RequestId = "once" };
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data);
        UpsertCustomerResponse first = await server.Customers.UpsertCustomerAsync(request);
        DeleteCustomerResponse removed = await server.Customers.DeleteCustomerAsync(removal);

        await server.StopAsync();
        await server.StartAsync(trained.Path, Data);

        Assert.Equal(first, await server.Customers.UpsertCustomerAsync(request));
        Assert.Equal(removed, await server.Customers.DeleteCustomerAsync(removal));
        Assert.Equal(StatusCode.NotFound, (await FailureOf(server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "asked twice" }))).Code);
    }

    [Fact]
    public async Task Start_WhileRecovering_AnswersProbesAndSendsCallsAway()
    {
        using ManualResetEventSlim recover = new();
        TaskCompletionSource<Uri> listening = new();
        Task<ScoringServer> starting = ScoringServer.StartAsync(
            new Dictionary<string, string?> { [nameof(ServerOptions.Workspace)] = trained.Path, [nameof(ServerOptions.Port)] = "0", [nameof(ServerOptions.DataDirectory)] = Data },
            builder =>
            {
                builder.Logging.ClearProviders();
                ServiceDescriptor open = builder.Services.Last(s => s.ServiceType == typeof(CustomerDatabase));
                builder.Services.AddSingleton(provider =>
                {
                    recover.Wait();
                    return (CustomerDatabase)open.ImplementationFactory!(provider);
                });
            },
            application => application.Lifetime.ApplicationStarted.Register(() => listening.SetResult(new Uri(application.Urls.Single()))));
        Assert.Same(listening.Task, await Task.WhenAny(listening.Task, starting));
        using GrpcChannel channel = GrpcChannel.ForAddress(await listening.Task);
        Health.HealthClient health = new(channel);
        Protocol.V1.CustomerService.CustomerServiceClient customers = new(channel);

        HealthCheckResponse early = await health.CheckAsync(new HealthCheckRequest());
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "x" }));
        string import = await CommandRun.Fail(ExitCode.Failure, "import", "--data", _folder.Write("x.csv", ""), "--server", channel.Target);
        recover.Set();
        await using ScoringServer server = await starting;

        Assert.Equal(ServingStatus.NotServing, early.Status);
        Assert.Equal((StatusCode.Unavailable, Failure.Starting), (refused.StatusCode, FailureOf(refused.Details()!).Reason));
        Assert.Contains(refused.Details()!.Details, d => d.Is(RetryInfo.Descriptor));
        Assert.Equal($"the scoring engine at {channel.Target} answered Unavailable: the server starts and recovers its customers; ask grpc.health.v1 when it serves", import);
        Assert.Equal(ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal(StatusCode.NotFound, (await FailureOf(customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "x" }))).Code);
    }

    [Fact]
    public async Task Start_DirectoryInUse_SaysByWhom()
    {
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data);

        Assert.Equal($"{Data} is in use by process {Environment.ProcessId}", await FailAsync());
    }

    [Fact]
    public async Task Start_DirectoryThatCannotBeWritten_SaysSo()
        => Assert.StartsWith("/proc/customers cannot be written", await FailAsync("/proc/customers"));

    [Fact]
    public async Task Start_FolderWithOtherThings_IsRefusedUntouched()
    {
        _folder.Write("letter.txt", "dear");

        Assert.Contains("letter.txt", await FailAsync(_folder.Path));

        Assert.Equal(["letter.txt 4"], _folder.Content());
    }

    [Fact]
    public async Task Start_NewerFormat_IsRefused()
    {
        await StoreAsync();
        string manifest = Path.Combine(Data, "MANIFEST");
        string text = File.ReadAllText(manifest).Replace("\"format\": 1", "\"format\": 99", StringComparison.Ordinal);
        text = text[..text.LastIndexOf("crc32c", StringComparison.Ordinal)];
        File.WriteAllText(manifest, string.Create(CultureInfo.InvariantCulture, $"{text}crc32c {Crc(Encoding.UTF8.GetBytes(text)):x8}\n"));

        Assert.StartsWith($"{manifest} has format 99; this program reads up to 1", await FailAsync());
    }

    [Fact]
    public async Task Start_SchemaOfAnotherLineage_NamesEveryFeature()
    {
        await StoreAsync();
        string other = trained.NewFolder();
        TrainedWorkspace.Create(other, new FeatureSchema(Schema.Features.Select(f => f.Id switch
        {
            1 => Schema.Features[1] with { Id = 1 },
            2 => Schema.Features[0] with { Id = 2 },
            _ => f,
        })), target: false);
        TrainVersion(other);

        string message = await FailAsync(workspace: other);

        Assert.Contains("tenure_months", message);
        Assert.Contains("monthly_spend", message);
        Assert.Contains("lineage", message);
    }

    [Fact]
    public async Task Start_DamagedJournal_IsRefusedAndRepairedWhenToldSo()
    {
        await StoreAsync();
        string journal = Directory.GetFiles(Path.Combine(Data, "journal")).Single(f => File.ReadAllBytes(f).AsSpan().IndexOf("second"u8) > 0);
        byte[] bytes = File.ReadAllBytes(journal);
        bytes[bytes.AsSpan().IndexOf("second"u8)] ^= 1;
        File.WriteAllBytes(journal, bytes);

        string message = await FailAsync();
        Assert.StartsWith($"{journal} is damaged at byte ", message);
        Assert.EndsWith("; serve --repair keeps what is provable, and lists what is lost", message);

        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data, settings: (nameof(ServerOptions.Repair), "true"));
        Assert.Contains(1206, server.LoggedEvents);
        Assert.Single(Directory.GetFiles(Data, "repair-*.txt"));
        Assert.Equal("kept", (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = "kept" })).Customer.CustomerId);
    }

    [Fact]
    public async Task Write_DiskFull_IsSentAwayUntilThereIsSpaceAndLoggedOnce()
    {
        FaultyFiles files = new();
        await using ServerFixture server = new(trained);
        await StartAsync(server, files);
        string id = await server.StoreAsync(Usual);
        UpsertCustomerRequest request = new() { Customer = new Customer { CustomerId = "waits", Features = { Usual } }, RequestId = "waits" };

        files.Fail(FileOperation.Write, count: int.MaxValue, outOfSpace: true);
        for (int i = 0; i < 3; i++)
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await server.Customers.UpsertCustomerAsync(request));
            Assert.Equal((StatusCode.ResourceExhausted, Failure.StorageFull), (refused.StatusCode, FailureOf(refused.Details()!).Reason));
            Assert.Contains(refused.Details()!.Details, d => d.Is(RetryInfo.Descriptor));
        }
        Assert.Equal(Usual, (await server.Customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = id })).Customer.Features);
        await LoggedAsync(server, 1204);
        files.Heal();
        await LoggedAsync(server, 1205);

        Assert.True((await server.Customers.UpsertCustomerAsync(request)).Created);
        Assert.Equal(1204, Assert.Single(server.TakeErrors()).EventId);
    }

    /// <summary>Until a removal is durable, nothing is answered that only it makes true.</summary>
    [Fact]
    public async Task Delete_RepeatedWhileTheRemovalIsNotDurable_IsNotAnsweredByNotFound()
    {
        FaultyFiles files = new();
        await using ServerFixture server = new(trained);
        await StartAsync(server, files);
        DeleteCustomerRequest delete = new() { CustomerId = await server.StoreAsync(Usual) };
        UpsertCustomerRequest patch = new() { Customer = new Customer { CustomerId = delete.CustomerId, Features = { Number(Required, 1) } }, UpdateMask = new() { Paths = { $"features.{Required}" } } };

        files.Fail(FileOperation.Write, count: int.MaxValue, outOfSpace: true);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(Failure.StorageFull, (await FailureOf(server.Customers.DeleteCustomerAsync(delete))).Reason);
        }
        Assert.Equal(Failure.StorageFull, (await FailureOf(server.Customers.UpsertCustomerAsync(patch))).Reason);
        await LoggedAsync(server, 1204);
        files.Heal();
        await LoggedAsync(server, 1205);

        Assert.Equal(Failure.CustomerNotFound, (await FailureOf(server.Customers.DeleteCustomerAsync(delete))).Reason);
        Assert.Equal(Failure.CustomerNotFound, (await FailureOf(server.Customers.UpsertCustomerAsync(patch))).Reason);
        Assert.Equal(1204, Assert.Single(server.TakeErrors()).EventId);
    }

    [Fact]
    public async Task Index_TooSmall_IsWarnedOfOnce()
    {
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, data: null, settings: (nameof(ServerOptions.ExpectedCustomers), "1"));
        IndexWatch watch = null!;
        await server.StopAsync();
        await server.StartAsync(trained.Path, data: null, services => services.AddSingleton(provider =>
            watch = ActivatorUtilities.CreateInstance<IndexWatch>(provider)), (nameof(ServerOptions.ExpectedCustomers), "1"));
        long room = server.Server.Database.Customers.Statistics.IndexBytes / 12;
        byte[] id = new byte[4];
        for (int i = 0; i < room; i++)
        {
            BitConverter.TryWriteBytes(id, i);
            server.Server.Database.Customers.Upsert(id, [], new CustomerAttributes(0));
        }

        watch.Check();
        watch.Check();

        Assert.Single(server.LoggedEvents, e => e == 1207);
    }

    [Fact]
    public async Task Data_RunningServer_TellsCompactsAndBacksUp()
    {
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data);
        await server.StoreAsync(Usual);

        DataStatistics before = (await server.Data.GetDataStatisticsAsync(new GetDataStatisticsRequest())).Statistics;
        DataStatistics compacted = (await server.Data.CompactDataAsync(new CompactDataRequest())).Statistics;
        BackupDataResponse backup = await server.Data.BackupDataAsync(new BackupDataRequest { Folder = _folder.At("backup") });
        (StatusCode code, _, (string Field, string)[] relative) = await FailureOf(server.Data.BackupDataAsync(new BackupDataRequest { Folder = "backup" }));
        (_, _, (string Field, string Description)[] full) = await FailureOf(server.Data.BackupDataAsync(new BackupDataRequest { Folder = _folder.At("backup") }));

        Assert.Equal((1ul, Data, Durability.Commit, ""), (before.CustomerCount, before.DataDirectory, before.Durability, before.Fault));
        Assert.Null(before.SnapshotTime);
        Assert.True(before.CommittedSequence > 0 && compacted.CommittedSequence >= before.CommittedSequence);
        Assert.NotNull(compacted.SnapshotTime);
        Assert.Equal(1ul, backup.CustomerCount);
        Assert.True(backup.Sequence >= compacted.CommittedSequence);
        Assert.Equal((StatusCode.InvalidArgument, "folder", "'backup', expected an absolute path"), (code, relative.Single().Field, relative.Single().Item2));
        Assert.Contains(_folder.At("backup"), full.Single().Description);
    }

    [Fact]
    public async Task Data_MemoryOnly_HasNothingToCompactOrBackUp()
    {
        await using ServerFixture server = new(trained);
        await server.InitializeAsync();

        DataStatistics statistics = (await server.Data.GetDataStatisticsAsync(new GetDataStatisticsRequest())).Statistics;
        (StatusCode compact, string reason, _) = await FailureOf(server.Data.CompactDataAsync(new CompactDataRequest()));
        (StatusCode backup, _, _) = await FailureOf(server.Data.BackupDataAsync(new BackupDataRequest { Folder = "/x" }));

        Assert.Equal((Durability.Memory, ""), (statistics.Durability, statistics.DataDirectory));
        Assert.Equal((StatusCode.FailedPrecondition, StatusCode.FailedPrecondition, Failure.NoDataDirectory), (compact, backup, reason));
    }

    /// <summary>A server whose customers are on files that can fail.</summary>
    private Task StartAsync(ServerFixture server, FaultyFiles files) => server.StartAsync(trained.Path, data: null, services => services.AddSingleton(provider =>
    {
        ILogger log = provider.GetRequiredService<ILogger<CustomerDatabase>>();
        CustomerDatabaseOptions options = new() { Directory = "/data", Notify = notice => ServerLog.Of(log, notice) };
        return CustomerDatabase.Open(options, trained.Workspace.Schema.Features, TimeProvider.System, files, held: null);
    }));

    private async Task StoreAsync()
    {
        await using ServerFixture server = new(trained);
        await server.StartAsync(trained.Path, Data);
        foreach (string id in new[] { "first", "second", "kept" })
        {
            await server.Customers.UpsertCustomerAsync(new UpsertCustomerRequest { Customer = new Customer { CustomerId = id, Features = { Usual } } });
        }
    }

    private static async Task LoggedAsync(ServerFixture server, int eventId)
    {
        while (!server.LoggedEvents.Contains(eventId))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    // What the command says in one line.
    private async Task<string> FailAsync(string? data = null, string? workspace = null)
        => await CommandRun.Fail(ExitCode.Failure, "serve", "--workspace", workspace ?? trained.Path, "--port", "0", "--memory", "16MB", "--data", data ?? Data);

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }
        return ~crc;
    }
}
