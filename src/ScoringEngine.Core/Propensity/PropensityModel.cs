using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Propensity;

/// <summary>
/// Calibrated probability of acceptance. With q the calibrated probability of the model, or the observed rate
/// where there is none, the propensity is (n * q + s * prior) / (n + s): n is the effective number of offers seen in
/// training and s the prior's strength in offers, so thin evidence stays near the prior. A model from elsewhere whose
/// probability is to stand as it is has n = 0 and s = 0. Immutable and thread-safe.
/// </summary>
public sealed class PropensityModel
{
    /// <summary>Builds a model, or rebuilds one from its public state.</summary>
    /// <param name="model">Gives the logistic margins; null where evidence was too thin to use features.</param>
    /// <param name="calibration">From margin to probability; unused without a model.</param>
    /// <param name="offers">Offers seen in training.</param>
    /// <param name="acceptances">Acceptances among them.</param>
    /// <param name="effectiveOffers">Effective number of offers under the training weights, 0..offers.</param>
    /// <param name="rate">Weighted rate of acceptance in training, 0..1.</param>
    /// <param name="prior">The rate expected without evidence, 0..1.</param>
    /// <param name="priorStrength">Weight of the prior in offers, 0 or more.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public PropensityModel(
        IRowModel? model, Calibration calibration, long offers, long acceptances,
        double effectiveOffers, double rate, double prior, double priorStrength)
    {
        ArgumentNullException.ThrowIfNull(calibration);
        Require(calibration is not PlattCalibration platt
            || (platt.Slope >= 0 && double.IsFinite(platt.Slope) && double.IsFinite(platt.Intercept)),
            "calibration: expected finite values and a slope of at least 0");
        Require(acceptances >= 0 && acceptances <= offers, "acceptances: expected 0..offers");
        Require(effectiveOffers >= 0 && effectiveOffers <= offers * (1 + 1e-9), "effective offers: expected 0..offers");
        Require(rate is >= 0 and <= 1, "rate: expected 0..1");
        Require(prior is >= 0 and <= 1, "prior: expected 0..1");
        Require(priorStrength >= 0 && double.IsFinite(priorStrength), "prior strength: expected 0 or more");
        Model = model;
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

    /// <summary>Gives the logistic margins; null where evidence was too thin, and the propensity is the same for everyone.</summary>
    public IRowModel? Model { get; }

    /// <summary>From margin to probability; unused without a model.</summary>
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

    /// <summary>
    /// The propensity that belongs to a margin of <see cref="Model"/>; without one the margin does not matter. A margin of
    /// NaN, by which an imported model says that it has no answer, counts for nothing: the rate stands in.
    /// </summary>
    public float Propensity(float margin) => Propensity(margin, PriorRate);

    /// <summary>The same where another rate than <see cref="PriorRate"/> is expected without evidence.</summary>
    /// <param name="margin">Margin of <see cref="Model"/>.</param>
    /// <param name="priorRate">0..1.</param>
    public float Propensity(float margin, double priorRate)
        => Smooth(Model is null || float.IsNaN(margin) ? WithoutMargin : Calibration.Probability(margin), priorRate);

    /// <summary>The propensities of a block. Allocates nothing.</summary>
    /// <param name="rows">The rows; nothing of them is read without a <see cref="Model"/>.</param>
    /// <param name="propensities">OUT one propensity a row, 0..1.</param>
    public void Propensities(in RowBlock rows, Span<float> propensities)
    {
        Span<float> values = propensities[..rows.Count];
        if (Model is null)
        {
            values.Fill(Propensity(0));
            return;
        }
        Model.Margins(rows, values);
        foreach (ref float value in values)
        {
            value = Propensity(value);
        }
    }

    /// <summary>The q of a block's rows, before the prior has its say; NaN where the model has no answer and there were no offers.</summary>
    /// <param name="rows">The rows; nothing of them is read without a <see cref="Model"/>.</param>
    /// <param name="margins">At least as many floats as rows, overwritten.</param>
    /// <param name="probabilities">OUT one probability a row.</param>
    internal void Probabilities(in RowBlock rows, Span<float> margins, Span<double> probabilities)
    {
        Span<double> values = probabilities[..rows.Count];
        if (Model is null)
        {
            values.Fill(WithoutMargin);
            return;
        }
        margins = margins[..rows.Count];
        Model.Margins(rows, margins);
        Calibration.ProbabilitiesOf(margins, values);
        for (int r = 0; r < margins.Length; r++)
        {
            values[r] = float.IsNaN(margins[r]) ? WithoutMargin : values[r];
        }
    }

    /// <summary>The propensity that belongs to a q and a rate that is expected without evidence; that rate itself where q is NaN.</summary>
    internal float Smooth(double probability, double priorRate)
    {
        double weight = EffectiveOffers + PriorStrength;
        return (float)(double.IsNaN(probability) ? priorRate
            : weight > 0 ? ((EffectiveOffers * probability) + (PriorStrength * priorRate)) / weight
            : Model is null ? priorRate : probability);
    }

    private double WithoutMargin => Model is null || Offers > 0 ? Rate : double.NaN;
}
