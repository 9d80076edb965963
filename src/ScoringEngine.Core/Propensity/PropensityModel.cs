using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>
/// Calibrated probability of acceptance. With q the calibrated probability of the trees or the logistic regression, or
/// the observed rate where there is neither, the propensity is (n * q + s * prior) / (n + s): n is the effective number of offers seen in
/// training and s the prior's strength in offers, so thin evidence stays near the prior. Immutable and thread-safe.
/// </summary>
public sealed class PropensityModel
{
    /// <summary>Builds a model, or rebuilds one from its public state.</summary>
    /// <param name="ensemble">Trees of logistic margins; null where there are none.</param>
    /// <param name="calibration">From margin to probability; unused without trees and regression.</param>
    /// <param name="offers">Offers seen in training.</param>
    /// <param name="acceptances">Acceptances among them.</param>
    /// <param name="effectiveOffers">Effective number of offers under the training weights, 0..offers.</param>
    /// <param name="rate">Weighted rate of acceptance in training, 0..1.</param>
    /// <param name="prior">The rate expected without evidence, 0..1.</param>
    /// <param name="priorStrength">Weight of the prior in offers, 0 or more.</param>
    /// <param name="regression">Gives the margins instead of trees; null where it does not.</param>
    /// <exception cref="ArgumentException">A value is out of range, or there are both trees and a regression.</exception>
    public PropensityModel(
        ObliviousEnsemble? ensemble, Calibration calibration, long offers, long acceptances,
        double effectiveOffers, double rate, double prior, double priorStrength, LogisticRegression? regression = null)
    {
        ArgumentNullException.ThrowIfNull(calibration);
        Require(ensemble is null || regression is null, "expected trees or a regression, found both");
        Require(calibration is not PlattCalibration platt
            || (platt.Slope >= 0 && double.IsFinite(platt.Slope) && double.IsFinite(platt.Intercept)),
            "calibration: expected finite values and a slope of at least 0");
        Require(acceptances >= 0 && acceptances <= offers, "acceptances: expected 0..offers");
        Require(effectiveOffers >= 0 && effectiveOffers <= offers * (1 + 1e-9), "effective offers: expected 0..offers");
        Require(rate is >= 0 and <= 1, "rate: expected 0..1");
        Require(prior is >= 0 and <= 1, "prior: expected 0..1");
        Require(priorStrength >= 0 && double.IsFinite(priorStrength), "prior strength: expected 0 or more");
        Ensemble = ensemble;
        Regression = regression;
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

    /// <summary>Trees of logistic margins; null where there are none.</summary>
    public ObliviousEnsemble? Ensemble { get; }

    /// <summary>Gives the margins instead of trees; null where it does not.</summary>
    public LogisticRegression? Regression { get; }

    /// <summary>Whether a margin is looked at; else evidence was too thin, and the propensity is the same for everyone.</summary>
    public bool UsesFeatures => Ensemble is not null || Regression is not null;

    /// <summary>From margin to probability; unused without trees and regression.</summary>
    public Calibration Calibration { get; }

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

    /// <summary>The propensity that belongs to a margin; see <see cref="UsesFeatures"/>.</summary>
    public float Propensity(float margin) => (float)Smooth(UsesFeatures ? Calibration.Probability(margin) : Rate);

    /// <summary>The propensity of one row.</summary>
    /// <param name="row">The values, as the quantiser reads them.</param>
    /// <param name="quantisedRow">The same row's bins.</param>
    public float Propensity(ReadOnlySpan<float> row, ReadOnlySpan<byte> quantisedRow)
        => Propensity(Ensemble?.Margin(quantisedRow) ?? Regression?.Margin(row) ?? 0);

    /// <summary>The margins of a block, 0 where no features are used. Allocates nothing.</summary>
    /// <param name="rows">Row-major values; row r begins at r * <paramref name="rowStride"/>. Trees do not look at them.</param>
    /// <param name="rowCount">Rows in the block.</param>
    /// <param name="rowStride">Values from one row to the next.</param>
    /// <param name="bins">[columns x rowCount], column-major, of the quantiser the trees were trained on. Only trees look at them.</param>
    /// <param name="margins">OUT one margin a row.</param>
    public void Margins(ReadOnlySpan<float> rows, int rowCount, int rowStride, ReadOnlySpan<byte> bins, Span<float> margins)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        if (Ensemble is not null)
        {
            Ensemble.Margins(bins, rowCount, margins);
        }
        else if (Regression is not null)
        {
            Regression.Margins(rows, rowCount, rowStride, margins);
        }
        else
        {
            margins[..rowCount].Clear();
        }
    }

    /// <summary>The propensities of a block. Allocates nothing.</summary>
    /// <param name="rows">As for <see cref="Margins"/>.</param>
    /// <param name="rowCount">Rows in the block.</param>
    /// <param name="rowStride">Values from one row to the next.</param>
    /// <param name="bins">As for <see cref="Margins"/>.</param>
    /// <param name="propensities">OUT one propensity a row, 0..1.</param>
    public void Propensities(ReadOnlySpan<float> rows, int rowCount, int rowStride, ReadOnlySpan<byte> bins, Span<float> propensities)
    {
        Margins(rows, rowCount, rowStride, bins, propensities);
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
