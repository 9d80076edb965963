using System.Net;
using Grpc.AspNetCore.Server.Model;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging.Console;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Services;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Hosting;

/// <summary>
/// A running server: gRPC over HTTP/2 without TLS, on the loopback address unless told otherwise. It starts only with a
/// workspace and a version that load, and listens while it recovers the customers: its health is NOT_SERVING until it answers
/// and again from the moment it stops.
/// </summary>
internal sealed class ScoringServer : IAsyncDisposable
{
    private static readonly string[] Services =
    [
        "", Protocol.V1.ScoringService.Descriptor.FullName, Protocol.V1.CustomerService.Descriptor.FullName,
        Protocol.V1.ModelService.Descriptor.FullName, Protocol.V1.DataService.Descriptor.FullName,
        Protocol.V1.DecisionService.Descriptor.FullName, Protocol.V1.StrategyService.Descriptor.FullName, Protocol.V1.ValueService.Descriptor.FullName,
    ];

    private readonly WebApplication _application;
    private readonly HealthService _health;
    private readonly ServerOptions _options;
    private readonly ILogger _log;
    private bool _stopped;

    private ScoringServer(WebApplication application, ServerOptions options)
    {
        _application = application;
        _options = options;
        Model = application.Services.GetRequiredService<ModelHolder>().Current;
        Address = new Uri(application.Urls.Single());
        _health = application.Services.GetRequiredService<HealthService>();
        _log = application.Services.GetRequiredService<ILogger<ScoringServer>>();
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>What it started with.</summary>
    public ServedModel Model { get; }

    /// <summary>The customers.</summary>
    public CustomerDatabase Database => _application.Services.GetRequiredService<CustomerDatabase>();

    /// <summary>The folder that keeps them; null when they are in memory only.</summary>
    public string? DataDirectory => _options.DataDirectory;

    /// <summary>Starts a server.</summary>
    /// <param name="settings">Values of <see cref="ServerOptions"/> by name; they override the configuration.</param>
    /// <param name="configure">Called before the services are built: other clocks, loggers and services.</param>
    /// <param name="map">Called before the start: further endpoints.</param>
    /// <param name="recovery">Told how far the recovery of the customers has got; null to log it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="CommandFailure">A setting is out of range, the port is in use, or the data directory is damaged.</exception>
    /// <exception cref="WorkspaceException">The workspace has problems.</exception>
    /// <exception cref="InvalidDataException">The version cannot be loaded, or the data directory holds customers of another schema.</exception>
    /// <exception cref="IOException">The data directory is in use, no such directory, or cannot be written.</exception>
    public static async Task<ScoringServer> StartAsync(IEnumerable<KeyValuePair<string, string?>> settings,
        Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? map = null, IProgress<RecoveryProgress>? recovery = null,
        CancellationToken cancellation = default)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings.Select(s => KeyValuePair.Create($"{ServerOptions.Section}:{s.Key}", s.Value)));
        ServerOptions options = ServerOptions.Read(builder.Configuration);
        ConfigureLogging(builder.Logging);
        AddServices(builder.Services, options, recovery, cancellation);
        configure?.Invoke(builder);
        WebApplication application = builder.Build();
        try
        {
            application.Services.GetRequiredService<LoadedVersion>();
            Map(application);
            map?.Invoke(application);
            await ListenAsync(application, options, cancellation);
            await Task.Run(() => application.Services.GetRequiredService<DecisionLog>(), cancellation);
            ScoringServer server = new(application, options);
            server.BeginServing();
            return server;
        }
        catch
        {
            await application.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Stops: health says NOT_SERVING first, then new connections are refused and running calls have
    /// <see cref="ServerOptions.DrainSeconds"/> to end.
    /// </summary>
    public async Task StopAsync()
    {
        if (_stopped)
        {
            return;
        }
        _stopped = true;
        ServerLog.Stopping(_log, _options.DrainSeconds);
        _health.Shutdown();
        await _application.StopAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _application.DisposeAsync();
    }

    private static void ConfigureLogging(ILoggingBuilder logging)
    {
        // Standard output belongs to the command's result.
        logging.ClearProviders();
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.ColorBehavior = LoggerColorBehavior.Disabled;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("Grpc", LogLevel.Warning);
        // What fails at the start is told once, by the command.
        logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
    }

    private static void AddServices(IServiceCollection services, ServerOptions options, IProgress<RecoveryProgress>? recovery, CancellationToken cancellation)
    {
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Parse(options.Address), options.Port, listen => listen.Protocols = HttpProtocols.Http2);
        });
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.DrainSeconds));
        // The command handles Ctrl+C and SIGTERM.
        services.AddSingleton<IHostLifetime, NoLifetime>();
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = ServerOptions.MaxMessageBytes;
            grpc.MaxSendMessageSize = ServerOptions.MaxMessageBytes;
            grpc.Interceptors.Add<FailureInterceptor>();
        });
        services.RemoveAll(typeof(IServiceMethodProvider<>));
        services.AddSingleton(typeof(IServiceMethodProvider<>), typeof(CheckedMethodProvider<>));
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<FailureInterceptor>();
        services.AddSingleton<HealthService>();
        services.AddSingleton<ReflectionService>();
        services.AddSingleton<ScoringService>();
        services.AddSingleton<CustomerService>();
        services.AddSingleton<ModelService>();
        services.AddSingleton<DataService>();
        services.AddSingleton<DecisionService>();
        services.AddSingleton<StrategyService>();
        services.AddSingleton<ValueService>();
        services.AddSingleton<CustomerRows>();
        services.AddSingleton<Decider>();
        services.AddSingleton<DecisionHistory>();
        services.AddSingleton<OutcomeRecorder>();
        services.AddSingleton<AcknowledgedStream>();
        services.AddSingleton<StartGate>();
        services.AddSingleton<IndexWatch>();
        services.AddSingleton(options);
        services.AddSingleton(provider => LoadedVersion.Load(options.Workspace, options.Version == 0 ? null : options.Version, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => OpenDatabase(options, provider, recovery, cancellation));
        services.AddSingleton(provider => OpenLog(options, provider, cancellation));
        services.AddSingleton<ModelLoader>();
        services.AddSingleton(provider => new ModelHolder(provider.GetRequiredService<ModelLoader>().Serve(provider.GetRequiredService<LoadedVersion>())));
    }

    private static CustomerDatabase OpenDatabase(
        ServerOptions options, IServiceProvider provider, IProgress<RecoveryProgress>? recovery, CancellationToken cancellation)
    {
        ILogger log = provider.GetRequiredService<ILogger<CustomerDatabase>>();
        TimeProvider time = provider.GetRequiredService<TimeProvider>();
        LoadedVersion version = provider.GetRequiredService<LoadedVersion>();
        FeatureSchema schema = version.Workspace.Schema.Features;
        CustomerDatabaseOptions database = new()
        {
            Directory = options.DataDirectory,
            Durability = options.Durability,
            CommitInterval = TimeSpan.FromMilliseconds(options.CommitIntervalMs),
            SnapshotInterval = TimeSpan.FromSeconds(options.SnapshotSeconds),
            SnapshotJournalBytes = options.SnapshotJournalBytes,
            Repair = options.Repair,
            Store = CustomerData.StoreOptions(options.MemoryBytes, options.ExpectedCustomers, schema) with { MaxContactEvents = version.ContactEvents },
            Notify = notice => ServerLog.Of(log, notice),
        };
        CustomerDatabase opened = CustomerData.Open(database, schema, time, recovery ?? new RecoveryLog(log, time), cancellation);
        if (opened.IsDurable)
        {
            ServerLog.Recovered(log, opened.Customers.Count, options.DataDirectory!, opened.Statistics.RecoveryTime.TotalSeconds);
        }
        return opened;
    }

    private static DecisionLog OpenLog(ServerOptions options, IServiceProvider provider, CancellationToken cancellation)
    {
        Policy policy = provider.GetRequiredService<LoadedVersion>().Workspace.Policy;
        DecisionLogOptions log = new() { DecisionRetention = policy.DecisionRetention, ValueRetention = policy.ValueRetention };
        return CustomerData.OpenLog(log, provider.GetRequiredService<CustomerDatabase>(), provider.GetRequiredService<TimeProvider>(), options.Repair, cancellation);
    }

    private static void Map(WebApplication application)
    {
        application.MapGrpcService<ScoringService>();
        application.MapGrpcService<CustomerService>();
        application.MapGrpcService<ModelService>();
        application.MapGrpcService<DataService>();
        application.MapGrpcService<DecisionService>();
        application.MapGrpcService<StrategyService>();
        application.MapGrpcService<ValueService>();
        application.MapGrpcService<HealthService>();
        application.MapGrpcService<ReflectionService>();
    }

    private static async Task ListenAsync(WebApplication application, ServerOptions options, CancellationToken cancellation)
    {
        try
        {
            await application.StartAsync(cancellation);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new CommandFailure($"port {options.Port} on {options.Address} is in use; choose another one with --port (0: any free one)");
        }
    }

    private void BeginServing()
    {
        _application.Services.GetRequiredService<IndexWatch>().Start();
        _application.Services.GetRequiredService<StartGate>().Open();
        foreach (string service in Services)
        {
            _health.SetStatus(service, HealthCheckResponse.Types.ServingStatus.Serving);
        }
        ServerLog.Serving(_log, Model.Workspace.Name, Model.Models.Manifest.Version, Address.ToString());
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
