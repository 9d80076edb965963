using System.Collections.Immutable;
using System.Diagnostics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// The catalogue, needs and policy of a workspace, compiled against a feature schema and the segments of a model: what
/// each proposition is worth for a row. Immutable and thread-safe; evaluation allocates nothing.
/// </summary>
public sealed class ValueModel
{
    /// <summary>Name of the context feature that says in which channel an offer is made.</summary>
    public const string ChannelFeature = "channel";

    private readonly Compiled[] _propositions;
    private readonly double[] _customerValue; // [segment x proposition]
    private readonly int _channel;
    private readonly double _customerWeight;
    private readonly double _minimumCustomerValue;

    /// <summary>Compiles a workspace.</summary>
    /// <param name="workspace">Catalogue, needs and policy.</param>
    /// <param name="schema">The schema of the rows.</param>
    /// <param name="segmentIds">Segment id by segment index.</param>
    /// <exception cref="ArgumentException">An amount depends on a feature that the schema lacks.</exception>
    public ValueModel(Workspace workspace, FeatureSchema schema, IReadOnlyList<int> segmentIds)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(segmentIds);
        Propositions = workspace.Propositions;
        _channel = schema.IndexOf(ChannelFeature);
        _customerWeight = workspace.Policy.CustomerWeight;
        _minimumCustomerValue = workspace.Policy.MinimumCustomerValue;
        _propositions = [.. Propositions.Select(p => new Compiled(p, workspace, schema))];
        _customerValue = new double[segmentIds.Count * Propositions.Length];
        SegmentNeeds = [.. segmentIds.Select(workspace.Needs.Of)];
        for (int s = 0; s < segmentIds.Count; s++)
        {
            for (int a = 0; a < Propositions.Length; a++)
            {
                _customerValue[(s * Propositions.Length) + a] = PerceivedValue(SegmentNeeds[s], Propositions[a]);
            }
        }
    }

    /// <summary>The propositions by index.</summary>
    public ImmutableArray<Proposition> Propositions { get; }

    /// <summary>The need weights by segment index.</summary>
    public ImmutableArray<NeedWeights> SegmentNeeds { get; }

    /// <summary>Number of candidates: every proposition and "do nothing".</summary>
    public int CandidateCount => _propositions.Length + 1;

    /// <summary>
    /// Vcust: sum over needs of weight * (benefit - sacrifice), -1..1.
    /// </summary>
    public static double PerceivedValue(NeedWeights needs, Proposition proposition)
    {
        ArgumentNullException.ThrowIfNull(needs);
        ArgumentNullException.ThrowIfNull(proposition);
        double value = 0;
        foreach ((string need, double weight) in needs.Weights)
        {
            value += weight * (proposition.Benefits.GetValueOrDefault(need) - proposition.Sacrifices.GetValueOrDefault(need));
        }
        return Math.Clamp(value, -1, 1);
    }

    /// <summary>What a proposition is worth for a customer.</summary>
    /// <param name="proposition">Index in <see cref="Propositions"/>.</param>
    /// <param name="row">All features of the schema, context included.</param>
    /// <param name="segment">Segment index.</param>
    /// <param name="propensity">Calibrated probability of acceptance, 0..1; not used where nothing has to be accepted.</param>
    /// <param name="channel">Index among the workspace's channels, -1 when not told; not used where a row tells its channel.</param>
    public PropositionValue Evaluate(int proposition, ReadOnlySpan<float> row, int segment, double propensity, int channel = -1)
    {
        Compiled a = _propositions[proposition];
        double p = a.NeedsAcceptance ? propensity : 1;
        Debug.Assert(p is >= 0 and <= 1);
        double margin = a.Margin.Of(row);
        double saving = a.Saving.Of(row);
        double contact = a.ContactCost(ChannelOf(row, channel));
        double dp = p * a.Incrementality;
        double customer = CustomerValue(proposition, segment);
        double organisation = (dp * (margin + saving)) + a.Differentiation - (p * a.Fulfilment) - contact;
        double slope = (a.Incrementality * (margin + saving)) - a.Fulfilment;
        double breakEven = slope == 0 ? double.NaN : (contact - a.Differentiation) / slope;
        return new PropositionValue
        {
            Proposition = proposition,
            Propensity = p,
            IncrementalPropensity = dp,
            Revenue = dp * margin,
            Saving = dp * saving,
            FulfilmentCost = p * a.Fulfilment,
            ContactCost = contact,
            Differentiation = a.Differentiation,
            OrganisationValue = organisation,
            CustomerValue = customer,
            Score = organisation + (_customerWeight * p * customer),
            Label = (organisation > 0, customer >= _minimumCustomerValue) switch
            {
                (true, true) => Label.BothWin,
                (true, false) => Label.OrganisationOnly,
                (false, true) => Label.CustomerOnly,
                _ => Label.Neither,
            },
            BreakEvenPropensity = breakEven is >= 0 and <= 1 ? breakEven : double.NaN,
        };
    }

    /// <summary>Vcust of a proposition in a segment, -1..1.</summary>
    public double CustomerValue(int proposition, int segment) => _customerValue[(segment * _propositions.Length) + proposition];

    /// <summary>Most that one offer can cost: its contact, and its fulfilment where it is accepted. What a budget has to cover.</summary>
    /// <param name="proposition">Index in <see cref="Propositions"/>.</param>
    /// <param name="row">All features of the schema, context included.</param>
    /// <param name="channel">Index among the workspace's channels, -1 when not told; not used where a row tells its channel.</param>
    public double CostOfOffer(int proposition, ReadOnlySpan<float> row, int channel = -1)
        => _propositions[proposition].ContactCost(ChannelOf(row, channel)) + _propositions[proposition].Fulfilment;

    /// <summary>
    /// Values every candidate and sorts them, best first. Equal scores keep "do nothing" first and then the catalogue's
    /// order, so that a ranking never depends on the sort.
    /// </summary>
    /// <param name="row">All features of the schema, context included.</param>
    /// <param name="segment">Segment index.</param>
    /// <param name="propensities">Propensity by proposition index.</param>
    /// <param name="ranked">Receives <see cref="CandidateCount"/> candidates.</param>
    public void Rank(ReadOnlySpan<float> row, int segment, ReadOnlySpan<float> propensities, Span<PropositionValue> ranked)
    {
        if (propensities.Length != _propositions.Length || ranked.Length < CandidateCount)
        {
            throw new ArgumentException($"expected {_propositions.Length} propensities and room for {CandidateCount} candidates");
        }
        ranked[0] = PropositionValue.OfDoingNothing;
        for (int a = 0; a < _propositions.Length; a++)
        {
            // Insertion sort: stable, and the fastest for the few dozen candidates there are.
            PropositionValue value = Evaluate(a, row, segment, propensities[a]);
            int position = a + 1;
            while (position > 0 && ranked[position - 1].Score < value.Score)
            {
                ranked[position] = ranked[position - 1];
                position--;
            }
            ranked[position] = value;
        }
    }

    // The workspace's channels are the categories of the feature, where there is one. A code that is none of them has no index.
    private int ChannelOf(ReadOnlySpan<float> row, int channel)
        => _channel < 0 ? channel : row[_channel] is >= 0 and < int.MaxValue and float code ? (int)code : -1;

    private sealed class Compiled
    {
        private readonly double[] _contactByChannel;
        private readonly double _defaultContact;

        public Compiled(Proposition proposition, Workspace workspace, FeatureSchema schema)
        {
            Policy policy = workspace.Policy;
            Margin = new CompiledAmount(proposition.Margin, policy, schema);
            Saving = new CompiledAmount(proposition.Saving, policy, schema);
            Differentiation = proposition.Differentiation;
            Fulfilment = proposition.Fulfilment;
            Incrementality = proposition.Incrementality ?? policy.DefaultIncrementality;
            NeedsAcceptance = proposition.NeedsAcceptance;
            _defaultContact = proposition.DefaultContact;
            _contactByChannel = [.. workspace.Channels.Select(c => proposition.Contact.GetValueOrDefault(c, _defaultContact))];
        }

        public CompiledAmount Margin { get; }

        public CompiledAmount Saving { get; }

        public double Differentiation { get; }

        public double Fulfilment { get; }

        public double Incrementality { get; }

        public bool NeedsAcceptance { get; }

        public double ContactCost(int channel)
            => (uint)channel < (uint)_contactByChannel.Length ? _contactByChannel[channel] : _defaultContact;
    }

    private sealed class CompiledAmount(Amount amount, Policy policy, FeatureSchema schema)
    {
        private readonly double _factor = policy.PresentValueFactor(amount.Every);
        private readonly (int Feature, double PerUnit)[] _terms = [.. amount.PerFeature.Select(t => (IndexOf(schema, t.Key), t.Value))];

        public double Of(ReadOnlySpan<float> row)
        {
            double sum = amount.Base;
            foreach ((int feature, double perUnit) in _terms)
            {
                float value = row[feature];
                if (!float.IsNaN(value))
                {
                    sum += perUnit * value;
                }
            }
            return sum * _factor;
        }

        private static int IndexOf(FeatureSchema schema, string feature)
            => schema.IndexOf(feature) is >= 0 and int index ? index
                : throw new ArgumentException($"an amount depends on '{feature}', which is no feature of the schema", nameof(schema));
    }
}
