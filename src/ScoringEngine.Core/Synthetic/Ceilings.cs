namespace ScoringEngine.Core.Synthetic;

/// <summary>
/// Tallies of one block of customers, from which the ceilings follow. Counts are exact; sums are added within a block in
/// customer order and over blocks in block order, so that they do not depend on threads.
/// </summary>
internal sealed class Ceilings(int segments, int propositions)
{
    /// <summary>Bins of probability; offers within one bin count as ties, which moves an AUC by less than 0.0001.</summary>
    private const int Bins = 4096;

    private readonly long[] _contingency = new long[segments * segments];
    private readonly long[] _accepted = new long[propositions * Bins];
    private readonly long[] _declined = new long[propositions * Bins];
    private readonly double[] _values = new double[propositions];

    private long _customers;
    private double _profit;
    private double _squaredProfit;
    private double _squaredError;
    private double _oracle;
    private double _propensityOnly;
    private long _destroyers;

    public long Offers { get; private set; }

    public double DestroyerShare => (double)_destroyers / _customers;

    public double OracleValue => _oracle / _customers;

    public double PropensityOnlyValue => _propensityOnly / _customers;

    /// <summary>Share of the variance of realised profit that expected profit explains.</summary>
    public double ProfitR2 => 1 - (_squaredError / (_squaredProfit - (_profit * _profit / _customers)));

    /// <summary>Mean value of offering one proposition to everyone.</summary>
    public double SingleValue(int proposition) => _values[proposition] / _customers;

    public void Clear()
    {
        Array.Clear(_contingency);
        Array.Clear(_accepted);
        Array.Clear(_declined);
        Array.Clear(_values);
        (_customers, Offers, _destroyers) = (0, 0, 0);
        (_profit, _squaredProfit, _squaredError, _oracle, _propensityOnly) = (0, 0, 0, 0, 0);
    }

    /// <summary>Adds a customer with the true value and probability of each proposition and the Bayes rule's segment.</summary>
    public void Add(SyntheticCustomer customer, int bayes, ReadOnlySpan<double> values, ReadOnlySpan<double> propensities)
    {
        _customers++;
        _contingency[(customer.Segment * segments) + bayes]++;
        double profit = (customer.RevenueCents - customer.CostCents) / 100.0;
        double error = profit - customer.ExpectedProfit;
        _profit += profit;
        _squaredProfit += profit * profit;
        _squaredError += error * error;
        _destroyers += customer.ExpectedProfit < 0 ? 1 : 0;

        double best = 0; // doing nothing
        int likeliest = 0;
        for (int a = 0; a < propositions; a++)
        {
            _values[a] += values[a];
            best = Math.Max(best, values[a]);
            likeliest = propensities[a] > propensities[likeliest] ? a : likeliest;
        }
        _oracle += best;
        _propensityOnly += values[likeliest];

        Offers += customer.OfferCount;
        foreach (SyntheticOffer offer in customer.Offers.AsSpan(0, customer.OfferCount))
        {
            if (offer.Presented)
            {
                int bin = (offer.Proposition * Bins) + Math.Min(Bins - 1, (int)(offer.Propensity * Bins));
                (offer.Accepted ? _accepted : _declined)[bin]++;
            }
        }
    }

    /// <summary>Adds the tallies of the next block.</summary>
    public void Add(Ceilings next)
    {
        AddTo(_contingency, next._contingency);
        AddTo(_accepted, next._accepted);
        AddTo(_declined, next._declined);
        for (int a = 0; a < propositions; a++)
        {
            _values[a] += next._values[a];
        }
        _customers += next._customers;
        _profit += next._profit;
        _squaredProfit += next._squaredProfit;
        _squaredError += next._squaredError;
        _oracle += next._oracle;
        _propensityOnly += next._propensityOnly;
        _destroyers += next._destroyers;
        Offers += next.Offers;
    }

    /// <summary>Adjusted Rand index (Hubert and Arabie, 1985) of the Bayes rule's segments and the true ones.</summary>
    public double SegmentAri()
    {
        double pairs = Pairs(_customers);
        double both = 0;
        double trueOnly = 0;
        double bayesOnly = 0;
        for (int i = 0; i < segments; i++)
        {
            long row = 0;
            long column = 0;
            for (int j = 0; j < segments; j++)
            {
                both += Pairs(_contingency[(i * segments) + j]);
                row += _contingency[(i * segments) + j];
                column += _contingency[(j * segments) + i];
            }
            trueOnly += Pairs(row);
            bayesOnly += Pairs(column);
        }
        double expected = trueOnly * bayesOnly / pairs;
        double maximum = 0.5 * (trueOnly + bayesOnly);

        // With a single pair or a single segment on both sides the two partitions are the same.
        return maximum == expected || pairs == 0 ? 1 : (both - expected) / (maximum - expected);
    }

    /// <summary>
    /// AUC of the true probability over all presented offers; NaN without both answers. Ties count half.
    /// </summary>
    public double AcceptanceAuc()
    {
        long[] accepted = new long[Bins];
        long[] declined = new long[Bins];
        for (int i = 0; i < _accepted.Length; i++)
        {
            accepted[i % Bins] += _accepted[i];
            declined[i % Bins] += _declined[i];
        }
        (double ordered, double pairs) = OrderedPairs(accepted, declined);
        return ordered / pairs;
    }

    /// <summary>As <see cref="AcceptanceAuc"/>, over the pairs of offers of the same proposition.</summary>
    public double AcceptanceAucWithinProposition()
    {
        double ordered = 0;
        double pairs = 0;
        for (int a = 0; a < propositions; a++)
        {
            (double o, double p) = OrderedPairs(_accepted.AsSpan(a * Bins, Bins), _declined.AsSpan(a * Bins, Bins));
            ordered += o;
            pairs += p;
        }
        return ordered / pairs;
    }

    private static (double Ordered, double Pairs) OrderedPairs(ReadOnlySpan<long> accepted, ReadOnlySpan<long> declined)
    {
        double ordered = 0;
        long acceptedSum = 0;
        long declinedSum = 0;
        for (int bin = 0; bin < Bins; bin++)
        {
            ordered += accepted[bin] * (declinedSum + (0.5 * declined[bin]));
            acceptedSum += accepted[bin];
            declinedSum += declined[bin];
        }
        return (ordered, (double)acceptedSum * declinedSum);
    }

    private static double Pairs(long count) => 0.5 * count * (count - 1);

    private static void AddTo(long[] sum, long[] next)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += next[i];
        }
    }
}
