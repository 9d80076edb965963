using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class PolicyTests
{
    [Theory]
    [InlineData("horizon_months: 24\n", "1: currency: missing, expected text")]
    [InlineData("currency: eur\n", "1: currency: 'eur', expected an ISO 4217 code such as EUR")]
    [InlineData("currency: EURO\n", "1: currency: 'EURO', expected an ISO 4217 code such as EUR")]
    [InlineData("currency: EUR\nhorizon_months: 601\n", "2: horizon_months: 601, expected 1 to 600")]
    [InlineData("currency: EUR\nhorizon_months: 1.5\n", "2: horizon_months: 1.5, expected a whole number")]
    [InlineData("currency: EUR\ndiscount_rate: 8%\n", "2: discount_rate: '8%', expected a number")]
    [InlineData("currency: EUR\ndiscount_rate: 8\n", "2: discount_rate: 8, expected 0 to 1")]
    [InlineData("currency: EUR\npotential_quantile: 0.4\n", "2: potential_quantile: 0.4, expected 0.5 to 0.99")]
    [InlineData("currency: EUR\ncustomer_weight: -1\n", "2: customer_weight: -1, expected at least 0")]
    [InlineData("currency: EUR\nminimum_customer_value: 2\n", "2: minimum_customer_value: 2, expected -1 to 1")]
    [InlineData("currency: EUR\ndefault_incrementality: 1.01\n", "2: default_incrementality: 1.01, expected 0 to 1")]
    [InlineData("currency: EUR\ntiers:\n  marginal_band: -5\n", "3: tiers.marginal_band: -5, expected at least 0")]
    [InlineData("currency: EUR\ntiers:\n  creators_share: 1.5\n", "3: tiers.creators_share: 1.5, expected 0 to 1")]
    [InlineData("currency: EUR\ntiers:\n  marginal_band: 50\n  creators_threshold: 50\n", "4: tiers.creators_threshold: 50, expected more than the marginal band")]
    [InlineData("currency: EUR\ntiers:\n  creators_threshold: 0\n", "3: tiers.creators_threshold: 0, expected more than the marginal band")]
    [InlineData("currency: EUR\ntiers:\n  band: 5\n", "3: unknown key 'tiers.band'")]
    [InlineData("currency: EUR\ntiers: 5\n", "2: tiers: expected a mapping of keys to values")]
    [InlineData("currency: EUR\ncustomer_wieght: 5\n", "2: unknown key 'customer_wieght' (did you mean 'customer_weight'?)")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problem)
        => Assert.Equal(["policy.yaml:" + problem], WorkspaceFiles.Problems(("policy.yaml", text)));

    [Fact]
    public void PolicyText_EveryKey_ReadsBackEqual()
    {
        Policy policy = new()
        {
            Currency = "CHF",
            HorizonMonths = 36,
            DiscountRate = 0.035,
            MarginalBand = 12.5,
            CreatorsThreshold = 1e6,
            CreatorsShare = 0.75,
            PotentialQuantile = 0.8,
            CustomerWeight = 1.0 / 3,
            MinimumCustomerValue = -0.1,
            DefaultIncrementality = 0,
        };
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("policy.yaml", WorkspaceWriter.PolicyText(policy)));
        Assert.Equal(policy, Workspace.Load(folder.Path).Policy);
        folder.Write("policy.yaml", WorkspaceWriter.PolicyText(new Policy()));
        Assert.Equal(new Policy(), Workspace.Load(folder.Path).Policy);
    }

    [Theory]
    [InlineData(Frequency.Once, 12, 0.08, 1)]
    [InlineData(Frequency.Month, 12, 0, 12)]
    [InlineData(Frequency.Year, 36, 0, 3)]
    [InlineData(Frequency.Year, 11, 0.08, 0)]
    [InlineData(Frequency.Year, 12, 0.08, 0.9259259259259259)] // 1 / 1.08
    [InlineData(Frequency.Month, 1, 0.08, 0.9936070)] // 1.08^(-1/12)
    [InlineData(Frequency.Month, 24, 0.08, 22.1729)] // (1 - 1.08^-2) / (1.08^(1/12) - 1)
    public void PresentValueFactor_OfAnAnnuity_IsTheHandComputedOne(Frequency every, int months, double rate, double expected)
        => Assert.Equal(expected, new Policy { HorizonMonths = months, DiscountRate = rate }.PresentValueFactor(every), 1e-4);
}
