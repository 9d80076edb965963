using System.Collections.Immutable;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Synthetic;

/// <summary>The schema of the synthetic world and the places of its features in a row.</summary>
internal static class WorldSchema
{
    public const int TenureMonths = 0;
    public const int MonthlySpend = 1;
    public const int DataUsage = 2;
    public const int SupportMinutes = 3;
    public const int RecencyDays = 4;
    public const int DigitalShare = 5;
    public const int DiscountShare = 6;
    public const int EveningShare = 7;
    public const int LatePayments = 8;
    public const int ProductsHeld = 9;
    public const int ContractMonthsLeft = 10;
    public const int HouseholdIncome = 11;
    public const int Satisfaction = 12;
    public const int HasApp = 13;
    public const int DirectDebit = 14;
    public const int Region = 15;
    public const int Plan = 16;
    public const int AcquisitionChannel = 17;
    public const int AgeBand = 18;

    public static readonly ImmutableArray<string> Channels = ["contact_centre", "web", "store", "email"];

    public static readonly FeatureSchema Schema = new(
    [
        Number(TenureMonths, "tenure_months", "months", 480),
        Number(MonthlySpend, "monthly_spend", "EUR", 5000) with { Log1P = true, Segments = true },
        Number(DataUsage, "data_usage", "GB per month", 5000) with { Log1P = true, Segments = true },
        Number(SupportMinutes, "support_minutes", "minutes per month", 1000) with { Log1P = true, Segments = true },
        Number(RecencyDays, "recency_days", "days since last contact", 5000) with { Log1P = true, Segments = true },
        Number(DigitalShare, "digital_share", "% of contacts", 100) with { Segments = true },
        Number(DiscountShare, "discount_share", "% of purchases", 100) with { Segments = true },
        Number(EveningShare, "evening_share", "% of usage", 100) with { Segments = true },
        Number(LatePayments, "late_payments", "in 12 months", 12),
        Number(ProductsHeld, "products_held", "products", 8),
        Number(ContractMonthsLeft, "contract_months_left", "months", 24),
        Number(HouseholdIncome, "household_income", "1000 EUR per year", 2000) with { Log1P = true, Personal = true },
        Number(Satisfaction, "satisfaction", "0..10", 10),
        Other(HasApp, "has_app", FeatureKind.Boolean),
        Other(DirectDebit, "direct_debit", FeatureKind.Boolean),
        Other(Region, "region", FeatureKind.Categorical, "north", "south", "east", "west", "centre", "islands"),
        Other(Plan, "plan", FeatureKind.Categorical, "basic", "standard", "plus", "premium"),
        Other(AcquisitionChannel, "acquisition_channel", FeatureKind.Categorical,
            "shop", "web", "partner", "telesales", "referral"),
        Other(AgeBand, "age_band", FeatureKind.Categorical, "18-25", "26-35", "36-45", "46-55", "56-65", "66+")
            with { Protected = true },
        Other(AgeBand + 1, "channel", FeatureKind.Categorical, [.. Channels]) with { Context = true, Default = 0 },
    ]);

    /// <summary>Digits after the decimal point of each customer feature, in schema order.</summary>
    public static readonly ImmutableArray<int> Decimals = [0, 2, 2, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];

    private static Feature Number(int index, string name, string unit, float maximum) => new()
    {
        Id = index + 1,
        Name = name,
        Kind = FeatureKind.Numeric,
        Unit = unit,
        Minimum = 0,
        Maximum = maximum,
        Segments = false,
    };

    private static Feature Other(int index, string name, FeatureKind kind, params ImmutableArray<string> categories) => new()
    {
        Id = index + 1,
        Name = name,
        Kind = kind,
        Categories = categories,
        Segments = false,
    };
}
