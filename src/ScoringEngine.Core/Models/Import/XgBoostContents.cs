namespace ScoringEngine.Core.Models.Import;

/// <summary>What an XGBoost model file holds, in whichever format, before it is checked and built.</summary>
internal sealed class XgBoostContents
{
    public required string Format { get; init; }

    /// <summary>Version of XGBoost that wrote the file; 0.0.0 before versions were written.</summary>
    public Version Version { get; set; } = new(0, 0, 0);

    public string Objective { get; set; } = "";

    public string Booster { get; set; } = "";

    public float BaseScore { get; set; }

    /// <summary>Whether the base score is a margin already, as versions before 1.0 wrote it.</summary>
    public bool BaseScoreIsMargin { get; set; }

    public int FeatureCount { get; set; }

    /// <summary>0 or the number of classes.</summary>
    public int ClassCount { get; set; }

    public int TargetCount { get; set; } = 1;

    public int ParallelTrees { get; set; } = 1;

    public int TreeCount { get; set; }

    public string[] FeatureNames { get; set; } = [];

    public int? BestIteration { get; set; }

    public List<XgBoostTree> Trees { get; } = [];

    /// <summary>Class of each tree.</summary>
    public int[] TreeInfo { get; set; } = [];

    /// <summary>Weight of each tree of the dart booster; empty for others.</summary>
    public float[] TreeWeights { get; set; } = [];

    /// <summary>[features + 1 x outputs] of the gblinear booster, the bias last.</summary>
    public float[] LinearWeights { get; set; } = [];
}

/// <summary>A tree by nodes; node 0 is the root, a node whose left child is -1 is a leaf.</summary>
internal sealed class XgBoostTree
{
    public int[] Left { get; set; } = [];

    public int[] Right { get; set; } = [];

    public int[] Features { get; set; } = [];

    /// <summary>Threshold of a split, value of a leaf.</summary>
    public float[] Conditions { get; set; } = [];

    /// <summary>1 where a missing value goes left.</summary>
    public int[] DefaultLeft { get; set; } = [];

    /// <summary>1 for a split by categories; empty where the format has none.</summary>
    public int[] SplitTypes { get; set; } = [];

    /// <summary>Categories that go right, for all splits of the tree.</summary>
    public int[] Categories { get; set; } = [];

    /// <summary>Nodes that split by categories, and where their categories begin and how many there are.</summary>
    public int[] CategoryNodes { get; set; } = [];

    public int[] CategorySegments { get; set; } = [];

    public int[] CategorySizes { get; set; } = [];

    /// <summary>Values of a leaf: 0 or 1; more are multi-target leaves.</summary>
    public int LeafSize { get; set; }

    /// <summary>Number of nodes that the file announces.</summary>
    public int NodeCount { get; set; }
}
