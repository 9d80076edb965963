using System.Collections.Concurrent;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Server.Services;
using RpcStatus = Google.Rpc.Status;

namespace ScoringEngine.Server.Tests;

/// <summary>
/// A server on a free port with a clock driven by hand, and its clients. When it is disposed, an error that was logged and
/// not expected fails the tests.
/// </summary>
public sealed class ServerFixture(TrainedWorkspace workspace) : IAsyncLifetime
{
    private readonly LogRecorder _log = new();
    private ScoringServer? _server;
    private GrpcChannel? _channel;

    public TrainedWorkspace Trained { get; } = workspace;

    internal ManualTime Time { get; } = new();

    internal ScoringServer Server => _server!;

    public GrpcChannel Channel => _channel!;

    public string Address => $"127.0.0.1:{Server.Address.Port}";

    public Protocol.V1.ScoringService.ScoringServiceClient Scoring => new(Channel);

    public Protocol.V1.CustomerService.CustomerServiceClient Customers => new(Channel);

    public Protocol.V1.ModelService.ModelServiceClient Models => new(Channel);

    public Protocol.V1.DataService.DataServiceClient Data => new(Channel);

    public Protocol.V1.DecisionService.DecisionServiceClient Decisions => new(Channel);

    public Protocol.V1.StrategyService.StrategyServiceClient Strategies => new(Channel);

    public Protocol.V1.ValueService.ValueServiceClient Values => new(Channel);

    public async ValueTask InitializeAsync() => await StartAsync(Trained.Path);

    public Task StartAsync(string directory) => StartAsync(directory, data: null);

    /// <summary>Starts, or starts again after <see cref="StopAsync"/>.</summary>
    /// <param name="directory">The workspace.</param>
    /// <param name="data">The data directory; null for none.</param>
    /// <param name="configure">Replaces services.</param>
    /// <param name="settings">Further settings by name.</param>
    internal async Task StartAsync(string directory, string? data, Action<IServiceCollection>? configure = null, params (string Name, string Value)[] settings)
    {
        _server = await StartServerAsync(directory, builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(Time);
            builder.Logging.ClearProviders().AddProvider(_log);
            configure?.Invoke(builder.Services);
        }, settings: data is null ? settings : [(nameof(ServerOptions.DataDirectory), data), .. settings]);
        _channel = GrpcChannel.ForAddress(_server.Address);
    }

    /// <summary>Stops the server as SIGTERM does.</summary>
    public async Task StopAsync()
    {
        _channel!.Dispose();
        await _server!.DisposeAsync();
    }

    internal static Task<ScoringServer> StartServerAsync(string directory, Action<Microsoft.AspNetCore.Builder.WebApplicationBuilder>? configure = null, int port = 0,
        params (string Name, string Value)[] settings)
        => ScoringServer.StartAsync(
        [
            KeyValuePair.Create(nameof(ServerOptions.Workspace), (string?)directory),
            KeyValuePair.Create(nameof(ServerOptions.Port), (string?)$"{port}"),
            KeyValuePair.Create(nameof(ServerOptions.MemoryBytes), (string?)"16777216"),
            .. settings.Select(s => KeyValuePair.Create(s.Name, (string?)s.Value)),
        ], configure);

    /// <summary>Everything logged since the server started, by event id.</summary>
    public int[] LoggedEvents => _log.Events;

    /// <summary>The errors logged since the last call, which are then no longer unexpected.</summary>
    public (int EventId, string Message)[] TakeErrors() => _log.Take();

    /// <summary>Stores a customer and returns its id.</summary>
    public async Task<string> StoreAsync(params FeatureValue[] features)
    {
        string id = Guid.NewGuid().ToString("N");
        await Customers.UpsertCustomerAsync(new UpsertCustomerRequest { Customer = new Customer { CustomerId = id, Features = { features } } });
        return id;
    }

    public static FeatureValue Number(string name, double value) => new() { Name = name, Number = value };

    public static FeatureValue Category(string name, string value) => new() { Name = name, Category = value };

    public static FeatureValue Flag(string name, bool value) => new() { Name = name, Flag = value };

    /// <summary>A customer as most tests need one.</summary>
    public static FeatureValue[] Usual { get; } =
    [
        Number(TrainedWorkspace.Required, 24), Number(TrainedWorkspace.Number, 55.5),
        Flag(TrainedWorkspace.Flag, true), Category(TrainedWorkspace.Category, "premium"),
    ];

    /// <summary>The failure of a call: code, ErrorInfo's reason, and the violations.</summary>
    public static async Task<(StatusCode Code, string Reason, (string Field, string Description)[] Violations)> FailureOf<T>(AsyncUnaryCall<T> call)
    {
        RpcException exception = await Assert.ThrowsAsync<RpcException>(async () => await call);
        RpcStatus status = exception.Details() ?? throw new InvalidOperationException($"no details: {exception.Status}");
        Assert.Equal((int)exception.StatusCode, status.Code);
        Assert.Equal(exception.Status.Detail, status.Message);
        return FailureOf(status);
    }

    public static (StatusCode Code, string Reason, (string Field, string Description)[] Violations) FailureOf(RpcStatus status)
    {
        ErrorInfo info = status.Details[0].Unpack<ErrorInfo>();
        Assert.Equal("scoring-engine", info.Domain);
        BadRequest? request = status.Details.FirstOrDefault(d => d.Is(BadRequest.Descriptor))?.Unpack<BadRequest>();
        return ((StatusCode)status.Code, info.Reason, [.. request?.FieldViolations.Select(v => (v.Field, v.Description)) ?? []]);
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
        Assert.Empty(_log.Take());
    }

    private sealed class LogRecorder : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<(int, string)> _errors = new();
        private readonly ConcurrentQueue<int> _events = new();

        public int[] Events => [.. _events];

        public (int, string)[] Take()
        {
            List<(int, string)> taken = [];
            while (_errors.TryDequeue(out (int, string) error))
            {
                taken.Add(error);
            }
            return [.. taken];
        }

        public ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            _events.Enqueue(eventId.Id);
            if (logLevel >= LogLevel.Error)
            {
                _errors.Enqueue((eventId.Id, formatter(state, exception) + " " + exception));
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void Dispose()
        {
        }
    }
}

/// <summary>A clock that stands still until it is moved, and fails when told to.</summary>
internal sealed class ManualTime : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public Exception? Failure { get; set; }

    public override DateTimeOffset GetUtcNow() => Failure is null ? Now : throw Failure;
}
