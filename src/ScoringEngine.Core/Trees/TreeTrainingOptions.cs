using System.Collections.Immutable;

namespace ScoringEngine.Core.Trees;

/// <summary>Whether <see cref="BoostedTrainer"/> puts a linear stage before the trees.</summary>
public enum LinearStageUse
{
    /// <summary>Where it lowers the loss of rows that were kept apart.</summary>
    WhereItHelps,

    /// <summary>Never.</summary>
    Never,

    /// <summary>Wherever a number varies.</summary>
    Always,
}

/// <summary>Settings of <see cref="ObliviousTreeTrainer"/> and <see cref="BoostedTrainer"/>.</summary>
public sealed record TreeTrainingOptions
{
    /// <summary>What is minimised; squared loss unless said otherwise.</summary>
    public Loss Loss { get; init; } = new SquaredLoss();

    /// <summary>Most trees, 1..100,000; default 200. Early stopping may keep fewer.</summary>
    public int Trees { get; init; } = 200;

    /// <summary>Levels of a tree, 1..10; default 6. A tree ends earlier where no split gains anything.</summary>
    public int Depth { get; init; } = 6;

    /// <summary>Factor on each leaf's value, above 0 up to 1; default 0.1.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Added to each leaf's sum of hessians, 0 or more; default 1.</summary>
    public double L2 { get; init; } = 1;

    /// <summary>
    /// Smallest sum of hessians (of weights, for squared and quantile loss) of a leaf, above 0; default 1. A split
    /// counts nothing in a leaf it would leave with less on one side; a leaf with less takes the value of its nearest
    /// ancestor that has enough.
    /// </summary>
    public double MinLeafWeight { get; init; } = 1;

    /// <summary>Probability with which a row takes part in a tree, above 0 up to 1; default 1.</summary>
    public double RowSubsample { get; init; } = 1;

    /// <summary>Share of the features that take part in a tree (rounded up), above 0 up to 1; default 1.</summary>
    public double FeatureSubsample { get; init; } = 1;

    /// <summary>Row positions of features this model may not use, although the quantiser has columns for them.</summary>
    public ImmutableArray<int> ExcludedFeatures { get; init; } = [];

    /// <summary>
    /// By position in the row: 1 where the margin may never fall as the feature grows, -1 where it may never rise, 0
    /// where it may do both; empty (default) for no constraint. A missing value is neither small nor large. A
    /// categorical feature cannot be constrained. A split counts nothing in a node whose two values it would put in the
    /// wrong order; the leaves of a tree are then projected onto the monotone tables (weighted least squares).
    /// </summary>
    public ImmutableArray<int> MonotoneConstraints { get; init; } = [];

    /// <summary>
    /// Trees without a better validation loss after which training ends, keeping the best number of trees; 0 (default)
    /// trains all trees and keeps them.
    /// </summary>
    public int EarlyStoppingRounds { get; init; }

    /// <summary>Whether there is a linear stage; only <see cref="BoostedTrainer"/> looks at it.</summary>
    public LinearStageUse LinearStage { get; init; }

    /// <summary>Seed of all random choices; default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Threads to use, 0 (default) for all cores. The model's bits do not depend on it.</summary>
    public int Threads { get; init; }

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Loss);
        Require(Trees is >= 1 and <= 100_000, nameof(Trees), "1..100,000");
        Require(Depth is >= 1 and <= ObliviousEnsemble.MaxDepth, nameof(Depth), "1..10");
        Require(LearningRate is > 0 and <= 1, nameof(LearningRate), "above 0 up to 1");
        Require(L2 >= 0 && double.IsFinite(L2), nameof(L2), "0 or more");
        Require(MinLeafWeight > 0 && double.IsFinite(MinLeafWeight), nameof(MinLeafWeight), "above 0");
        Require(RowSubsample is > 0 and <= 1, nameof(RowSubsample), "above 0 up to 1");
        Require(FeatureSubsample is > 0 and <= 1, nameof(FeatureSubsample), "above 0 up to 1");
        Require(MonotoneConstraints.All(d => d is -1 or 0 or 1), nameof(MonotoneConstraints), "-1, 0 or 1 for each feature");
        Require(EarlyStoppingRounds >= 0, nameof(EarlyStoppingRounds), "0 or more");
        Require(Threads >= 0, nameof(Threads), "0 or more");
    }

    private static void Require(bool met, string name, string expected)
    {
        if (!met)
        {
            throw new ArgumentOutOfRangeException(name, $"{name}: expected {expected}");
        }
    }
}
