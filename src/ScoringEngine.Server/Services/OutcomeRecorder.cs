using ScoringEngine.Core.Decisions;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Storage;
using RpcStatus = Google.Rpc.Status;

namespace ScoringEngine.Server.Services;

/// <summary>Outcomes from messages into the decision log. Thread-safe.</summary>
internal sealed class OutcomeRecorder(DecisionLog log, TimeProvider time)
{
    /// <summary>Records an outcome, but does not wait for the disk.</summary>
    /// <param name="outcome">As told.</param>
    /// <param name="field">Path of the field that holds it.</param>
    /// <param name="repeated">Whether it changed nothing.</param>
    /// <param name="receipt">What to wait for.</param>
    /// <returns>Why it cannot be recorded; null when it was, or had been.</returns>
    /// <exception cref="IOException">The log cannot be written.</exception>
    public RpcStatus? Record(Outcome? outcome, string field, out bool repeated, out OutcomeReceipt receipt)
    {
        repeated = false;
        receipt = default;
        Violations violations = default;
        if (outcome is null)
        {
            violations.Add(field, "missing");
            return violations.ToStatus();
        }
        ContactKind? kind = Check(outcome, field, ref violations);
        long at = DecisionCall.TimeOf(outcome.Time, $"{field}.time", time, ref violations);
        int proposition = outcome.PropositionId.Length == 0 ? 0 : log.Propositions.NumberOf(outcome.PropositionId);
        if (violations.Any)
        {
            return violations.ToStatus();
        }
        OutcomeStatus status = log.RecordOutcome(new DecisionOutcome
        {
            DecisionId = outcome.DecisionId,
            Slot = (int)outcome.Slot,
            Proposition = proposition,
            Kind = kind!.Value,
            Reason = outcome.Reason,
            PerceivedValue = outcome.HasPerceivedValue ? outcome.PerceivedValue : double.NaN,
            TimeUnixMs = at,
            ApprovedBy = outcome.ApprovedBy,
            RequestId = outcome.RequestId,
        }, out receipt);
        switch (status)
        {
            case OutcomeStatus.Recorded:
                return null;
            case OutcomeStatus.Repeated:
                repeated = true;
                return null;
            case OutcomeStatus.UnknownDecision:
                return Failure.NoDecision(outcome.DecisionId);
            case OutcomeStatus.NotOffered:
                violations.Add($"{field}.proposition_id",
                    $"{Failure.Quote(outcome.PropositionId)} was not offered in slot {outcome.Slot} of decision {Failure.Quote(outcome.DecisionId)}");
                return violations.ToStatus();
            case OutcomeStatus.TooMany:
                violations.Add($"{field}.decision_id", $"{Failure.Quote(outcome.DecisionId)} has {DecisionLog.MaxOutcomes} outcomes, expected no more");
                return violations.ToStatus();
            default:
                throw new InvalidOperationException($"no answer for {status}");
        }
    }

    private static ContactKind? Check(Outcome outcome, string field, ref Violations violations)
    {
        if (outcome.DecisionId.Length == 0)
        {
            violations.Add($"{field}.decision_id", "empty, expected the id of a decision");
        }
        if (outcome.Slot is 0 or > int.MaxValue)
        {
            violations.Add($"{field}.slot", $"{outcome.Slot}, expected 1 or more");
        }
        if (outcome.PropositionId.Length == 0)
        {
            violations.Add($"{field}.proposition_id", "empty, expected the proposition of the slot");
        }
        if (outcome.HasPerceivedValue && outcome.PerceivedValue is not (>= 0 and <= 1))
        {
            violations.Add($"{field}.perceived_value", FormattableString.Invariant($"{outcome.PerceivedValue}, expected 0 to 1"));
        }
        Text.Check(outcome.Reason, $"{field}.reason", DecisionCall.MaxReasonBytes, ref violations);
        Text.Check(outcome.ApprovedBy, $"{field}.approved_by", DecisionCall.MaxNameBytes, ref violations);
        if (outcome.ApprovedBy.Length > 0 && outcome.Kind != OutcomeKind.Presented)
        {
            violations.Add($"{field}.approved_by", "given, expected only with OUTCOME_KIND_PRESENTED");
        }
        if (RequestIds.Violation(outcome.RequestId) is { } wrong)
        {
            violations.Add($"{field}.request_id", wrong);
        }
        switch (outcome.Kind)
        {
            case OutcomeKind.Unspecified when outcome.HasPerceivedValue:
                return ContactKind.None;
            case OutcomeKind.Presented:
                return ContactKind.Presented;
            case OutcomeKind.Accepted:
                return ContactKind.Accepted;
            case OutcomeKind.Declined:
                return ContactKind.Declined;
            case OutcomeKind.Converted:
                return ContactKind.Converted;
            case OutcomeKind.Complained:
                return ContactKind.Complained;
            default:
                violations.Add($"{field}.kind", outcome.Kind == OutcomeKind.Unspecified ? "unspecified, expected what happened, or a perceived value"
                    : $"{(int)outcome.Kind}, expected an OutcomeKind");
                return null;
        }
    }
}
