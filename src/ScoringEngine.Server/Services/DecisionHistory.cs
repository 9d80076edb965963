using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Storage;
using LoggedDecision = ScoringEngine.Storage.LoggedDecision;

namespace ScoringEngine.Server.Services;

/// <summary>Reads from the log what was decided about a customer. Thread-safe.</summary>
internal sealed class DecisionHistory(CustomerDatabase database, DecisionLog log)
{
    private const int MaxPageSize = 1000;
    private const int DefaultPageSize = 100;

    /// <summary>One page, newest first. Reads through the whole log.</summary>
    /// <exception cref="Grpc.Core.RpcException">The request is wrong, or about nobody.</exception>
    /// <exception cref="IOException">The log cannot be read.</exception>
    public ListDecisionsResponse List(ListDecisionsRequest request, CancellationToken cancellation)
    {
        Violations violations = default;
        byte[] id = CustomerId.Encode(request.CustomerId, "customer_id", stackalloc byte[FeatureSchema.MaxIdBytes], ref violations).ToArray();
        if (request.PageSize > MaxPageSize)
        {
            violations.Add("page_size", $"{request.PageSize}, expected 0 to {MaxPageSize}");
        }
        violations.ThrowIfAny();
        Nothing nothing = default;
        if (!database.Customers.Read(id, ref nothing))
        {
            throw Failure.NoCustomer(request.CustomerId).ToException();
        }
        LoggedDecision[] decisions = [.. log.Read(new DecisionQuery { CustomerId = id }, cancellation)];
        Array.Reverse(decisions);
        // The token is the decision at which the page starts, so that one made meanwhile shifts nothing.
        int first = request.PageToken.Length == 0 ? 0 : Array.FindIndex(decisions, d => d.Id == request.PageToken);
        if (first < 0)
        {
            violations.Add("page_token", $"{Failure.Quote(request.PageToken)}, expected a next_page_token");
            violations.ThrowIfAny();
        }
        int size = request.PageSize == 0 ? DefaultPageSize : (int)request.PageSize;
        ListDecisionsResponse response = new() { NextPageToken = decisions.Length - first > size ? decisions[first + size].Id : "" };
        response.Decisions.AddRange(decisions.Skip(first).Take(size).Select(Of));
        return response;
    }

    private Protocol.V1.LoggedDecision Of(LoggedDecision logged)
    {
        DecisionRecord record = logged.Record;
        Protocol.V1.LoggedDecision message = new()
        {
            DecisionId = logged.Id,
            Time = DecisionMessages.TimeOf(record.TimeUnixMs),
            ModelName = record.ModelName,
            ModelVersion = record.ModelVersion,
            WorkspaceHash = Convert.ToHexStringLower(record.WorkspaceHash.Span),
            SegmentId = record.SegmentId,
            Tier = record.Tier == 0 ? Tier.Unspecified : Messages.Of((Core.Value.Tier)(record.Tier - 1)),
            Channel = record.Channel,
            Direction = (Protocol.V1.Direction)record.Direction,
            Role = record.Role,
            HeldOut = record.HeldOut,
            GateTest = record.GateTest,
            RunId = record.RunId,
        };
        if (!float.IsNaN(record.ExpectedProfit))
        {
            message.ExpectedProfit = record.ExpectedProfit;
        }
        for (int i = 0; i < record.Chosen.Count; i++)
        {
            message.Slots.Add(SlotOf(logged, record.Chosen[i], i + 1));
        }
        return message;
    }

    private LoggedSlot SlotOf(LoggedDecision logged, ChosenRecord chosen, int number)
    {
        int candidate = logged.Record.Candidates.IndexOf(chosen.Proposition);
        LoggedSlot slot = new()
        {
            Slot = (uint)number,
            PropositionId = IdOf(chosen.Proposition),
            ActionProbability = chosen.ActionProbability,
            NeedsApproval = chosen.NeedsApproval,
            Propensity = candidate < 0 ? 0 : logged.Record.Propensities[candidate],
            OrganisationValue = chosen.OrganisationValue,
            CustomerValue = chosen.CustomerValue,
            Label = Messages.Of((Core.Decisions.Label)chosen.Label),
        };
        // Of a customer of the hold-out nothing that is here was offered.
        foreach (OutcomeRecord outcome in logged.Record.HeldOut ? [] : logged.Outcomes.Where(o => o.Slot == number))
        {
            LoggedOutcome told = new()
            {
                Kind = Of((ContactKind)outcome.Kind),
                Time = DecisionMessages.TimeOf(outcome.TimeUnixMs),
                Reason = outcome.Reason,
                ApprovedBy = outcome.ApprovedBy,
                Matured = outcome.Matured,
            };
            if (outcome.HasPerceivedValue)
            {
                told.PerceivedValue = outcome.PerceivedValue;
            }
            slot.Outcomes.Add(told);
        }
        return slot;
    }

    private string IdOf(uint number) => number == 0 ? PropositionValue.DoNothingId : log.Propositions.NameOf((int)number) ?? "";

    private static OutcomeKind Of(ContactKind kind) => kind switch
    {
        ContactKind.None => OutcomeKind.Unspecified,
        ContactKind.Presented => OutcomeKind.Presented,
        ContactKind.Accepted => OutcomeKind.Accepted,
        ContactKind.Declined => OutcomeKind.Declined,
        ContactKind.Converted => OutcomeKind.Converted,
        ContactKind.Complained => OutcomeKind.Complained,
        _ => throw new InvalidOperationException($"no message for {kind}"),
    };

    private readonly struct Nothing : ICustomerReader
    {
        public void Read(in CustomerView customer)
        {
        }
    }
}
