namespace ScoringEngine.Core.Value;

/// <summary>
/// Cumulative profit over customers sorted from best to worst (Kaplan and Narayanan, "Measuring and Managing Customer
/// Profitability", 2001): it rises to a peak above the total where some customers destroy value. Immutable.
/// </summary>
public sealed class WhaleCurve
{
    private readonly double[] _sorted;
    private readonly double[] _cumulative;

    /// <summary>The curve of the profits, in any order, all finite.</summary>
    /// <exception cref="ArgumentException">There is no profit, or one is NaN or infinite.</exception>
    public WhaleCurve(ReadOnlySpan<float> profits)
    {
        if (profits.IsEmpty)
        {
            throw new ArgumentException("expected at least one customer", nameof(profits));
        }
        _sorted = new double[profits.Length];
        _cumulative = new double[profits.Length];
        for (int i = 0; i < profits.Length; i++)
        {
            if (!float.IsFinite(profits[i]))
            {
                throw new ArgumentException($"profit {i} is not finite", nameof(profits));
            }
            _sorted[i] = -profits[i];
        }
        Array.Sort(_sorted);
        double sum = 0;
        for (int i = 0; i < _sorted.Length; i++)
        {
            _sorted[i] = -_sorted[i];
            sum += _sorted[i];
            _cumulative[i] = sum;
            if (sum > Peak)
            {
                Peak = sum;
                PeakCustomers = i + 1;
            }
        }
        Total = sum;
    }

    /// <summary>Number of customers.</summary>
    public int Customers => _sorted.Length;

    /// <summary>Highest cumulative profit; 0 where nobody is profitable.</summary>
    public double Peak { get; }

    /// <summary>How many of the best customers make the peak.</summary>
    public int PeakCustomers { get; }

    /// <summary>Profit of all customers.</summary>
    public double Total { get; }

    /// <summary>Cumulative profit of the best <paramref name="share"/> (0..1) of the customers.</summary>
    public double At(double share)
    {
        int count = (int)Math.Round(share * Customers);
        return count <= 0 ? 0 : _cumulative[Math.Min(count, Customers) - 1];
    }

    /// <summary>
    /// The tier bounds that follow from the curve: creators are the best customers that together reach
    /// <paramref name="creatorsShare"/> (0..1) of the peak; the band is <paramref name="bandShare"/> of the mean absolute
    /// profit (0 or more). Nobody is a creator where nobody is profitable.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A share is out of its range or NaN.</exception>
    public TierBounds Bounds(double creatorsShare, double bandShare)
    {
        if (!(creatorsShare is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(creatorsShare), creatorsShare, "expected 0 to 1");
        }
        if (!(bandShare >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(bandShare), bandShare, "expected 0 or more");
        }
        double absolute = 0;
        foreach (double profit in _sorted)
        {
            absolute += Math.Abs(profit);
        }
        double band = bandShare * absolute / Customers;
        int creators = Array.FindIndex(_cumulative, c => c >= creatorsShare * Peak);
        double threshold = Peak > 0 ? _sorted[creators] : double.PositiveInfinity;
        return new TierBounds(band, Math.Max(threshold, Math.BitIncrement(band)));
    }
}
