using Google.Protobuf.WellKnownTypes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using Candidate = ScoringEngine.Core.Decisions.Candidate;
using CandidateExplanation = ScoringEngine.Protocol.V1.CandidateExplanation;
using Decision = ScoringEngine.Protocol.V1.Decision;
using GateDoor = ScoringEngine.Core.Decisions.GateDoor;
using LoggedDecision = ScoringEngine.Storage.LoggedDecision;
using Provenance = ScoringEngine.Protocol.V1.Provenance;
using Stage = ScoringEngine.Core.Decisions.Stage;

namespace ScoringEngine.Server.Services;

/// <summary>Decisions as messages of scoring.v1.</summary>
internal static class DecisionMessages
{
    /// <summary>A decision with some choices as its slots.</summary>
    /// <param name="attempt">A decision that was made.</param>
    /// <param name="choices">What is offered of it, or chosen.</param>
    /// <param name="withCandidates">Whether to give every candidate, too.</param>
    /// <param name="explainFeatures">How many features to name in each explanation; 0 for no explanations.</param>
    public static Decision Of(DecisionAttempt attempt, ReadOnlySpan<Choice> choices, bool withCandidates, int explainFeatures)
    {
        DecisionTrace trace = attempt.Work.Trace;
        Decision decision = new()
        {
            DecisionId = attempt.Id,
            Time = TimeOf(attempt.Call.TimeUnixMs),
            Score = Messages.Score(attempt.Model, attempt.Work.Block, 0, attempt.Request.CustomerId, attempt.Stored.Age, explainFeatures),
            HeldOut = trace.HeldOut,
            GateTest = trace.InGateTest,
        };
        decision.Score.HeldOut = trace.HeldOut;
        for (int i = 0; i < choices.Length; i++)
        {
            decision.Slots.Add(SlotOf(attempt, i, in choices[i], explainFeatures));
        }
        if (withCandidates)
        {
            foreach (Core.Decisions.CandidateExplanation candidate in attempt.Model.Explanations.Explain(attempt.Work.Block, 0, attempt.Input, trace))
            {
                decision.Candidates.Add(Of(attempt, candidate, explainFeatures));
            }
        }
        return decision;
    }

    /// <summary>A decision of the log, as far as its record tells: it was made with another workspace or version than the served one.</summary>
    public static Decision Of(LoggedDecision logged, ServedModel model)
    {
        DecisionRecord record = logged.Record;
        Decision decision = new()
        {
            DecisionId = logged.Id,
            Time = TimeOf(record.TimeUnixMs),
            Score = new CustomerScore
            {
                CustomerId = logged.Inputs?.CustomerId ?? "",
                Segment = new SegmentAssignment { Id = record.SegmentId },
                Tier = record.Tier == 0 ? Tier.Unspecified : Messages.Of((Core.Value.Tier)(record.Tier - 1)),
                ModelName = record.ModelName,
                ModelVersion = record.ModelVersion,
                Currency = model.Workspace.Policy.Currency,
                HeldOut = record.HeldOut,
            },
            HeldOut = record.HeldOut,
            GateTest = record.GateTest,
        };
        if (!float.IsNaN(record.ExpectedProfit))
        {
            decision.Score.Profit = new ProfitEstimate { Expected = record.ExpectedProfit, Currency = model.Workspace.Policy.Currency, Provenance = Provenance.Estimated };
            if (!float.IsNaN(record.Potential))
            {
                decision.Score.Profit.Potential = record.Potential;
            }
        }
        Google.Protobuf.Collections.RepeatedField<ChosenRecord> offered = record.HeldOut ? record.Offered : record.Chosen;
        for (int i = 0; i < offered.Count; i++)
        {
            decision.Slots.Add(SlotOf(logged, model, offered[i], i));
        }
        return decision;
    }

    private static DecisionSlot SlotOf(LoggedDecision logged, ServedModel model, ChosenRecord chosen, int index)
    {
        int candidate = logged.Record.Candidates.IndexOf(chosen.Proposition);
        int here = Array.IndexOf(model.PropositionNumbers, (int)chosen.Proposition);
        Proposition? proposition = here < 0 ? null : model.Workspace.Propositions[here];
        DecisionSlot slot = new()
        {
            Slot = (uint)index + 1,
            Proposition = new PropositionScore
            {
                PropositionId = chosen.Proposition == 0 ? PropositionValue.DoNothingId : proposition?.Id ?? "",
                Name = chosen.Proposition == 0 ? Messages.DoNothingName : proposition?.Name ?? "",
                Score = logged.Record.Scores[candidate],
                Propensity = new Propensity { Probability = logged.Record.Propensities[candidate], Incremental = chosen.IncrementalPropensity },
                OrganisationValue = new OrganisationValue { Total = chosen.OrganisationValue, Differentiation = chosen.Differentiation },
                CustomerValue = new CustomerValue { Value = chosen.CustomerValue },
                Label = Messages.Of((Core.Decisions.Label)chosen.Label),
            },
            ActionProbability = chosen.ActionProbability,
            NeedsApproval = chosen.NeedsApproval,
            GateDoor = Of((GateDoor)chosen.Door),
        };
        if (proposition is not null)
        {
            slot.Kind = StrategyMessages.Of(proposition.Kind);
            (slot.WordingLanguage, slot.Wording) = WordingOf(proposition, logged.Inputs?.Language ?? "");
        }
        return slot;
    }

    /// <summary>Why a candidate was not chosen, for a person.</summary>
    public static string WhyNot(DecisionAttempt attempt, int candidate)
    {
        DecisionTrace trace = attempt.Work.Trace;
        string currency = attempt.Model.Workspace.Policy.Currency;
        for (int i = 0; i < trace.Chosen.Length; i++)
        {
            if (trace.Chosen[i].Candidate == candidate)
            {
                return $"it was chosen for slot {i + 1}" + (trace.HeldOut ? "; the customer is held out, and it is not offered" : "");
            }
        }
        Core.Decisions.CandidateExplanation explained = attempt.Model.Explanations.Explain(attempt.Work.Block, 0, attempt.Input, trace, candidate);
        string why = explained.FellAt == Stage.None ? FormattableString.Invariant($"it was ranked {explained.Rank} of {trace.Order.Length}, with a score of {explained.Value.Score:0.00} {currency}")
            : $"it fell at {SnakeCase.Of(explained.FellAt)}: {explained.Reason}";
        if (explained.ToWin is not { Value: > 0 } change)
        {
            return why;
        }
        return why + FormattableString.Invariant($"; it would come first with a value of {change.Value:0.00} {currency} more")
            + (double.IsNaN(change.Propensity) ? "" : FormattableString.Invariant($", a propensity of {100 * change.Propensity:0.0} % (is {100 * explained.Value.Propensity:0.0} %)"))
            + (double.IsNaN(change.CustomerWeight) ? "" : FormattableString.Invariant($", or a customer weight of {change.CustomerWeight:0.00} {currency}"));
    }

    /// <summary>A time in unix milliseconds.</summary>
    public static Timestamp TimeOf(long unixMs) => Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(unixMs));

    /// <summary>The wording for a language: of the language itself, of one that it begins with, else the first.</summary>
    public static (string Language, string Text) WordingOf(Proposition proposition, string language)
    {
        for (string tag = language; tag.Length > 0; tag = tag.LastIndexOf('-') is > 0 and int end ? tag[..end] : "")
        {
            foreach ((string written, string text) in proposition.Wording)
            {
                if (tag.Equals(written, StringComparison.OrdinalIgnoreCase))
                {
                    return (written, text);
                }
            }
        }
        return proposition.Wording.FirstOrDefault() is { Key: not null } first ? (first.Key, first.Value) : ("", "");
    }

    private static DecisionSlot SlotOf(DecisionAttempt attempt, int index, in Choice choice, int explainFeatures)
    {
        Candidate candidate = attempt.Work.Trace.Candidates[choice.Candidate];
        DecisionSlot slot = new()
        {
            Slot = (uint)index + 1,
            Proposition = Messages.Proposition(attempt.Model, attempt.Work.Block, 0, candidate.Value, candidate.Counts, explainFeatures),
            ActionProbability = choice.ActionProbability,
            NeedsApproval = choice.NeedsApproval,
            GateDoor = Of(candidate.Door),
        };
        if (choice.Candidate == 0)
        {
            return slot;
        }
        Proposition proposition = attempt.Model.PropositionOf(choice.Candidate);
        slot.Kind = StrategyMessages.Of(proposition.Kind);
        (slot.WordingLanguage, slot.Wording) = WordingOf(proposition, attempt.Request.Language);
        if (choice.NeedsApproval)
        {
            slot.ApprovalRole = attempt.Model.Decisions.ApproverOf(attempt.Work.Trace, choice.Candidate) ?? "";
        }
        if (attempt.ExpiresUnixMs > 0)
        {
            slot.ReservationExpireTime = TimeOf(attempt.ExpiresUnixMs);
        }
        return slot;
    }

    private static CandidateExplanation Of(DecisionAttempt attempt, Core.Decisions.CandidateExplanation explained, int explainFeatures)
    {
        ref readonly Candidate candidate = ref attempt.Work.Trace.Candidates[explained.Candidate];
        CandidateExplanation message = new()
        {
            Proposition = Messages.Proposition(attempt.Model, attempt.Work.Block, 0, explained.Value, candidate.Counts, explainFeatures),
            Rank = (uint)explained.Rank,
            Stage = Of(explained.FellAt),
            Reason = explained.Reason,
            ActionProbability = candidate.ActionProbability,
            GateDoor = Of(explained.Door),
            NeedsApproval = explained.NeedsApproval,
            Offers = candidate.Counts.Offers,
            Acceptances = candidate.Counts.Acceptances,
            SegmentOffers = candidate.Counts.SegmentOffers,
            SegmentAcceptances = candidate.Counts.SegmentAcceptances,
        };
        if (explained.ToWin is { } change)
        {
            message.ToWin = new Protocol.V1.WinningChange { Value = change.Value };
            if (!double.IsNaN(change.CustomerWeight))
            {
                message.ToWin.CustomerWeight = change.CustomerWeight;
            }
            if (!double.IsNaN(change.Propensity))
            {
                message.ToWin.Propensity = change.Propensity;
            }
        }
        return message;
    }

    private static Protocol.V1.GateDoor Of(GateDoor door) => door switch
    {
        GateDoor.NotNeeded or GateDoor.Closed => Protocol.V1.GateDoor.Unspecified,
        GateDoor.Potential => Protocol.V1.GateDoor.Potential,
        GateDoor.Evidence => Protocol.V1.GateDoor.Evidence,
        GateDoor.Test => Protocol.V1.GateDoor.Test,
        _ => throw new InvalidOperationException($"no message for {door}"),
    };

    private static Protocol.V1.Stage Of(Stage stage) => stage switch
    {
        Stage.None => Protocol.V1.Stage.Unspecified,
        Stage.Validity => Protocol.V1.Stage.Validity,
        Stage.Budget => Protocol.V1.Stage.Budget,
        Stage.Consent => Protocol.V1.Stage.Consent,
        Stage.ContactPolicy => Protocol.V1.Stage.ContactPolicy,
        Stage.Eligibility => Protocol.V1.Stage.Eligibility,
        Stage.Applicability => Protocol.V1.Stage.Applicability,
        Stage.Suitability => Protocol.V1.Stage.Suitability,
        Stage.Gate => Protocol.V1.Stage.Gate,
        _ => throw new InvalidOperationException($"no message for {stage}"),
    };
}
