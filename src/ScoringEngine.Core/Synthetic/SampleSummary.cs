namespace ScoringEngine.Core.Synthetic;

/// <summary>
/// What a sample holds, and the ceilings no engine trained on it can be expected to pass. Values are EUR per customer in
/// the default channel. The stated bounds hold from some ten thousand customers; a figure that a handful of customers
/// cannot have (an R2 of one customer, an AUC without an acceptance) is not finite.
/// </summary>
public sealed record SampleSummary
{
    /// <summary>Rows of customers.csv and truth.csv.</summary>
    public required long Customers { get; init; }

    /// <summary>Rows of outcomes.csv.</summary>
    public required long Outcomes { get; init; }

    /// <summary>Rows of survey.csv.</summary>
    public required long Surveyed { get; init; }

    /// <summary>Adjusted Rand index of the Bayes rule's segments and the true ones; at most 0.92.</summary>
    public required double BayesSegmentAri { get; init; }

    /// <summary>R2 of expected profit for realised profit; at most 0.5.</summary>
    public required double OracleProfitR2 { get; init; }

    /// <summary>AUC of the true probability for acceptance over all presented offers; at most 0.75.</summary>
    public required double OracleAcceptanceAuc { get; init; }

    /// <summary>The same over pairs of offers of one proposition; at most 0.75.</summary>
    public required double OracleAcceptanceAucWithinProposition { get; init; }

    /// <summary>Mean true value where each customer gets the proposition (or nothing) of greatest true value.</summary>
    public required double OracleValue { get; init; }

    /// <summary>The proposition of greatest mean true value if everyone got it.</summary>
    public required string BestSingleProposition { get; init; }

    /// <summary>Mean true value if everyone got <see cref="BestSingleProposition"/>.</summary>
    public required double BestSingleValue { get; init; }

    /// <summary><see cref="BestSingleValue"/> as a share of <see cref="OracleValue"/>; at most 0.8.</summary>
    public double BestSingleShare => BestSingleValue / OracleValue;

    /// <summary>Mean true value of a proposition drawn at random from those the customer may have.</summary>
    public required double RandomValue { get; init; }

    /// <summary>Mean true value where each customer gets the proposition of greatest true propensity.</summary>
    public required double PropensityOnlyValue { get; init; }

    /// <summary>Share of customers whose expected profit is negative, 0..1.</summary>
    public required double DestroyerShare { get; init; }

    /// <summary>Expected profit of the best fifth of customers as a share of all customers' expected profit.</summary>
    public required double BestFifthProfitShare { get; init; }
}
