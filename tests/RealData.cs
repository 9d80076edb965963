namespace ScoringEngine.Tests;

/// <summary>
/// Finds the real data sets that are not part of this repository: at <c>../shared/data</c> from the repository's root,
/// or where the environment variable <c>SCORING_ENGINE_DATA</c> says. A test that needs an absent file is skipped with
/// the reason.
/// </summary>
internal static class RealData
{
    /// <summary>The full path of a data file; skips the calling test when it is not there.</summary>
    public static string File(string relativePath)
    {
        string? root = Environment.GetEnvironmentVariable("SCORING_ENGINE_DATA") ?? FindSharedData();
        string path = root is null ? relativePath : Path.Combine(root, relativePath);
        Assert.SkipUnless(root is not null && System.IO.File.Exists(path),
            $"real data file {relativePath} is not here (looked in {root ?? "../shared/data"}; set SCORING_ENGINE_DATA)");
        return path;
    }

    /// <summary>The repository's root: the folder that holds ScoringEngine.sln.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    private static string FindRoot()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(d.FullName, "ScoringEngine.sln")))
            {
                return d.FullName;
            }
        }
        throw new DirectoryNotFoundException("ScoringEngine.sln not found above " + AppContext.BaseDirectory);
    }

    private static string? FindSharedData()
    {
        string path = Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared", "data"));
        return Directory.Exists(path) ? path : null;
    }
}
