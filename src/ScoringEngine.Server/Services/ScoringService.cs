using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using RpcStatus = Google.Rpc.Status;

namespace ScoringEngine.Server.Services;

/// <summary>
/// Scores stored customers and prospects over the one scoring path: a unary call is a block of one row. Besides the
/// answer a call allocates nothing. Thread-safe; register one instance.
/// </summary>
internal sealed class ScoringService(ModelHolder models, CustomerRows rows, DecisionLog log) : Protocol.V1.ScoringService.ScoringServiceBase
{
    private const int MaxRequests = 1000;
    private const int MaxPropositions = 100;
    private const int DefaultPropositions = 3;

    /// <inheritdoc/>
    public override Task<ScoreResponse> Score(ScoreRequest request, ServerCallContext context)
    {
        ServedModel model = models.Current;
        ScoreWork work = model.Rent();
        try
        {
            if (Fill(model, request, work.Block.Row(0), out Duration? age) is { } failure)
            {
                throw failure.ToException();
            }
            model.Scorer.Score(work.Block, 1);
            return Task.FromResult(new ScoreResponse { Score = ScoreOf(model, work, 0, request, age) });
        }
        finally
        {
            model.Return(work);
        }
    }

    /// <inheritdoc/>
    public override Task<BatchScoreResponse> BatchScore(BatchScoreRequest request, ServerCallContext context)
    {
        if (request.Requests.Count is 0 or > MaxRequests)
        {
            Violations violations = default;
            violations.Add("requests", $"{request.Requests.Count} requests, expected 1 to {MaxRequests}");
            violations.ThrowIfAny();
        }
        ServedModel model = models.Current;
        ScoreWork work = model.Rent();
        try
        {
            BatchScoreResponse response = new();
            Duration?[] ages = new Duration?[work.Block.Capacity];
            int bytes = 0;
            for (int start = 0; start < request.Requests.Count; start += work.Block.Capacity)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                ScoreBlock(model, work, request, start, ages, response);
                RequireFit(response, start, request.Requests.Count, ref bytes);
            }
            return Task.FromResult(response);
        }
        finally
        {
            model.Return(work);
        }
    }

    private void ScoreBlock(ServedModel model, ScoreWork work, BatchScoreRequest request, int start, Duration?[] ages, BatchScoreResponse response)
    {
        int end = Math.Min(start + work.Block.Capacity, request.Requests.Count);
        int filled = 0;
        for (int i = start; i < end; i++)
        {
            // A request that fails leaves its row to the next one.
            RpcStatus? failure = Fill(model, request.Requests[i], work.Block.Row(filled), out ages[filled]);
            response.Results.Add(new BatchScoreResult { Error = failure });
            filled += failure is null ? 1 : 0;
        }
        model.Scorer.Score(work.Block, filled);
        for (int i = start, row = 0; i < end; i++)
        {
            if (response.Results[i].Error is null)
            {
                response.Results[i].Score = ScoreOf(model, work, row, request.Requests[i], ages[row]);
                row++;
            }
        }
    }

    /// <summary>Ends a call whose answer outgrows a message, at the block in which it does.</summary>
    private static void RequireFit(BatchScoreResponse response, int start, int requests, ref int bytes)
    {
        for (int i = start; i < response.Results.Count; i++)
        {
            bytes += CodedOutputStream.ComputeTagSize(BatchScoreResponse.ResultsFieldNumber) + CodedOutputStream.ComputeMessageSize(response.Results[i]);
            if (bytes > ServerOptions.MaxMessageBytes)
            {
                Violations violations = default;
                violations.Add("requests", $"the answers to {i + 1} of {requests} requests exceed a message's {ServerOptions.MaxMessageBytes:N0} bytes: "
                    + $"expected at most {i} such requests, or fewer propositions or features in them");
                violations.ThrowIfAny();
            }
        }
    }

    private CustomerScore ScoreOf(ServedModel model, ScoreWork work, int row, ScoreRequest request, Duration? age)
        => Messages.Score(model, work, row, request.CustomerId, age,
            request.MaxPropositions == 0 ? DefaultPropositions : (int)request.MaxPropositions, (int)request.ExplainFeatures, log.Counts);

    /// <summary>Fills a row with a customer, stored values first, then those of the request; returns why it cannot.</summary>
    private RpcStatus? Fill(ServedModel model, ScoreRequest request, Span<float> row, out Duration? age)
    {
        Violations violations = default;
        if (request.MaxPropositions > MaxPropositions)
        {
            violations.Add("max_propositions", $"{request.MaxPropositions}, expected 0 to {MaxPropositions}");
        }
        DecisionCall.CheckExplainFeatures(request.ExplainFeatures, ref violations);
        bool found = rows.Fill(model, request.CustomerId, request.Features, interaction: null, row, ref violations, out StoredVersion stored);
        age = stored.Age;
        return violations.Any ? violations.ToStatus() : found ? null : Failure.NoCustomer(request.CustomerId);
    }
}
