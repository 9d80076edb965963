using System.Text.RegularExpressions;
using ScoringEngine.Tests;

namespace ScoringEngine.Server.Tests;

/// <summary>The public API explains itself: every message, field, enum value, service and rpc has a comment of its own.</summary>
public partial class ProtoStyleTests
{
    public static TheoryData<string> Files { get; } = [.. Directory.EnumerateFiles(
        Path.Combine(RealData.RepositoryRoot, "protos", "scoring", "v1"), "*.proto").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void File_EveryDeclaration_IsDocumented(string file)
    {
        string[] lines = File.ReadAllLines(Path.Combine(RealData.RepositoryRoot, "protos", "scoring", "v1", file));
        int[] declarations = [.. Enumerable.Range(0, lines.Length).Where(i => Declaration().IsMatch(lines[i]))];

        Assert.NotEmpty(declarations);
        Assert.Empty(declarations.Where(i => !lines[i - 1].TrimStart().StartsWith("//", StringComparison.Ordinal)).Select(i => $"{file}:{i + 1}: {lines[i].Trim()}"));
    }

    [GeneratedRegex(@"^\s*(message|enum|service|rpc)\s|^\s+[\w.<>, ]+ = \d+;")]
    private static partial Regex Declaration();
}
