using System.Collections.Immutable;
using System.Diagnostics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Synthetic;

/// <summary>
/// A customer base whose truth is known in closed form. Customers belong to overlapping segments, which are spherical
/// and normal in the standardised (log1p where flagged) segment features, and which weigh needs differently. Expected
/// profit is a formula of the features; acceptance is logistic in the features and in the fit between a proposition's
/// benefits and the needs of the customer's segment; the value of a proposition is that of the engine's own decision
/// formula with the true probability of acceptance. The definition is the same for every seed, the customers are not.
/// Rows hold the customer features in schema order (channel left out). Immutable and thread-safe.
/// </summary>
public sealed class SyntheticWorld
{
    /// <summary>The logging policy's action weights, per 10,000, from its favourite proposition down.</summary>
    private static readonly ImmutableArray<int> ActionWeights = [4000, 2000, 1200, 800, 400, 400, 400, 400, 400];

    private readonly double[] _logShares;
    private readonly double[] _affinity;
    private readonly double[] _customerValue;
    private readonly CustomerGenerator _generator;

    /// <summary>The world whose customers are drawn with <paramref name="seed"/>.</summary>
    public SyntheticWorld(long seed)
    {
        Seed = seed;
        Debug.Assert(ActionWeights.Length == Propositions.Length);
        _logShares = [.. Segments.Select(segment => DeterministicMath.Log(segment.Share))];
        _affinity = new double[Segments.Length * Propositions.Length];
        _customerValue = new double[Segments.Length * Propositions.Length];
        for (int s = 0; s < Segments.Length; s++)
        {
            for (int a = 0; a < Propositions.Length; a++)
            {
                int i = (s * Propositions.Length) + a;
                for (int n = 0; n < Needs.Length; n++)
                {
                    double weight = Segments[s].NeedWeights[n];
                    _affinity[i] += weight * Propositions[a].Benefits[n];
                    _customerValue[i] += weight * (Propositions[a].Benefits[n] - Propositions[a].Sacrifices[n]);
                }
            }
        }
        _generator = new CustomerGenerator(this);
    }

    /// <summary>Seed of the customers.</summary>
    public long Seed { get; }

    /// <summary>The moment the customer features describe; offers were decided in the year before.</summary>
    public DateTime AsOf { get; } = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Customer features, then the context feature <c>channel</c>.</summary>
    public FeatureSchema Schema => WorldSchema.Schema;

    /// <summary>The channels, in the order of their codes.</summary>
    public ImmutableArray<string> Channels => WorldSchema.Channels;

    /// <summary>The channel of the truth: the default of the context feature.</summary>
    public int DefaultChannel => (int)Schema.Features[Schema.CustomerCount].Default;

    /// <summary>The needs customers weigh.</summary>
    public ImmutableArray<WorldNeed> Needs => WorldCatalogue.Needs;

    /// <summary>The true segments.</summary>
    public ImmutableArray<WorldSegment> Segments => WorldCatalogue.Segments;

    /// <summary>How the segment features are made, in schema order.</summary>
    public ImmutableArray<WorldScale> SegmentScales => WorldCatalogue.SegmentScales;

    /// <summary>The propositions. Every customer may have each of them.</summary>
    public ImmutableArray<WorldProposition> Propositions => WorldCatalogue.Propositions;

    /// <summary>Expected revenue of a year, EUR.</summary>
    public WorldFormula Revenue => WorldCatalogue.Revenue;

    /// <summary>Expected cost of a year, EUR.</summary>
    public WorldFormula Cost => WorldCatalogue.Cost;

    /// <summary>Cost of one contact, EUR, by channel.</summary>
    public ImmutableArray<double> ContactCosts => WorldCatalogue.ContactCosts;

    /// <summary>EUR per unit of customer value.</summary>
    public double CustomerWeight => 40;

    /// <summary>What a unit of affinity, sum over needs of weight x benefit, adds to the log-odds of acceptance.</summary>
    public double AffinityWeight => WorldCatalogue.AffinityWeight;

    /// <summary>Expected annual revenue - annual cost of a customer, EUR: the best prediction from the features.</summary>
    public double ExpectedProfit(ReadOnlySpan<float> row) => Revenue.Evaluate(row) - Cost.Evaluate(row);

    /// <summary>
    /// Standard deviation of realised profit around <see cref="ExpectedProfit"/>, EUR; the deviations follow Student's t
    /// with 5 degrees of freedom.
    /// </summary>
    public double ProfitDeviation(ReadOnlySpan<float> row)
        => WorldCatalogue.NoiseBase + (WorldCatalogue.NoiseShare * Revenue.Evaluate(row));

    /// <summary>True probability that a customer of a segment accepts a proposition offered in a channel.</summary>
    public double Propensity(int proposition, int segment, ReadOnlySpan<float> row, int channel)
    {
        WorldProposition a = Propositions[proposition];
        double affinity = _affinity[(segment * Propositions.Length) + proposition];
        return DeterministicMath.Sigmoid(
            a.Acceptance.Evaluate(row) + (AffinityWeight * affinity) + a.ChannelShifts[channel]);
    }

    /// <summary>Perceived benefits minus sacrifices of a proposition for a segment, -1..1.</summary>
    public double CustomerValue(int proposition, int segment)
        => _customerValue[(segment * Propositions.Length) + proposition];

    /// <summary>
    /// Expected value of offering a proposition, EUR: the organisation's value, p x incrementality x (margin + saving) +
    /// differentiation - p x fulfilment - contact, plus customer weight x p x customer value. Doing nothing is worth 0.
    /// </summary>
    /// <param name="proposition">Index into <see cref="Propositions"/>.</param>
    /// <param name="segment">Index into <see cref="Segments"/>.</param>
    /// <param name="row">Customer features.</param>
    /// <param name="channel">Index into <see cref="Channels"/>.</param>
    /// <param name="propensity">Probability of acceptance, from <see cref="Propensity"/> or an estimate.</param>
    public double Value(int proposition, int segment, ReadOnlySpan<float> row, int channel, double propensity)
    {
        WorldProposition a = Propositions[proposition];
        double gain = propensity * a.Incrementality * (a.Margin.Evaluate(row) + a.Saving.Evaluate(row));
        double organisation = gain + a.Differentiation - (propensity * a.Fulfilment) - ContactCosts[channel];
        return organisation + (CustomerWeight * propensity * CustomerValue(proposition, segment));
    }

    /// <summary>
    /// The logging policy of the past offers: 10,000 x the action probability of each proposition, which depends on
    /// spend, discount share and tenure and on <paramref name="rotation"/>, which was drawn apart. Probabilities are
    /// 0.04..0.4 and sum to exactly 1.
    /// </summary>
    public void LoggingPolicy(ReadOnlySpan<float> row, int rotation, Span<int> perTenThousand)
    {
        int favourite = rotation
            + (row[WorldSchema.DiscountShare] >= 50 ? 1 : 0)
            + (row[WorldSchema.MonthlySpend] >= 45 ? 2 : 0)
            + (row[WorldSchema.TenureMonths] < 24 ? 4 : 0);
        for (int rank = 0; rank < ActionWeights.Length; rank++)
        {
            // A step of two, which shares no factor with nine, visits every proposition once.
            perTenThousand[(favourite + (2 * rank)) % ActionWeights.Length] = ActionWeights[rank];
        }
    }

    /// <summary>
    /// The Bayes rule: the segment most probable given the segment features, from the true shares and densities. A
    /// missing feature says nothing. No rule that sees only the features agrees better with the true segments.
    /// </summary>
    public int MostProbableSegment(ReadOnlySpan<float> row)
    {
        ReadOnlySpan<WorldScale> scales = SegmentScales.AsSpan();
        Span<double> z = stackalloc double[scales.Length];
        for (int i = 0; i < z.Length; i++)
        {
            WorldScale scale = scales[i];
            double value = row[scale.Feature];
            value = Schema.Features[scale.Feature].Log1P ? DeterministicMath.Log1P(value) : value;
            z[i] = (value - scale.Centre) / scale.Spread;
        }
        int best = 0;
        double bestLog = double.NegativeInfinity;
        for (int s = 0; s < Segments.Length; s++)
        {
            double log = _logShares[s];
            for (int i = 0; i < z.Length; i++)
            {
                double d = z[i] - Segments[s].Means[i];
                log -= double.IsNaN(d) ? 0 : 0.5 * d * d;
            }
            (best, bestLog) = log > bestLog ? (s, log) : (best, bestLog);
        }
        return best;
    }

    /// <summary>
    /// Draws customer <paramref name="index"/> (0 is C0000001) into <paramref name="customer"/>, which is overwritten.
    /// The same for a seed and an index, whatever else is drawn.
    /// </summary>
    public void Generate(long index, SyntheticCustomer customer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentNullException.ThrowIfNull(customer);
        _generator.Generate(index, customer);
    }
}
