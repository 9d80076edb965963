using System.Collections.Immutable;
using Grpc.Core;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Services;

/// <summary>Tells strategies and catalogue of the workspace that is served. Thread-safe; register one instance.</summary>
internal sealed class StrategyService(ModelHolder models, DecisionLog log, TimeProvider time) : Protocol.V1.StrategyService.StrategyServiceBase
{
    private const int MaxPageSize = 1000;
    private const int DefaultPageSize = 100;

    /// <inheritdoc/>
    public override Task<GetSegmentStrategyResponse> GetSegmentStrategy(GetSegmentStrategyRequest request, ServerCallContext context)
    {
        ServedModel model = models.Current;
        Core.Value.Tier? tier = request.Tier == Protocol.V1.Tier.Unspecified ? null
            : Enum.GetValues<Core.Value.Tier>().Cast<Core.Value.Tier?>().FirstOrDefault(t => Messages.Of(t!.Value) == request.Tier);
        if (tier is null && request.Tier != Protocol.V1.Tier.Unspecified)
        {
            Violations violations = default;
            violations.Add("tier", $"{(int)request.Tier}, expected a Tier");
            violations.ThrowIfAny();
        }
        StrategyView view = StrategyView.Of(model.Workspace, model.Models, (int)request.SegmentId, tier, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime));
        if (view.Segment is not { } segment)
        {
            throw Failure.Of(StatusCode.NotFound, Failure.SegmentNotFound,
                $"version {model.Models.Manifest.Version} of model '{model.Workspace.Name}' has no segment {request.SegmentId}").ToException();
        }
        GetSegmentStrategyResponse response = new()
        {
            SegmentId = (uint)segment.Id,
            SegmentName = segment.Name,
            SegmentDescription = segment.Description,
            Needs = StrategyMessages.Of(model.Workspace.Needs, view.Needs),
        };
        response.Strategies.AddRange(view.Strategies.Select(StrategyMessages.Of));
        response.PropositionIds.AddRange(view.Propositions.Where(p => p.Unreachable is null).Select(p => p.Proposition.Id));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<ListStrategiesResponse> ListStrategies(ListStrategiesRequest request, ServerCallContext context)
    {
        Workspace workspace = models.Current.Workspace;
        ListStrategiesResponse response = new();
        response.Strategies.AddRange(workspace.Strategies.Select(s => StrategyMessages.Of(StrategyArticle.Of(workspace, s))));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<ListPropositionsResponse> ListPropositions(ListPropositionsRequest request, ServerCallContext context)
    {
        Violations violations = default;
        if (request.PageSize > MaxPageSize)
        {
            violations.Add("page_size", $"{request.PageSize}, expected 0 to {MaxPageSize}");
        }
        violations.ThrowIfAny();
        // The token is the id at which the page starts, so that a proposition added meanwhile shifts nothing.
        ServedModel model = models.Current;
        ImmutableArray<Proposition> catalogue = model.Workspace.Propositions;
        int size = request.PageSize == 0 ? DefaultPageSize : (int)request.PageSize;
        Proposition[] page = [.. catalogue.SkipWhile(p => string.CompareOrdinal(p.Id, request.PageToken) < 0).Take(size + 1)];
        ListPropositionsResponse response = new() { NextPageToken = page.Length > size ? page[size].Id : "" };
        response.Propositions.AddRange(page.Take(size).Select(p => Describe(p, model)));
        return Task.FromResult(response);
    }

    private PropositionDefinition Describe(Proposition proposition, ServedModel model)
    {
        PropositionDefinition message = StrategyMessages.Of(proposition);
        int number = model.Decisions.NumberOf(model.CandidateIndexes[proposition.Id]);
        CandidateCounts counts = log.Counts.Read(number, segmentId: 0);
        message.Offers = counts.Offers;
        message.Acceptances = counts.Acceptances;
        Span<double> money = stackalloc double[1];
        Span<double> volume = stackalloc double[1];
        log.Budgets.Left([number], money, volume);
        if (double.IsFinite(money[0]))
        {
            message.BudgetLeft = money[0];
        }
        if (double.IsFinite(volume[0]))
        {
            message.VolumeLeft = (long)volume[0];
        }
        return message;
    }
}
