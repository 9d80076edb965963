using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Says why a decision came out as it did: for each candidate the stage and rule with the value that failed it, the terms of its value, and
/// the smallest change with which it would have won. Immutable and thread-safe; explaining allocates.
/// </summary>
public sealed class DecisionExplainer
{
    private readonly DecisionModel _model;
    private readonly Workspace _workspace;

    /// <summary>An explainer of a model's decisions; costs next to nothing until it is asked.</summary>
    public DecisionExplainer(DecisionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _workspace = model.Workspace;
        Features = new Explainer(model.Scorer);
    }

    /// <summary>Says which features make a customer's expected profit and propensities what they are.</summary>
    public Explainer Features { get; }

    /// <summary>Explains every candidate of a decision, best first, then those that fell in the order of the catalogue.</summary>
    /// <param name="block">The rows that were scored, as they were decided on.</param>
    /// <param name="row">The one decided on.</param>
    /// <param name="input">The decision's input.</param>
    /// <param name="trace">The decision.</param>
    public ImmutableArray<CandidateExplanation> Explain(ScoreBlock block, int row, in DecisionInput input, DecisionTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ImmutableArray<CandidateExplanation>.Builder all = ImmutableArray.CreateBuilder<CandidateExplanation>(trace.Candidates.Length);
        foreach (int candidate in trace.Order)
        {
            all.Add(Explain(block, row, in input, trace, candidate));
        }
        for (int candidate = 0; candidate < trace.Candidates.Length; candidate++)
        {
            if (trace.Candidates[candidate].FellAt != Stage.None)
            {
                all.Add(Explain(block, row, in input, trace, candidate));
            }
        }
        return all.MoveToImmutable();
    }

    /// <summary>Explains one candidate of a decision.</summary>
    /// <param name="block">The rows that were scored, as they were decided on.</param>
    /// <param name="row">The one decided on.</param>
    /// <param name="input">The decision's input.</param>
    /// <param name="trace">The decision.</param>
    /// <param name="candidate">Index of the candidate.</param>
    public CandidateExplanation Explain(ScoreBlock block, int row, in DecisionInput input, DecisionTrace trace, int candidate)
    {
        ArgumentNullException.ThrowIfNull(trace);
        PropositionValue value = _model.ValueOf(block, row, candidate, in input);
        if (candidate == 0)
        {
            return new CandidateExplanation { Candidate = 0, Id = PropositionValue.DoNothingId, Rank = trace.Order.IndexOf(0) + 1, Value = value };
        }
        Candidate became = trace.Candidates[candidate];
        Proposition proposition = _workspace.Propositions[candidate - 1];
        return new CandidateExplanation
        {
            Candidate = candidate,
            Id = proposition.Id,
            Rank = trace.Order.IndexOf(candidate) + 1,
            FellAt = became.FellAt,
            Reason = ReasonOf(block, row, in input, trace, candidate),
            Door = became.Door,
            NeedsApproval = became.NeedsApproval,
            Approver = became.NeedsApproval ? _model.ApproverOf(trace, candidate) : null,
            Value = value,
            PropensityProvenance = proposition.NeedsAcceptance
                && (became.Counts.Offers > 0 || _model.Scorer.PropensityProvenance(candidate - 1) == Provenance.Estimated)
                ? Provenance.Estimated : Provenance.Assumed,
            EconomicsProvenance = proposition.Provenance,
            CustomerValueProvenance = _model.Scorer.Values.SegmentNeeds[trace.SegmentIndex].Provenance,
            ToWin = ChangeToWin(block, row, in input, trace, candidate, in value),
        };
    }

    /// <summary>Why a candidate fell, in words with figures; empty when it did not.</summary>
    /// <param name="block">The rows that were scored, as they were decided on.</param>
    /// <param name="row">The one decided on.</param>
    /// <param name="input">The decision's input.</param>
    /// <param name="trace">The decision.</param>
    /// <param name="candidate">Index of the candidate.</param>
    public string ReasonOf(ScoreBlock block, int row, in DecisionInput input, DecisionTrace trace, int candidate)
    {
        ArgumentNullException.ThrowIfNull(trace);
        Candidate became = trace.Candidates[candidate];
        if (became.FellAt == Stage.None)
        {
            return "";
        }
        Proposition proposition = _workspace.Propositions[candidate - 1];
        ContactPolicy contact = _workspace.Policy.Contact;
        Fall fall = _model.FallOf(block, row, trace, candidate);
        string channel = input.Channel < 0 ? "not told" : _workspace.Channels[input.Channel];
        return fall.Reason switch
        {
            FallReason.NotYetValid => $"valid from {proposition.ValidFrom:yyyy-MM-dd}",
            FallReason.Expired => $"valid until {proposition.ValidUntil:yyyy-MM-dd}",
            FallReason.OtherChannel => $"offered in {string.Join(", ", proposition.Channels)}, the channel was {channel}",
            FallReason.BudgetSpent => Text($"{fall.Was:0.##} {_workspace.Policy.Currency} of the budget left, an offer may cost {fall.Limit:0.##}"),
            FallReason.VolumeReached => Text($"all {proposition.Volume} offers made"),
            FallReason.NoConsent => $"no consent for {channel}: {contact.Consent.GetValueOrDefault(channel)} is not true",
            FallReason.Cap => Text($"cap of {fall.Limit:0} {ContactsOf(contact, proposition, fall.Detail)}, had {fall.Was:0}"),
            FallReason.Suppressed => Text($"paused until {DateTimeOffset.UnixEpoch.AddSeconds(fall.Limit):yyyy-MM-dd HH:mm} UTC: {PauseOf(contact.Suppressions[fall.Detail])}"),
            FallReason.QuietHours => $"quiet hours from {contact.QuietFrom:HH\\:mm} to {contact.QuietUntil:HH\\:mm}",
            FallReason.DeclinedInInteraction => "declined in this interaction",
            FallReason.Rule => _model.RuleOf(candidate - 1, became.FellAt).Explain(fall.Detail, (float)fall.Was),
            FallReason.CustomerValue => Text($"customer value of at least {fall.Limit:0.###}, was {fall.Was:0.###}"),
            FallReason.Gate => Text($"{SnakeCase.Of(trace.Tier!.Value)}: potential of at least {fall.Limit:0.##}, was {fall.Was:0.##}; no measured evidence; {(trace.InGateTest ? "the gate test's budget is spent" : "not in the gate test")}"),
            _ => throw new ArgumentException($"no words for {fall.Reason}", nameof(trace)),
        };
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string ContactsOf(ContactPolicy policy, Proposition proposition, int number)
    {
        ContactCap cap = number < policy.Caps.Length ? policy.Caps[number] : proposition.Caps[number - policy.Caps.Length];
        string what = number >= policy.Caps.Length || cap.Scope == ContactScope.Proposition ? "contacts about it"
            : cap.Scope == ContactScope.Customer ? "contacts" : $"contacts of group {proposition.Group}";
        string where = cap.Channels.IsEmpty ? "" : $" by {string.Join(", ", cap.Channels)}";
        return $"{what}{where} in {Duration(cap.Window)}";
    }

    private static string PauseOf(Suppression suppression)
        => $"{Duration(suppression.Pause)} after {suppression.After} x {SnakeCase.Of(suppression.Outcome)} in {Duration(suppression.Within)}";

    private static string Duration(TimeSpan time) => time.TotalDays >= 1 ? Text($"{time.TotalDays:0.##} days")
        : time.TotalHours >= 1 ? Text($"{time.TotalHours:0.##} hours") : Text($"{time.TotalMinutes:0.##} minutes");

    /// <summary>
    /// Each is the solution of a linear inequality for every other candidate that is left: scores are linear in the candidate's own value and
    /// propensity, and differences of scores in the customer weight.
    /// </summary>
    private WinningChange? ChangeToWin(ScoreBlock block, int row, in DecisionInput input, DecisionTrace trace, int candidate, in PropositionValue value)
    {
        double best = double.NegativeInfinity;
        int first = -1;
        double weight = _workspace.Policy.CustomerWeight;
        double low = 0; // customer weights at which it outscores all others
        double high = double.PositiveInfinity;
        foreach (int other in trace.Order)
        {
            if (_model.IsMandatory(other))
            {
                continue;
            }
            first = first < 0 ? other : first;
            if (other == candidate)
            {
                continue;
            }
            PropositionValue rival = trace.Candidates[other].Value;
            best = Math.Max(best, rival.Score);
            // organisation + weight * perceived, of both: where does the line of the candidate lie above?
            double organisation = rival.OrganisationValue - value.OrganisationValue;
            double perceived = (value.Propensity * value.CustomerValue) - (rival.Propensity * rival.CustomerValue);
            if (perceived > 0)
            {
                low = Math.Max(low, organisation / perceived);
            }
            else if (perceived < 0)
            {
                high = Math.Min(high, organisation / perceived);
            }
            else if (organisation > 0)
            {
                high = double.NegativeInfinity;
            }
        }
        if (candidate == first || _model.IsMandatory(candidate))
        {
            return null;
        }
        double needed = low <= high ? Math.Clamp(weight, low, high) : double.NaN;
        return new WinningChange(best - value.Score, needed, PropensityToReach(best, block, row, in input, candidate));
    }

    private double PropensityToReach(double score, ScoreBlock block, int row, in DecisionInput input, int candidate)
    {
        if (!_workspace.Propositions[candidate - 1].NeedsAcceptance)
        {
            return double.NaN;
        }
        ValueModel values = _model.Scorer.Values;
        double never = values.Evaluate(candidate - 1, block.Row(row), block.SegmentIndexes[row], 0, input.Channel).Score;
        double always = values.Evaluate(candidate - 1, block.Row(row), block.SegmentIndexes[row], 1, input.Channel).Score;
        double propensity = (score - never) / (always - never);
        return propensity is >= 0 and <= 1 ? propensity : double.NaN;
    }
}
