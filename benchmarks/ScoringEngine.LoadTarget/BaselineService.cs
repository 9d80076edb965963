using Grpc.Core;
using ScoringEngine.LoadTarget.V1;
using ScoringEngine.Protocol.V1;

namespace ScoringEngine.LoadTarget;

/// <summary>Handlers that cost nothing of their own.</summary>
internal sealed class BaselineService : V1.LoadTargetService.LoadTargetServiceBase
{
    private static readonly EmptyResponse Nothing = new();

    /// <summary>What <see cref="Prebuilt"/> answers.</summary>
    public ScoreResponse Response { get; set; } = new();

    public override Task<EmptyResponse> Empty(EmptyRequest request, ServerCallContext context) => Task.FromResult(Nothing);

    public override Task<ScoreResponse> Prebuilt(ScoreRequest request, ServerCallContext context) => Task.FromResult(Response);
}
