using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>
/// Calibrated probability of acceptance. With q the calibrated probability of the trees, or the observed rate where
/// there are none, the propensity is (n * q + s * prior) / (n + s): n is the effective number of offers seen in
/// training and s the prior's strength in offers, so thin evidence stays near the prior. Immutable and thread-safe.
/// </summary>
public sealed class PropensityModel
{
    /// <summary>Builds a model, or rebuilds one from its public state.</summary>
    /// <param name="ensemble">Trees of logistic margins; null where evidence was too thin for trees.</param>
    /// <param name="calibration">From margin to probability; unused without trees.</param>
    /// <param name="offers">Offers seen in training.</param>
    /// <param name="acceptances">Acceptances among them.</param>
    /// <param name="effectiveOffers">Effective number of offers under the training weights, 0..offers.</param>
    /// <param name="rate">Weighted rate of acceptance in training, 0..1.</param>
    /// <param name="prior">The rate expected without evidence, 0..1.</param>
    /// <param name="priorStrength">Weight of the prior in offers, 0 or more.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public PropensityModel(
        ObliviousEnsemble? ensemble, PlattCalibration calibration, long offers, long acceptances,
        double effectiveOffers, double rate, double prior, double priorStrength)
    {
        Require(calibration.Slope >= 0 && double.IsFinite(calibration.Slope) && double.IsFinite(calibration.Intercept),
            "calibration: expected finite values and a slope of at least 0");
        Require(acceptances >= 0 && acceptances <= offers, "acceptances: expected 0..offers");
        Require(effectiveOffers >= 0 && effectiveOffers <= offers * (1 + 1e-9), "effective offers: expected 0..offers");
        Require(rate is >= 0 and <= 1, "rate: expected 0..1");
        Require(prior is >= 0 and <= 1, "prior: expected 0..1");
        Require(priorStrength >= 0 && double.IsFinite(priorStrength), "prior strength: expected 0 or more");
        Ensemble = ensemble;
        Calibration = calibration;
        Offers = offers;
        Acceptances = acceptances;
        EffectiveOffers = effectiveOffers;
        Rate = rate;
        PriorRate = prior;
        PriorStrength = priorStrength;

        static void Require(bool met, string message)
        {
            if (!met)
            {
                throw new ArgumentException(message);
            }
        }
    }

    /// <summary>Trees of logistic margins; null where evidence was too thin for trees.</summary>
    public ObliviousEnsemble? Ensemble { get; }

    /// <summary>From margin to probability; unused without trees.</summary>
    public PlattCalibration Calibration { get; }

    /// <summary>Offers seen in training.</summary>
    public long Offers { get; }

    /// <summary>Acceptances among them.</summary>
    public long Acceptances { get; }

    /// <summary>Effective number of offers under the training weights.</summary>
    public double EffectiveOffers { get; }

    /// <summary>Weighted rate of acceptance in training, 0..1.</summary>
    public double Rate { get; }

    /// <summary>The rate expected without evidence, 0..1.</summary>
    public double PriorRate { get; }

    /// <summary>Weight of the prior in offers.</summary>
    public double PriorStrength { get; }

    /// <summary>The model of a proposition without any outcome: its propensity is the prior.</summary>
    /// <param name="prior">0..1.</param>
    /// <param name="strength">Weight of the prior in offers, for those who go on counting.</param>
    public static PropensityModel Prior(double prior, double strength = 100)
        => new(null, PlattCalibration.Identity, 0, 0, 0, 0, prior, strength);

    /// <summary>The propensity that belongs to a margin of <see cref="Ensemble"/>; without trees the margin is not looked at.</summary>
    public float Propensity(float margin) => (float)Smooth(Ensemble is null ? Rate : Calibration.Probability(margin));

    /// <summary>The propensity of one quantised row.</summary>
    public float Propensity(ReadOnlySpan<byte> quantisedRow) => Propensity(Ensemble?.Margin(quantisedRow) ?? 0);

    /// <summary>The propensities of a quantised block. Allocates nothing.</summary>
    /// <param name="bins">[columns x rowCount], column-major, of the quantiser the trees were trained on.</param>
    /// <param name="rowCount">Rows in the block.</param>
    /// <param name="propensities">OUT one propensity a row, 0..1.</param>
    public void Propensities(ReadOnlySpan<byte> bins, int rowCount, Span<float> propensities)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        if (Ensemble is null)
        {
            propensities[..rowCount].Fill(Propensity(0));
            return;
        }
        Ensemble.Margins(bins, rowCount, propensities);
        foreach (ref float value in propensities[..rowCount])
        {
            value = Propensity(value);
        }
    }

    private double Smooth(double probability)
    {
        double weight = EffectiveOffers + PriorStrength;
        return weight > 0 ? ((EffectiveOffers * probability) + (PriorStrength * PriorRate)) / weight : PriorRate;
    }
}
