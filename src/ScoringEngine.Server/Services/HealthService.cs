using System.Collections.Immutable;
using Grpc.Core;
using Grpc.Health.V1;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace ScoringEngine.Server.Services;

/// <summary>
/// The standard <c>grpc.health.v1</c> service. The server as a whole is the service named "" and does not serve until
/// told so. Thread safe; register one instance.
/// </summary>
internal sealed class HealthService : Health.HealthBase
{
    private readonly Lock _writer = new();
    private volatile State _state =
        new(ImmutableDictionary<string, ServingStatus>.Empty.Add("", ServingStatus.NotServing), IsShutDown: false);

    /// <summary>Sets the status of a service and tells its watchers. After <see cref="Shutdown"/> it does nothing.</summary>
    /// <param name="service">The service's full name; empty for the server as a whole.</param>
    /// <param name="status">Anything but <see cref="ServingStatus.ServiceUnknown"/>, which is for services never set.</param>
    public void SetStatus(string service, ServingStatus status)
    {
        ArgumentNullException.ThrowIfNull(service);
        if (status == ServingStatus.ServiceUnknown)
        {
            throw new ArgumentOutOfRangeException(nameof(status), status, "A service that has a status is known.");
        }
        Update(state => state.Statuses.SetItem(service, status), shutDown: false);
    }

    /// <summary>
    /// Sets every known service to NOT_SERVING for good; watchers are told and their streams end, which lets the server
    /// stop.
    /// </summary>
    public void Shutdown() => Update(
        state => state.Statuses.ToImmutableDictionary(entry => entry.Key, _ => ServingStatus.NotServing), shutDown: true);

    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        _state.Statuses.TryGetValue(request.Service, out ServingStatus status)
            ? Task.FromResult(new HealthCheckResponse { Status = status })
            : throw new RpcException(new Status(StatusCode.NotFound, $"The service \"{request.Service}\" is not known."));

    /// <inheritdoc/>
    public override Task<HealthListResponse> List(HealthListRequest request, ServerCallContext context)
    {
        HealthListResponse response = new();
        foreach ((string service, ServingStatus status) in _state.Statuses)
        {
            response.Statuses.Add(service, new HealthCheckResponse { Status = status });
        }
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    /// <remarks>A watcher slower than the changes gets the last of them, so its memory is bounded.</remarks>
    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        ServingStatus? sent = null;
        while (true)
        {
            State state = _state;
            ServingStatus status = state.Statuses.GetValueOrDefault(request.Service, ServingStatus.ServiceUnknown);
            if (status != sent)
            {
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
                sent = status;
            }
            if (state.IsShutDown)
            {
                return;
            }
            await state.Replaced.Task.WaitAsync(context.CancellationToken);
        }
    }

    private void Update(Func<State, ImmutableDictionary<string, ServingStatus>> change, bool shutDown)
    {
        State old;
        lock (_writer)
        {
            old = _state;
            if (old.IsShutDown)
            {
                return;
            }
            _state = new State(change(old), shutDown);
        }
        old.Replaced.SetResult();
    }

    /// <summary>Everything that is known at one time; immutable but for the signal that a newer state has replaced it.</summary>
    private sealed record State(ImmutableDictionary<string, ServingStatus> Statuses, bool IsShutDown)
    {
        /// <summary>Continuations run elsewhere, so that a setter never runs a watcher's code.</summary>
        public TaskCompletionSource Replaced { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
