using ScoringEngine.Core.Numerics;
using static ScoringEngine.Core.Synthetic.WorldSchema;

namespace ScoringEngine.Core.Synthetic;

/// <summary>Draws customers, each from its own stream of random numbers.</summary>
internal sealed class CustomerGenerator
{
    private const int SecondsPerDay = 86_400;
    private const double DaysPerMonth = 30.4375;

    // Cumulative shares; 0..4 past offers are two on average.
    private static readonly double[] OfferCountShares = [0.10, 0.35, 0.65, 0.90, 1.00];
    private static readonly double[] ChannelShares = [0.30, 0.60, 0.75, 1.00];
    private static readonly double[] RegionShares = [0.22, 0.42, 0.57, 0.72, 0.94, 1.00];
    private static readonly double[] AcquisitionShares = [0.30, 0.58, 0.76, 0.88, 1.00];

    private static readonly double[] Powers = [1, 10, 100];

    private readonly SyntheticWorld _world;
    private readonly double[] _segmentShares;

    public CustomerGenerator(SyntheticWorld world)
    {
        _world = world;
        _segmentShares = new double[world.Segments.Length];
        double sum = 0;
        for (int s = 0; s < _segmentShares.Length; s++)
        {
            sum += world.Segments[s].Share;
            _segmentShares[s] = sum;
        }
    }

    public void Generate(long index, SyntheticCustomer customer)
    {
        SeededRandom random = new(_world.Seed, index);
        customer.Index = index;
        customer.Segment = Pick(ref random, _segmentShares);
        DrawFeatures(ref random, customer.Segment, customer.Features);
        DrawProfit(ref random, customer);
        DrawOffers(ref random, customer);
    }

    private void DrawFeatures(ref SeededRandom random, int segment, Span<float> row)
    {
        WorldSegment s = _world.Segments[segment];
        for (int i = 0; i < _world.SegmentScales.Length; i++)
        {
            WorldScale scale = _world.SegmentScales[i];
            double value = scale.Centre + (scale.Spread * (s.Means[i] + random.NextNormal()));
            Set(row, scale.Feature, Schema.Features[scale.Feature].Log1P ? DeterministicMath.Exp(value) - 1 : value);
        }

        // All else depends on the segment only through what is written above, so the Bayes rule need look no further.
        double spend = DeterministicMath.Log1P(row[MonthlySpend]) - 3.8;
        double digital = (row[DigitalShare] - 50) / 12;
        double discount = (row[DiscountShare] - 48) / 12;
        Set(row, TenureMonths, -60 * DeterministicMath.Log(1 - random.NextDouble()));
        bool directDebit = random.NextDouble() < 0.65;
        Set(row, DirectDebit, directDebit ? 1 : 0);
        Set(row, LatePayments, Poisson(ref random, (directDebit ? 0.25 : 1.0) * DeterministicMath.Exp(0.4 * discount)));
        Set(row, ProductsHeld, 1 + Poisson(ref random, 0.9 * DeterministicMath.Exp(0.5 * spend)));
        Set(row, ContractMonthsLeft, random.NextDouble() < 0.25 ? 0 : random.Next(25));
        Set(row, HouseholdIncome,
            DeterministicMath.Exp(3.6 + (0.3 * spend) + (0.42 * random.NextNormal())));
        Set(row, Satisfaction, 7.2 - (0.5 * row[LatePayments]) + (1.7 * random.NextNormal()));
        Set(row, HasApp, random.NextDouble() < DeterministicMath.Sigmoid(0.2 + (0.9 * digital)) ? 1 : 0);
        Set(row, Region, Pick(ref random, RegionShares));
        Set(row, Plan, Math.Clamp(Math.Floor(1.9 + (1.1 * spend) + (0.8 * random.NextNormal())), 0, 3));
        Set(row, AcquisitionChannel, Pick(ref random, AcquisitionShares));
        Set(row, AgeBand, Math.Clamp(Math.Floor(3 - (0.6 * digital) + (1.4 * random.NextNormal())), 0, 5));

        // Missing at random.
        Lose(ref random, row, EveningShare, 0.02);
        Lose(ref random, row, HouseholdIncome, 0.08);
        Lose(ref random, row, Satisfaction, 0.30);
        Lose(ref random, row, AcquisitionChannel, 0.03);
    }

    private void DrawProfit(ref SeededRandom random, SyntheticCustomer customer)
    {
        customer.ExpectedProfit = _world.ExpectedProfit(customer.Features);
        long profit = Cents(
            customer.ExpectedProfit + (_world.ProfitDeviation(customer.Features) * StudentT5(ref random)));

        // Cost wanders on its own and revenue takes up the rest; where that would be below 0, cost gives way.
        double cost = Math.Max(0, _world.Cost.Evaluate(customer.Features)) * (0.9 + (0.2 * random.NextDouble()));
        customer.CostCents = Math.Max(Cents(cost), -profit);
        customer.RevenueCents = profit + customer.CostCents;
    }

    private void DrawOffers(ref SeededRandom random, SyntheticCustomer customer)
    {
        int window = (int)(Math.Min(365, customer.Features[TenureMonths] * 30) * SecondsPerDay);
        customer.OfferCount = window == 0 ? 0 : Pick(ref random, OfferCountShares);
        Span<int> ages = stackalloc int[customer.OfferCount];
        for (int i = 0; i < ages.Length; i++)
        {
            ages[i] = 1 + random.Next(window);
        }
        ages.Sort((a, b) => b.CompareTo(a));
        for (int i = 0; i < ages.Length; i++)
        {
            customer.Offers[i].SecondsAgo = ages[i];
            DrawOffer(ref random, customer, customer.Offers[i]);
        }
    }

    private void DrawOffer(ref SeededRandom random, SyntheticCustomer customer, SyntheticOffer offer)
    {
        float[] row = offer.Features;
        DrawEarlier(ref random, customer.Features, offer.SecondsAgo / (DaysPerMonth * SecondsPerDay), row);

        Span<int> perTenThousand = stackalloc int[_world.Propositions.Length];
        int rotation = random.NextDouble() < 0.5 ? 0 : random.Next(perTenThousand.Length);
        _world.LoggingPolicy(row, rotation, perTenThousand);
        int ticket = random.Next(10_000);
        int a = 0;
        while (ticket >= perTenThousand[a])
        {
            ticket -= perTenThousand[a++];
        }
        offer.Proposition = a;
        offer.ActionPerTenThousand = perTenThousand[a];
        offer.Channel = Pick(ref random, ChannelShares);
        offer.Propensity = _world.Propensity(a, customer.Segment, row, offer.Channel);
        offer.Presented = random.NextDouble() < 0.96;
        offer.Accepted = random.NextDouble() < offer.Propensity && offer.Presented;

        // The noise has mean one: exp(0.3 z - 0.3^2 / 2).
        double noise = DeterministicMath.Exp((0.3 * random.NextNormal()) - 0.045);
        WorldProposition proposition = _world.Propositions[a];
        offer.RevenueCents = offer.Accepted
            ? Cents((proposition.Margin.Evaluate(row) + proposition.Saving.Evaluate(row)) * noise) : 0;
        offer.CostCents = Cents((offer.Presented ? _world.ContactCosts[offer.Channel] : 0)
            + (offer.Accepted ? proposition.Fulfilment : 0));
    }

    /// <summary>The features some months before: most wander, a few have only grown.</summary>
    private static void DrawEarlier(ref SeededRandom random, ReadOnlySpan<float> now, double months, Span<float> row)
    {
        now.CopyTo(row);
        double years = months / 12;
        double root = Math.Sqrt(years);
        Set(row, TenureMonths, now[TenureMonths] - months);
        Set(row, MonthlySpend,
            now[MonthlySpend] * DeterministicMath.Exp((-0.04 * years) + (0.10 * root * random.NextNormal())));
        Set(row, DataUsage,
            now[DataUsage] * DeterministicMath.Exp((-0.10 * years) + (0.15 * root * random.NextNormal())));
        Set(row, SupportMinutes, now[SupportMinutes] * DeterministicMath.Exp(0.15 * random.NextNormal()));
        Set(row, RecencyDays, now[RecencyDays] * DeterministicMath.Exp(0.20 * random.NextNormal()));
        Set(row, ProductsHeld, now[ProductsHeld] - (random.NextDouble() < 0.15 * years ? 1 : 0));
        row[ProductsHeld] = Math.Max(1, row[ProductsHeld]);
        Set(row, LatePayments, now[LatePayments] - (random.NextDouble() < 0.5 * years ? 1 : 0));
        double left = now[ContractMonthsLeft] + Math.Floor(months);
        Set(row, ContractMonthsLeft, left > 24 ? left - 24 : left);
        Set(row, HasApp, random.NextDouble() < 0.10 * years ? 0 : now[HasApp]);
    }

    /// <summary>Rounds to the feature's decimals and clips to its range, so that the truth is that of the written value.</summary>
    private static void Set(Span<float> row, int feature, double value)
    {
        double power = Powers[Decimals[feature]];
        double rounded = Math.Round(value * power) / power;
        row[feature] = (float)Math.Clamp(rounded, 0, Schema.Features[feature].Maximum ?? float.MaxValue);
    }

    private static void Lose(ref SeededRandom random, Span<float> row, int feature, double share)
    {
        if (random.NextDouble() < share)
        {
            row[feature] = float.NaN;
        }
    }

    private static int Pick(ref SeededRandom random, ReadOnlySpan<double> cumulative)
    {
        double u = random.NextDouble();
        int i = 0;
        while (i < cumulative.Length - 1 && u >= cumulative[i])
        {
            i++;
        }
        return i;
    }

    /// <summary>Poisson by multiplication of uniforms (Knuth, 1969), for small means.</summary>
    private static int Poisson(ref SeededRandom random, double mean)
    {
        double limit = DeterministicMath.Exp(-mean);
        int count = 0;
        for (double product = random.NextDouble(); product > limit; product *= random.NextDouble())
        {
            count++;
        }
        return count;
    }

    /// <summary>Student's t with 5 degrees of freedom, scaled to variance 1: heavy tails with four finite moments.</summary>
    private static double StudentT5(ref SeededRandom random)
    {
        double z = random.NextNormal();
        double chiSquare = 0;
        for (int i = 0; i < 5; i++)
        {
            double y = random.NextNormal();
            chiSquare += y * y;
        }
        return z / Math.Sqrt(chiSquare / 5) * Math.Sqrt(3.0 / 5.0);
    }

    private static long Cents(double euros) => (long)Math.Round(euros * 100);
}
