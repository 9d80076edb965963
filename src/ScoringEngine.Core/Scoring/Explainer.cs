using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propensity;

namespace ScoringEngine.Core.Scoring;

/// <summary>
/// Says which features make a customer's expected profit and propensities what they are. One for each
/// <see cref="Scorer"/>; thread-safe.
/// </summary>
public sealed class Explainer
{
    private static readonly MarginExplainer NothingToAccept = new("nothing has to be accepted");

    private readonly MarginExplainer[] _propensities;

    /// <summary>An explainer of what a scorer with a workspace says; costs next to nothing until it is asked.</summary>
    public Explainer(Scorer scorer)
    {
        ArgumentNullException.ThrowIfNull(scorer);
        ModelSet models = scorer.Models;
        Profit = models.Profit is { } profit ? new MarginExplainer(profit.Expected, models.Quantiser)
            : new MarginExplainer("the model was trained without a profit target");
        _propensities = [.. scorer.Values.Propositions.Select((p, a) => p.NeedsAcceptance ? Of(models, scorer.PropensityModelOf(a)) : NothingToAccept)];
    }

    /// <summary>Explains expected profit, in its currency.</summary>
    public MarginExplainer Profit { get; }

    /// <summary>
    /// Explains the propensity of a candidate by the margin of its model, in log-odds: from there, calibration and the
    /// weight of the prior never turn a ranking round, so what raises the margin never lowers the propensity.
    /// </summary>
    public MarginExplainer Propensity(in PropositionValue candidate)
        => candidate.Proposition == PropositionValue.DoNothing ? NothingToAccept : _propensities[candidate.Proposition];

    private static MarginExplainer Of(ModelSet models, PropensityModel? propensity) => propensity switch
    {
        null => new("no outcomes: the propensity is the catalogue's, the same for everyone"),
        { Model: null } => new("too few outcomes: the propensity is the same for everyone"),
        { Model: { } model } when propensity.Propensity(float.MinValue) < propensity.Propensity(float.MaxValue) => new(model, models.Quantiser),
        _ => new("the features told nothing: the propensity is the same for everyone"),
    };
}
