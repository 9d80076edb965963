using System.Collections.Immutable;
using static ScoringEngine.Core.Synthetic.WorldSchema;
using static ScoringEngine.Core.Synthetic.WorldShape;

namespace ScoringEngine.Core.Synthetic;

/// <summary>The constants of the synthetic world, calibrated so that its ceilings are those the summary documents.</summary>
internal static class WorldCatalogue
{
    /// <summary>How strongly the fit of benefits and needs moves the log-odds of acceptance.</summary>
    public const double AffinityWeight = 2.4;

    /// <summary>Standard deviation of realised profit: a base in EUR, and a share of expected revenue.</summary>
    public const double NoiseBase = 115;
    public const double NoiseShare = 0.40;

    public static readonly ImmutableArray<WorldNeed> Needs =
    [
        new("price", ["It has to be cheap.", "I compare, and the \"best deal\" wins.", "No surprises on my bill, please"]),
        new("convenience", ["Just let me do it in the app.", "It must be quick, easy and done", "I do not want to call anyone"]),
        new("service", ["I want a person who knows my case.", "Pick up when I call!", "Somebody who solves it, the first time"]),
        new("recognition", ["I have been loyal for years, show it.", "Treat me like a good customer", "New customers get more than I do"]),
        new("security", ["I want to know I am covered.", "No risk, nothing new", "My data, my contract: \"safe\" is what counts"]),
        new("novelty", ["Give me the newest, now.", "More series, more music, more speed", "I get bored easily"]),
    ];

    // Price, convenience, service, recognition, security, novelty.
    public static readonly ImmutableArray<WorldSegment> Segments =
    [
        new("bargain_hunters", 0.24, [-1.3, 0.2, -0.9, 0.7, 0.7, 2.1, 0.2], [0.48, 0.18, 0.08, 0.08, 0.08, 0.10]),
        new("digital_natives", 0.20, [0.5, 0.5, -1.3, -1.3, 1.9, -0.8, -1.1], [0.16, 0.42, 0.04, 0.10, 0.08, 0.20]),
        new("service_seekers", 0.18, [0.5, -0.7, 2.1, -1.1, -1.0, 0.5, -0.2], [0.10, 0.08, 0.46, 0.14, 0.18, 0.04]),
        new("premium_loyals", 0.15, [1.9, 0.5, 0.7, 0.9, 0.1, -1.7, -1.0], [0.06, 0.14, 0.20, 0.42, 0.12, 0.06]),
        new("heavy_streamers", 0.13, [-0.1, 2.0, 0.3, 0.5, 0.3, -0.2, 2.1], [0.18, 0.16, 0.06, 0.08, 0.06, 0.46]),
        new("quiet_traditionals", 0.10, [-1.0, -1.9, -0.2, 1.1, -1.7, -0.6, 0.6], [0.22, 0.06, 0.20, 0.08, 0.40, 0.04]),
    ];

    public static readonly ImmutableArray<WorldScale> SegmentScales =
    [
        new(MonthlySpend, 3.80, 0.36),
        new(DataUsage, 2.60, 0.45),
        new(SupportMinutes, 2.00, 0.38),
        new(RecencyDays, 3.70, 0.42),
        new(DigitalShare, 50, 8.5),
        new(DiscountShare, 48, 8.0),
        new(EveningShare, 50, 8.0),
    ];

    /// <summary>Expected revenue of a year, EUR.</summary>
    public static readonly WorldFormula Revenue = new(0,
    [
        Term(12, Of(MonthlySpend)),
        Term(0.030, Of(MonthlySpend), Of(MonthlySpend)),
        Term(40, Of(ProductsHeld, Linear, 1)),
        Term(4, Of(MonthlySpend), Of(ProductsHeld, AtLeast, 3)),
        Term(90, Of(Plan, Is, 3)),
    ]);

    /// <summary>Expected cost of a year, EUR.</summary>
    public static readonly WorldFormula Cost = new(40,
    [
        Term(4.0, Of(MonthlySpend)),
        Term(0.035, Of(MonthlySpend), Of(DiscountShare)),
        Term(2.4, Of(DataUsage)),
        Term(5.0, Of(SupportMinutes)),
        Term(170, Of(SupportMinutes, AtLeast, 14), Of(DigitalShare, Below, 48)),
        Term(45, Of(LatePayments)),
        Term(1.6, Of(MonthlySpend), Of(LatePayments, AtLeast, 2)),
        Term(150, Of(TenureMonths, Below, 12)),
        Term(60, Of(AcquisitionChannel, Is, 2)),
    ]);

    /// <summary>Cost of one contact by channel, EUR, in the order of the channels.</summary>
    public static readonly ImmutableArray<double> ContactCosts = [1.50, 0.05, 1.00, 0.02];

    // Benefits and sacrifices: price, convenience, service, recognition, security, novelty.
    public static readonly ImmutableArray<WorldProposition> Propositions =
    [
        new()
        {
            Id = "rate_rebate",
            Name = "Rate rebate for a longer term",
            Kind = "commercial",
            Lever = "price",
            Category = "price",
            Margin = new(30, [new(MonthlySpend, 0.60)]),
            Fulfilment = 14,
            Incrementality = 0.60,
            Benefits = [0.90, 0.05, 0.00, 0.10, 0.10, 0.00],
            Sacrifices = [0.00, 0.10, 0.00, 0.10, 0.00, 0.15],
            ChannelShifts = [0, 0.15, -0.1, -0.3],
            Acceptance = new(-2.2,
            [
                Term(0.45, Of(DiscountShare, Linear, 50, 14)),
                Term(0.60, Of(ContractMonthsLeft, Below, 4)),
                Term(-0.25, Of(HouseholdIncome, Log, 3.6, 0.45)),
            ]),
        },
        new()
        {
            Id = "loyalty_bonus",
            Name = "Loyalty bonus with a personal thank-you",
            Kind = "commercial",
            Lever = "retain",
            Category = "recognition",
            Differentiated = true,
            Margin = new(20, [new(MonthlySpend, 0.75), new(TenureMonths, 0.25)]),
            Differentiation = 0.8,
            Fulfilment = 16,
            Incrementality = 0.60,
            Benefits = [0.15, 0.00, 0.10, 0.90, 0.10, 0.00],
            Sacrifices = [0.00, 0.05, 0.00, 0.00, 0.05, 0.00],
            ChannelShifts = [0, -0.2, 0.2, -0.3],
            Acceptance = new(-2.3,
            [
                Term(0.35, Of(TenureMonths, Log, 3.8, 1.0)),
                Term(0.30, Of(Satisfaction, Linear, 7, 2)),
                Term(0.45, Of(ProductsHeld, AtLeast, 3)),
            ]),
        },
        new()
        {
            Id = "unlimited_data",
            Name = "Upgrade to unlimited data",
            Kind = "commercial",
            Lever = "up_sell",
            Category = "product",
            Margin = new(70, [new(DataUsage, 1.6), new(MonthlySpend, 0.5)]),
            Fulfilment = 12,
            Incrementality = 0.75,
            Benefits = [0.00, 0.30, 0.00, 0.05, 0.00, 0.65],
            Sacrifices = [0.45, 0.00, 0.00, 0.00, 0.10, 0.00],
            ChannelShifts = [0, 0.2, 0.2, -0.2],
            Acceptance = new(-3.0,
            [
                Term(0.55, Of(DataUsage, Log, 2.6, 0.65)),
                Term(0.60, Of(Plan, Is, 0), Of(DataUsage, AtLeast, 15)),
                Term(-0.70, Of(Plan, Is, 3)),
            ]),
        },
        new()
        {
            Id = "device_insurance",
            Name = "Device and identity insurance",
            Kind = "commercial",
            Lever = "cross_sell",
            Category = "product",
            Margin = new(95, [new(HasApp, 25)]),
            Fulfilment = 9,
            Incrementality = 0.85,
            Benefits = [0.00, 0.05, 0.10, 0.00, 0.95, 0.00],
            Sacrifices = [0.25, 0.05, 0.00, 0.00, 0.00, 0.00],
            ChannelShifts = [0, -0.2, 0.3, -0.3],
            Acceptance = new(-2.6,
            [
                Term(0.30, Of(HouseholdIncome, Log, 3.6, 0.45)),
                Term(0.50, Of(DirectDebit, Is, 1)),
                Term(-0.40, Of(ProductsHeld, AtLeast, 4)),
            ]),
        },
        new()
        {
            Id = "premium_support",
            Name = "Personal adviser with call-back",
            Kind = "service",
            Lever = "retain",
            Category = "service",
            Differentiated = true,
            Margin = new(40, [new(MonthlySpend, 0.80)]),
            Saving = new(0, [new(SupportMinutes, 0.8)]),
            Differentiation = 0.6,
            Fulfilment = 14,
            Incrementality = 0.65,
            Benefits = [0.00, 0.10, 0.90, 0.25, 0.15, 0.00],
            Sacrifices = [0.10, 0.10, 0.00, 0.00, 0.00, 0.00],
            ChannelShifts = [0, -0.3, 0.2, -0.2],
            Acceptance = new(-2.7,
            [
                Term(0.45, Of(SupportMinutes, Log, 2.0, 0.5)),
                Term(0.60, Of(Satisfaction, Below, 6)),
                Term(-0.35, Of(HasApp, Is, 1)),
            ]),
        },
        new()
        {
            Id = "self_service",
            Name = "Guided move to self-service",
            Kind = "service",
            Lever = "cost_to_serve",
            Category = "convenience",
            Margin = new(12, [new(MonthlySpend, 0.15)]),
            Saving = new(18, [new(SupportMinutes, 3.0)]),
            Fulfilment = 4,
            Incrementality = 0.70,
            Benefits = [0.10, 0.90, 0.00, 0.00, 0.00, 0.15],
            Sacrifices = [0.00, 0.00, 0.50, 0.15, 0.20, 0.00],
            ChannelShifts = [0, 0.4, -0.2, 0.1],
            Acceptance = new(-2.3,
            [
                Term(0.50, Of(DigitalShare, Linear, 52, 12)),
                Term(0.40, Of(HasApp, Is, 1)),
                Term(-0.30, Of(TenureMonths, AtLeast, 96)),
            ]),
        },
        new()
        {
            Id = "payment_plan",
            Name = "Payment plan by direct debit",
            Kind = "service",
            Lever = "risk_cost",
            Category = "service",
            Margin = new(10, []),
            Saving = new(20, [new(LatePayments, 38)]),
            Fulfilment = 4,
            Incrementality = 0.70,
            Benefits = [0.40, 0.25, 0.10, 0.00, 0.35, 0.00],
            Sacrifices = [0.00, 0.10, 0.00, 0.25, 0.00, 0.00],
            ChannelShifts = [0, 0.1, 0, -0.2],
            Acceptance = new(-2.0,
            [
                Term(0.55, Of(LatePayments, AtLeast, 1)),
                Term(-0.60, Of(DirectDebit, Is, 1)),
                Term(-0.30, Of(HouseholdIncome, Log, 3.6, 0.45)),
            ]),
        },
        new()
        {
            Id = "streaming_pack",
            Name = "Streaming pack with new series",
            Kind = "commercial",
            Lever = "cross_sell",
            Category = "product",
            Margin = new(88, [new(ProductsHeld, 4)]),
            Fulfilment = 13,
            Incrementality = 0.75,
            Benefits = [0.00, 0.15, 0.00, 0.00, 0.00, 0.90],
            Sacrifices = [0.25, 0.00, 0.00, 0.00, 0.10, 0.00],
            ChannelShifts = [0, 0.3, 0, 0.1],
            Acceptance = new(-2.7,
            [
                Term(0.50, Of(EveningShare, Linear, 50, 12)),
                Term(0.30, Of(DataUsage, Log, 2.6, 0.65)),
                Term(0.35, Of(Region, Is, 4)),
            ]),
        },
        new()
        {
            Id = "refer_a_friend",
            Name = "Refer a friend, both are rewarded",
            Kind = "commercial",
            Lever = "acquire",
            Category = "relationship",
            Margin = new(85, [new(MonthlySpend, 0.15)]),
            Fulfilment = 20,
            Incrementality = 0.70,
            Benefits = [0.35, 0.05, 0.00, 0.30, 0.00, 0.15],
            Sacrifices = [0.00, 0.25, 0.00, 0.00, 0.15, 0.00],
            ChannelShifts = [0, 0.1, 0.2, 0.1],
            Acceptance = new(-2.2,
            [
                Term(0.45, Of(Satisfaction, AtLeast, 8)),
                Term(0.55, Of(AcquisitionChannel, Is, 4)),
                Term(-0.30, Of(TenureMonths, Below, 6)),
            ]),
        },
    ];

    private static WorldTerm Term(double coefficient, params ImmutableArray<WorldFactor> factors) => new(coefficient, factors);

    private static WorldFactor Of(int feature, WorldShape shape = Linear, double at = 0, double scale = 1)
        => new(feature, shape, at, scale);
}
