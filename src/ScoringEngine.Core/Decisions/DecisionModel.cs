using System.Collections.Immutable;
using System.Diagnostics;
using System.Numerics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// A workspace and a version of its model, compiled into decisions: which candidates fall at which stage, what the others are worth, and
/// which of them a customer is offered. Immutable and thread-safe; deciding allocates nothing, but for an imported ONNX
/// model, and gives the same bits for a row alone and in any block.
/// </summary>
public sealed class DecisionModel
{
    /// <summary>Most rows that <see cref="Score"/> takes: the lanes of the rules' masks.</summary>
    public const int BlockRows = 64;

    /// <summary>Rules of a proposition, in the order of their stages.</summary>
    internal const int RuleStages = 3;

    // A stream of its own, so that no other use of a seed draws the same numbers.
    private const long ExplorationStream = 0x0DEC_1DE5;

    // From so many rows on, rules and propensities of a whole block cost less than theirs one by one.
    private const int RowsWorthABlock = 8;

    private readonly ContactRules _contact;
    private readonly DifferentiationGate _gate;
    private readonly DecisionRights _rights;
    private readonly SmoothingPolicy _smoothing;
    private readonly double? _scale;
    private readonly Exploration _defaultExploration;
    private readonly Exploration[] _exploration; // by channel
    private readonly double[] _evidence; // [tier x proposition]
    private readonly CandidateTerms[] _terms;
    private CompiledRule?[] _rules; // [proposition x RuleStages], never changed once somebody else sees it
    private readonly PropositionValue[] _notEvaluated;
    private readonly int[] _numbers;
    private readonly double _holdOutShare;
    private readonly DecisionModel _origin; // whose marks of passed rules in a block hold here too, where a rule is left

    /// <summary>Compiles a workspace against a version of its model.</summary>
    /// <param name="workspace">Catalogue, strategies, needs and policy.</param>
    /// <param name="models">The version.</param>
    /// <param name="propositions">Numbers of the propositions, for contacts and counts; each of the catalogue has one.</param>
    /// <param name="channels">Numbers of the channels, for contacts.</param>
    /// <exception cref="ArgumentException">
    /// The workspace's schema is not the model's, a proposition has no number, or a rule, zone or id in the workspace does not exist.
    /// </exception>
    public DecisionModel(Workspace workspace, ModelSet models, Numbering propositions, Numbering channels)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(propositions);
        ArgumentNullException.ThrowIfNull(channels);
        Workspace = workspace;
        Scorer = new Scorer(models, workspace);
        Policy policy = workspace.Policy;
        CalendarDays days = new(policy.Contact.TimeZone);
        _contact = new ContactRules(workspace, propositions, channels);
        _gate = new DifferentiationGate(policy.Gate, days);
        _rights = new DecisionRights(workspace, models.Segments.Segments);
        _smoothing = policy.Smoothing;
        _scale = policy.Exploration.Scale;
        _defaultExploration = policy.Exploration.Default;
        _exploration = [.. workspace.Channels.Select(c => policy.Exploration.Channels.GetValueOrDefault(c, Exploration.None))];
        _evidence = EvidenceOf(workspace);
        _terms = [.. workspace.Propositions.Select(p => new CandidateTerms(p, workspace.Channels, days))];
        _notEvaluated = [.. workspace.Propositions.Select((_, a) => PropositionValue.NotEvaluated(a))];
        _rules = [.. workspace.Propositions.SelectMany(p => new[] { p.Eligibility, p.Applicability, p.Suitability })
            .Select(rule => rule is null ? null : CompiledRule.Compile(rule, workspace.Schema.Features))];
        _numbers = [.. workspace.Propositions.Select(p => propositions.NumberOf(p.Id) is > 0 and int number ? number
            : throw new ArgumentException($"proposition '{p.Id}' has no number", nameof(propositions)))];
        _holdOutShare = policy.HoldOut.Share;
        _origin = this;
        StandardTreatment = policy.HoldOut.StandardTreatment is { } id ? IndexOf(workspace, id) + 1 : 0;
    }

    /// <summary>Catalogue, strategies, needs and policy.</summary>
    public Workspace Workspace { get; }

    /// <summary>Scores the rows that are decided on.</summary>
    public Scorer Scorer { get; }

    /// <summary>The version.</summary>
    public ModelSet Models => Scorer.Models;

    /// <summary>Number of candidates: every proposition and "do nothing".</summary>
    public int CandidateCount => _terms.Length + 1;

    /// <summary>The policy's roles; an input names one by its index here.</summary>
    public ImmutableArray<string> Roles => _rights.Roles;

    /// <summary>Candidate that held-out customers get: 0, to do nothing, where the policy names no standard treatment.</summary>
    public int StandardTreatment { get; }

    /// <summary>The hash that puts a customer, or household, in or out of hold-out and gate test; see <see cref="DecisionInput.UnitHash"/>.</summary>
    /// <param name="id">UTF-8 id.</param>
    public ulong UnitHashOf(ReadOnlySpan<byte> id) => CustomerHash.Of(id, Workspace.Policy.HoldOut.Salt);

    /// <summary>The seed that belongs to a decision; see <see cref="DecisionInput.Seed"/>.</summary>
    /// <param name="decisionId">UTF-8 id of the decision.</param>
    public static ulong SeedOf(ReadOnlySpan<byte> decisionId) => CustomerHash.Of(decisionId);

    /// <summary>Room for a decision.</summary>
    public DecisionTrace CreateTrace() => new([.. Enumerable.Range(0, CandidateCount).Select(IsMandatory)], _contact.ScratchLength);

    /// <summary>Number of a candidate in contacts and records: 0 for do nothing.</summary>
    public int NumberOf(int candidate) => candidate == 0 ? 0 : _numbers[candidate - 1];

    /// <summary>The role with the narrowest right that covers a candidate's concession; null where none does.</summary>
    /// <param name="trace">The decision.</param>
    /// <param name="candidate">Index of the candidate.</param>
    public string? ApproverOf(DecisionTrace trace, int candidate)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return candidate == 0 ? null : _rights.ApproverOf(trace.StrategyIndex, candidate - 1);
    }

    /// <summary>The rule of a proposition that is asked at a stage.</summary>
    internal CompiledRule RuleOf(int proposition, Stage stage)
        => _rules[(proposition * RuleStages) + (stage - Stage.Eligibility)] ?? throw new ArgumentException($"no rule at stage {stage}", nameof(stage));

    /// <summary>Counts of every proposition in a segment, as they stand.</summary>
    /// <param name="live">The counts.</param>
    /// <param name="segmentIndex">Index of the segment in the model.</param>
    /// <param name="counts">OUT by proposition index.</param>
    public void ReadCounts(AcceptanceCounts live, int segmentIndex, Span<CandidateCounts> counts)
    {
        ArgumentNullException.ThrowIfNull(live);
        int segmentId = Models.Segments.Segments[segmentIndex].Id;
        for (int a = 0; a < _numbers.Length; a++)
        {
            counts[a] = live.Read(_numbers[a], segmentId);
        }
    }

    /// <summary>Evidence that the policy states for the gate, for a tier.</summary>
    /// <param name="tier">The tier.</param>
    /// <param name="bounds">OUT by proposition index; NaN where nothing was measured.</param>
    public void ReadEvidence(Tier tier, Span<double> bounds) => _evidence.AsSpan((int)tier * _terms.Length, _terms.Length).CopyTo(bounds);

    /// <summary>
    /// Scores the first <paramref name="count"/> rows of a block to decide on them: as <see cref="Scorer.Score"/> does, but propensities
    /// wait for the candidates that get so far; of many rows, rules are evaluated for all at once, and propensities where enough rows pass.
    /// <see cref="ScoreBlock.PropensitiesOf"/> tells nothing afterwards.
    /// </summary>
    /// <param name="block">A block of <see cref="Scorer"/>.</param>
    /// <param name="count">0..<see cref="BlockRows"/>.</param>
    public void Score(ScoreBlock block, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, BlockRows);
        Scorer.ScoreCustomers(block, count);
        if (count < RowsWorthABlock)
        {
            return;
        }
        Span<RuleScores> scores = stackalloc RuleScores[count];
        for (int r = 0; r < count; r++)
        {
            scores[r] = RuleScoresOf(block, r);
        }
        block.RuleRows.Fill(block.Rows, block.Columns, scores);
        ulong rows = count == BlockRows ? ulong.MaxValue : (1UL << count) - 1;
        for (int a = 0; a < _terms.Length; a++)
        {
            ulong passed = rows;
            for (int i = a * RuleStages; i < (a + 1) * RuleStages; i++)
            {
                ulong isTrue = rows;
                _rules[i]?.Evaluate(block.RuleRows, out isTrue, out _);
                block.RulesPassed[i] = isTrue;
                passed &= isTrue;
            }
            if (BitOperations.PopCount(passed) >= RowsWorthABlock)
            {
                Scorer.Probabilities(block, a);
            }
        }
        block.RulesOf = _origin == this ? this : null;
    }

    /// <summary>
    /// This model where one rule of one proposition does not hold, over the same scorer: blocks that this one scored will do.
    /// </summary>
    /// <param name="proposition">Index of the proposition.</param>
    /// <param name="stage"><see cref="Stage.Eligibility"/>, <see cref="Stage.Applicability"/> or <see cref="Stage.Suitability"/>.</param>
    internal DecisionModel Without(int proposition, Stage stage)
    {
        Debug.Assert(stage is Stage.Eligibility or Stage.Applicability or Stage.Suitability);
        DecisionModel other = (DecisionModel)MemberwiseClone();
        other._rules = [.. _rules];
        other._rules[(proposition * RuleStages) + (stage - Stage.Eligibility)] = null;
        return other;
    }

    /// <summary>Decides for one row.</summary>
    /// <param name="block">Rows that <see cref="Score"/> or <see cref="Scorer"/> scored.</param>
    /// <param name="row">One of them.</param>
    /// <param name="input">Everything else that the decision depends on.</param>
    /// <param name="trace">OUT the decision, of this model's <see cref="CreateTrace"/>.</param>
    /// <exception cref="ArgumentException">Something does not fit the model.</exception>
    public void Decide(ScoreBlock block, int row, in DecisionInput input, DecisionTrace trace)
    {
        Require(block, row, in input);
        ArgumentNullException.ThrowIfNull(trace);
        if (trace.Candidates.Length != CandidateCount || trace.ContactScratch.Length < _contact.ScratchLength)
        {
            throw new ArgumentException("the trace is of another model", nameof(trace));
        }
        trace.SegmentIndex = block.SegmentIndexes[row];
        trace.Tier = TierOf(block, row);
        trace.StrategyIndex = _rights.StrategyOf(trace.SegmentIndex, trace.Tier);
        trace.HeldOut = CustomerHash.Share(input.UnitHash) < _holdOutShare;
        trace.InGateTest = _gate.IsInTest(in input);
        _contact.Check(in input, block.Row(row), trace.ContactScratch, trace.ContactFalls);
        RuleScores scores = RuleScoresOf(block, row);
        trace.Candidates[0] = new Candidate { Value = PropositionValue.OfDoingNothing };
        for (int a = 0; a < _terms.Length; a++)
        {
            ref Candidate candidate = ref trace.Candidates[a + 1];
            candidate = default;
            candidate.Counts = CountsOf(a, in input);
            candidate.FellAt = StageOf(a, block, row, in input, in scores, trace, ref candidate);
            if (candidate.FellAt != Stage.None)
            {
                candidate.Value = _notEvaluated[a];
                continue;
            }
            candidate.NeedsApproval = _rights.NeedsApproval(trace.StrategyIndex, input.Role, a);
            candidate.Value = Value(block, row, a, candidate.Counts, input.Channel);
            Debug.Assert(double.IsFinite(candidate.Value.Score));
        }
        trace.Unranked();
        Choose(in input, trace);
        if (trace.HeldOut)
        {
            OfferStandardTreatment(trace);
        }
        else
        {
            trace.Chosen.CopyTo(trace.OfferedChoices);
            trace.OfferedCount = trace.ChosenCount;
        }
    }

    /// <summary>
    /// Makes the standard treatment what the customer gets, after what is mandatory; nothing, where the standard treatment fell or there
    /// is none. So it is for a held-out customer, and where the policy wants it for a decision that cannot be logged.
    /// </summary>
    /// <param name="trace">A decision of this model.</param>
    public void OfferStandardTreatment(DecisionTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        int standard = trace.Candidates[StandardTreatment].FellAt == Stage.None && !IsMandatory(StandardTreatment) ? StandardTreatment : 0;
        int count = 0;
        foreach (Choice choice in trace.Chosen)
        {
            // The first one that is not mandatory tells that there is a slot left.
            bool mandatory = IsMandatory(choice.Candidate);
            trace.OfferedChoices[count++] = mandatory ? choice : new Choice(standard, 1, trace.Candidates[standard].NeedsApproval);
            if (!mandatory)
            {
                break;
            }
        }
        trace.OfferedCount = count;
    }

    /// <summary>Why a candidate fell, as the trace says it, with the comparison and the value where it was a rule.</summary>
    /// <param name="block">The rows that were scored, as they were decided on.</param>
    /// <param name="row">The one decided on.</param>
    /// <param name="trace">The decision.</param>
    /// <param name="candidate">Index of the candidate.</param>
    public Fall FallOf(ScoreBlock block, int row, DecisionTrace trace, int candidate)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(trace);
        Candidate became = trace.Candidates[candidate];
        if (became.Fall.Reason != FallReason.Rule)
        {
            return became.Fall;
        }
        CompiledRule rule = RuleOf(candidate - 1, became.FellAt);
        RuleScores scores = RuleScoresOf(block, row);
        int comparison = rule.FirstFailure(block.Row(row), in scores);
        return new Fall(FallReason.Rule, comparison, rule.ValueOf(comparison, block.Row(row), in scores));
    }

    /// <summary>What a candidate is worth for a row, whether it fell or not: the value that the ranking is by.</summary>
    /// <param name="block">Rows that were scored.</param>
    /// <param name="row">One of them.</param>
    /// <param name="candidate">Index of the candidate.</param>
    /// <param name="input">The decision's input, of which channel and counts matter.</param>
    public PropositionValue ValueOf(ScoreBlock block, int row, int candidate, in DecisionInput input)
    {
        Require(block, row, in input);
        return candidate == 0 ? PropositionValue.OfDoingNothing : Value(block, row, candidate - 1, CountsOf(candidate - 1, in input), input.Channel);
    }

    /// <summary>The stage at which a proposition falls, with why and the door of the gate; none where it stays in.</summary>
    private Stage StageOf(
        int a, ScoreBlock block, int row, in DecisionInput input, in RuleScores scores, DecisionTrace trace, ref Candidate candidate)
    {
        CandidateTerms terms = _terms[a];
        ReadOnlySpan<float> values = block.Row(row);
        FallReason reason = terms.WhyNotValid(in input);
        if (reason != FallReason.None)
        {
            candidate.Fall = terms.FallOf(reason, in input);
            return Stage.Validity;
        }
        if (!input.BudgetLeft.IsEmpty && input.BudgetLeft[a] < double.PositiveInfinity
            && Scorer.Values.CostOfOffer(a, values, input.Channel) is double most && input.BudgetLeft[a] < most)
        {
            candidate.Fall = new Fall(FallReason.BudgetSpent, 0, input.BudgetLeft[a], most);
            return Stage.Budget;
        }
        if (!input.VolumeLeft.IsEmpty && input.VolumeLeft[a] < 1)
        {
            candidate.Fall = new Fall(FallReason.VolumeReached, 0, input.VolumeLeft[a], 1);
            return Stage.Budget;
        }
        ref readonly Fall contact = ref trace.ContactFalls[a];
        if (contact.Reason != FallReason.None)
        {
            candidate.Fall = contact;
            return contact.Reason == FallReason.NoConsent ? Stage.Consent : Stage.ContactPolicy;
        }
        bool known = block.RulesOf == _origin;
        for (int stage = 0; stage < RuleStages; stage++)
        {
            int index = (a * RuleStages) + stage;
            if (_rules[index] is not { } rule)
            {
                continue;
            }
            bool passes = known ? ((block.RulesPassed[index] >> row) & 1) != 0 : rule.Evaluate(values, in scores) == Truth.True;
            if (!passes)
            {
                candidate.Fall = new Fall(FallReason.Rule);
                return Stage.Eligibility + (byte)stage;
            }
        }
        double customerValue = Scorer.Values.CustomerValue(a, trace.SegmentIndex);
        if (customerValue < terms.MinimumCustomerValue)
        {
            candidate.Fall = new Fall(FallReason.CustomerValue, 0, customerValue, terms.MinimumCustomerValue);
            return Stage.Suitability;
        }
        if (terms.Gated && DifferentiationGate.IsFor(trace.Tier))
        {
            double evidence = input.EvidenceBound.IsEmpty ? _evidence[((int)trace.Tier! * _terms.Length) + a] : input.EvidenceBound[a];
            double cost = Scorer.Values.CostOfOffer(a, values, input.Channel);
            candidate.Door = _gate.DoorFor(block.Potentials[row], evidence, trace.InGateTest, input.GateTestSpent, cost);
            if (candidate.Door == GateDoor.Closed)
            {
                candidate.Fall = new Fall(FallReason.Gate, 0, block.Potentials[row], _gate.PotentialThreshold);
                return Stage.Gate;
            }
        }
        return Stage.None;
    }

    private PropositionValue Value(ScoreBlock block, int row, int a, CandidateCounts counts, int channel)
    {
        double propensity = 1;
        if (_terms[a].NeedsAcceptance)
        {
            double rate = _smoothing.Rate(_terms[a].Prior, in counts);
            propensity = Scorer.Propensity(a, Scorer.Probability(block, row, a), rate);
        }
        return Scorer.Values.Evaluate(a, block.Row(row), block.SegmentIndexes[row], propensity, channel);
    }

    /// <summary>
    /// Fills the slots: mandatory candidates for certain, then by draws without replacement among the others, until do nothing is drawn.
    /// </summary>
    private void Choose(in DecisionInput input, DecisionTrace trace)
    {
        Exploration exploration = input.Channel < 0 ? _defaultExploration : _exploration[input.Channel];
        int slots = Math.Min(input.Slots, CandidateCount);
        if (slots == 1 && exploration.Kind == ExplorationKind.None)
        {
            int best = trace.Best();
            trace.Candidates[best].ActionProbability = 1;
            trace.ChosenChoices[0] = new Choice(best, 1, trace.Candidates[best].NeedsApproval);
            trace.ChosenCount = 1;
            return;
        }
        int count = 0;
        int open = 0;
        foreach (int c in trace.Order)
        {
            if (!IsMandatory(c))
            {
                trace.Open[open++] = c;
            }
            else if (count < slots)
            {
                trace.Candidates[c].ActionProbability = count == 0 ? 1 : 0;
                trace.ChosenChoices[count++] = new Choice(c, 1, trace.Candidates[c].NeedsApproval);
            }
        }
        SeededRandom random = exploration.Kind == ExplorationKind.None ? default : new((long)input.Seed, ExplorationStream);
        for (bool ended = false; !ended && count < slots && open > 0; count++, open--)
        {
            Span<int> left = trace.Open.AsSpan(0, open);
            Span<double> probabilities = trace.Probabilities.AsSpan(0, open);
            int at = 0;
            probabilities[0] = 1;
            if (exploration.Kind != ExplorationKind.None)
            {
                Span<double> scores = trace.Scores.AsSpan(0, open);
                for (int i = 0; i < open; i++)
                {
                    scores[i] = trace.Candidates[left[i]].Value.Score;
                }
                ActionDistribution.Fill(exploration, _scale, scores, probabilities);
                at = ActionDistribution.Draw(probabilities, random.NextDouble());
                for (int i = 0; count == 0 && i < open; i++)
                {
                    trace.Candidates[left[i]].ActionProbability = probabilities[i];
                }
            }
            else if (count == 0)
            {
                trace.Candidates[left[0]].ActionProbability = 1;
            }
            int chosen = left[at];
            trace.ChosenChoices[count] = new Choice(chosen, probabilities[at], trace.Candidates[chosen].NeedsApproval);
            ended = chosen == 0;
            left[(at + 1)..].CopyTo(left[at..]);
        }
        trace.ChosenCount = count;
    }

    /// <summary>Whether a candidate must be made.</summary>
    internal bool IsMandatory(int candidate) => candidate > 0 && _terms[candidate - 1].Mandatory;

    private static CandidateCounts CountsOf(int a, in DecisionInput input) => input.Counts.IsEmpty ? default : input.Counts[a];

    private static Tier? TierOf(ScoreBlock block, int row) => float.IsNaN(block.Profits[row]) ? null : block.Tiers[row];

    private RuleScores RuleScoresOf(ScoreBlock block, int row)
        => new(Models.Segments.Segments[block.SegmentIndexes[row]].Id, block.Tiers[row], block.Profits[row], block.Potentials[row]);

    private static double[] EvidenceOf(Workspace workspace)
    {
        int count = workspace.Propositions.Length;
        double[] evidence = new double[Enum.GetValues<Tier>().Length * count];
        evidence.AsSpan().Fill(double.NaN);
        foreach (GateEvidence measured in workspace.Policy.Gate.Evidence)
        {
            evidence[((int)measured.Tier * count) + IndexOf(workspace, measured.Proposition)] = measured.LowerBound;
        }
        return evidence;
    }

    private static int IndexOf(Workspace workspace, string proposition)
    {
        for (int a = 0; a < workspace.Propositions.Length; a++)
        {
            if (workspace.Propositions[a].Id == proposition)
            {
                return a;
            }
        }
        throw new ArgumentException($"the policy names proposition '{proposition}', which the catalogue lacks", nameof(workspace));
    }

    private void Require(ScoreBlock block, int row, in DecisionInput input)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        if (block.ScoredBy != Scorer || row >= block.Count)
        {
            throw new ArgumentException("the row was not scored by this model's scorer", nameof(block));
        }
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(input.Slots);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(input.Channel, _exploration.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(input.Role, Roles.Length);
        RequireLength(input.Counts.Length, nameof(input.Counts));
        RequireLength(input.BudgetLeft.Length, nameof(input.BudgetLeft));
        RequireLength(input.VolumeLeft.Length, nameof(input.VolumeLeft));
        RequireLength(input.EvidenceBound.Length, nameof(input.EvidenceBound));
    }

    private void RequireLength(int length, string what)
    {
        if (length != 0 && length != _terms.Length)
        {
            throw new ArgumentException($"{what}: {length} values, expected none or one for each of {_terms.Length} propositions");
        }
    }
}
