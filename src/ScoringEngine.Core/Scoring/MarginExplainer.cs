using System.Diagnostics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Scoring;

/// <summary>
/// Takes the margins of one model apart by feature: exact Shapley values (Shapley, 1953) with the training rows as
/// background, or none at all; nothing is approximated. Its tables are made when the first explanation is asked for, while
/// others go on scoring. Immutable to its users and thread-safe; explaining allocates nothing.
/// </summary>
public sealed class MarginExplainer
{
    private readonly IRowModel? _model;
    private readonly Lazy<MarginParts>? _parts;

    /// <summary>Why margins of such a model are not explained.</summary>
    internal MarginExplainer(string obstacle)
    {
        Obstacle = obstacle;
    }

    /// <summary>Explains a model's margins; where it cannot, <see cref="Obstacle"/> says why.</summary>
    /// <param name="model">The model.</param>
    /// <param name="quantiser">What makes the bins of its rows.</param>
    internal MarginExplainer(IRowModel model, Quantiser quantiser)
    {
        Obstacle = ObstacleOf(model);
        _parts = Obstacle is null ? new(() => PartsOf(model, quantiser)) : null;
        _model = model;
    }

    /// <summary>Why there are no explanations; null where there are.</summary>
    public string? Obstacle { get; }

    /// <summary>Takes the margin of a scored row apart.</summary>
    /// <param name="block">Rows that the model's scorer has scored.</param>
    /// <param name="row">One of the first <see cref="ScoreBlock.Count"/>.</param>
    /// <param name="features">Most features to name, 0 or more.</param>
    /// <exception cref="InvalidOperationException">There is an <see cref="Obstacle"/>.</exception>
    public Explanation Explain(ScoreBlock block, int row, int features)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, block.Count);
        ArgumentOutOfRangeException.ThrowIfNegative(features);
        if (_parts is null)
        {
            throw new InvalidOperationException(Obstacle);
        }
        Debug.Assert(_model is not null);
        MarginParts parts = _parts.Value;
        RowBlock single = block.Single(row);
        Span<float> margin = stackalloc float[1];
        _model.Margins(single, margin);
        parts.Contributions(single, block.Contributions);
        Span<FeatureContribution> strongest = block.Strongest.AsSpan(0, Math.Min(features, block.Columns));
        return new Explanation(parts.Expectation, margin[0], strongest[..Select(block.Contributions, strongest)]);
    }

    /// <summary>Finds the strongest contributions that are not 0; their number.</summary>
    private static int Select(ReadOnlySpan<double> contributions, Span<FeatureContribution> strongest)
    {
        int count = 0;
        for (int f = 0; f < contributions.Length; f++)
        {
            double strength = Math.Abs(contributions[f]);
            int position = count;
            while (position > 0 && Math.Abs(strongest[position - 1].Amount) < strength)
            {
                position--;
            }
            if (strength == 0 || position == strongest.Length)
            {
                continue;
            }
            int kept = Math.Min(count, strongest.Length - 1);
            strongest[position..kept].CopyTo(strongest[(position + 1)..]);
            strongest[position] = new FeatureContribution(f, contributions[f]);
            count = kept + 1;
        }
        return count;
    }

    // These two know which kinds of model there are exact values for.
    private static string? ObstacleOf(IRowModel model) => model switch
    {
        LogisticRegression => null,
        ObliviousEnsemble trees => KnowsLeafWeights(trees) ? null : "the model does not know how many training rows are behind its leaves",
        BoostedModel boosted => ObstacleOf(boosted.Trees),
        AveragedModel averaged => ObstacleOf(averaged.Trees),
        ExponentialModel => "with a log link features multiply expected profit, they do not add to it",
        _ => "there are no exact contributions for an imported model",
    };

    private static MarginParts PartsOf(IRowModel model, Quantiser quantiser)
    {
        switch (model)
        {
            case LogisticRegression regression:
                return new(regression.Expectation, (in row, contributions) => regression.Contributions(row.Values, contributions));
            case AveragedModel averaged:
                // Shapley values of a mean are the mean of the Shapley values.
                MarginParts trees = PartsOf(averaged.Trees, quantiser);
                return new((trees.Expectation + averaged.Regression.Expectation) / 2, (in row, contributions) =>
                {
                    trees.Contributions(row, contributions);
                    foreach (ref double contribution in contributions)
                    {
                        contribution /= 2;
                    }
                    averaged.Regression.AddContributions(row.Values, 0.5, contributions);
                });
            default:
                ShapleyValues shapley = model is BoostedModel boosted ? new(boosted, quantiser) : new((ObliviousEnsemble)model, quantiser);
                return new(shapley.Expectation, (in row, contributions) => shapley.Contributions(row.Values, row.Bins, contributions));
        }
    }

    private static bool KnowsLeafWeights(ObliviousEnsemble ensemble)
    {
        if (ensemble.LeafWeights.IsEmpty)
        {
            return ensemble.TreeCount == 0;
        }
        ReadOnlySpan<float> weights = ensemble.LeafWeights.AsSpan();
        foreach (byte depth in ensemble.Depths)
        {
            if (!weights[..(1 << depth)].ContainsAnyExcept(0))
            {
                return false;
            }
            weights = weights[(1 << depth)..];
        }
        return true;
    }

    private delegate void Contributions(in RowBlock row, Span<double> contributions);

    /// <summary>The mean margin of the training rows, and what adds each feature's part of a row's difference from it.</summary>
    private sealed record MarginParts(double Expectation, Contributions Contributions);
}
