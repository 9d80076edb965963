using Grpc.Core;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Storage;
using RpcStatus = Google.Rpc.Status;

namespace ScoringEngine.Server.Services;

/// <summary>Decides, learns outcomes, and tells of decisions. Thread-safe; register one instance.</summary>
internal sealed class DecisionService(Decider decider, OutcomeRecorder outcomes, DecisionHistory history, DecisionLog log, AcknowledgedStream streams)
    : Protocol.V1.DecisionService.DecisionServiceBase
{
    // Enough to keep the committer busy, little enough to forget.
    private const int MaxUncommittedDecisions = 256;
    private const int MaxUncommittedRequests = 16;

    /// <inheritdoc/>
    public override async Task<DecideResponse> Decide(DecideRequest request, ServerCallContext context)
    {
        PendingDecision pending = decider.Decide(request);
        return new DecideResponse { Decision = await decider.CompleteAsync(pending, context.CancellationToken) };
    }

    /// <inheritdoc/>
    public override Task StreamDecide(IAsyncStreamReader<StreamDecideRequest> requestStream, IServerStreamWriter<StreamDecideResponse> responseStream,
        ServerCallContext context)
        => streams.RunAsync(requestStream, responseStream, context, MaxUncommittedDecisions, Apply, CompleteAsync, merge: false);

    /// <inheritdoc/>
    public override async Task<RecordOutcomeResponse> RecordOutcome(RecordOutcomeRequest request, ServerCallContext context)
    {
        if (outcomes.Record(request.Outcome, "outcome", out bool repeated, out OutcomeReceipt receipt) is { } failure)
        {
            throw failure.ToException();
        }
        await log.CommittedAsync(receipt, context.CancellationToken);
        return new RecordOutcomeResponse { Repeated = repeated };
    }

    /// <inheritdoc/>
    public override Task StreamOutcomes(IAsyncStreamReader<StreamOutcomesRequest> requestStream, IServerStreamWriter<StreamOutcomesResponse> responseStream,
        ServerCallContext context)
    {
        OutcomeImport import = new(outcomes);
        return streams.RunAsync(requestStream, responseStream, context, MaxUncommittedRequests, import.Add, async (applied, cancellation) =>
        {
            foreach (OutcomeReceipt receipt in applied.Receipts)
            {
                await log.CommittedAsync(receipt, cancellation);
            }
            return applied.Acknowledgement;
        }, merge: true);
    }

    /// <inheritdoc/>
    public override Task<ListDecisionsResponse> ListDecisions(ListDecisionsRequest request, ServerCallContext context)
        => Task.Run(() => history.List(request, context.CancellationToken), context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ExplainDecisionResponse> ExplainDecision(ExplainDecisionRequest request, ServerCallContext context)
        => Task.FromResult(decider.Explain(request));

    private (PendingDecision Pending, RpcStatus? Error) Apply(StreamDecideRequest request)
    {
        if (request.Request is not { } decide)
        {
            Violations violations = default;
            violations.Add("request", "missing");
            return (default, violations.ToStatus());
        }
        try
        {
            return (decider.Decide(decide), null);
        }
        catch (RpcException e) when (e.Details() is { } error)
        {
            // What is wrong with one request does not end the call.
            return (default, error);
        }
    }

    private async ValueTask<StreamDecideResponse> CompleteAsync((PendingDecision Pending, RpcStatus? Error) applied, CancellationToken cancellation)
        => applied.Error is { } error ? new StreamDecideResponse { Error = error }
            : new StreamDecideResponse { Decision = await decider.CompleteAsync(applied.Pending, cancellation) };
}

/// <summary>The outcomes of one call on their way into the decision log. Used by one call.</summary>
internal sealed class OutcomeImport(OutcomeRecorder recorder)
{
    private const int MaxReported = 100;
    private const int MaxQuoted = 128;

    private readonly StreamOutcomesResponse _done = new();
    private int _told;

    /// <summary>Records outcomes.</summary>
    /// <returns>The acknowledgement, to be sent once the receipts are durable: counts from the start, rejected outcomes of the request.</returns>
    /// <exception cref="IOException">The log cannot be written.</exception>
    public (StreamOutcomesResponse Acknowledgement, IReadOnlyList<OutcomeReceipt> Receipts) Add(StreamOutcomesRequest request)
    {
        List<OutcomeReceipt> receipts = new(request.Outcomes.Count);
        foreach (Protocol.V1.Outcome outcome in request.Outcomes)
        {
            if (recorder.Record(outcome, "outcome", out bool repeated, out OutcomeReceipt receipt) is { } failure)
            {
                Reject(outcome, failure.Message);
            }
            else
            {
                receipts.Add(receipt);
                _done.RepeatedCount += repeated ? 1ul : 0;
            }
            _done.OutcomeCount++;
        }
        StreamOutcomesResponse acknowledgement = _done.Clone();
        _told += _done.RejectedOutcomes.Count;
        _done.RejectedOutcomes.Clear();
        return (acknowledgement, receipts);
    }

    private void Reject(Protocol.V1.Outcome outcome, string reason)
    {
        _done.RejectedCount++;
        if (_told + _done.RejectedOutcomes.Count < MaxReported)
        {
            string id = outcome.DecisionId;
            _done.RejectedOutcomes.Add(new RejectedOutcome { Index = _done.OutcomeCount, DecisionId = id[..Math.Min(id.Length, MaxQuoted)], Reason = reason });
        }
    }
}
