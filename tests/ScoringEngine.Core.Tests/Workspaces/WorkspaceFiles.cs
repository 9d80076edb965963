using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

/// <summary>Workspaces on disk for tests.</summary>
internal static class WorkspaceFiles
{
    /// <summary>The smallest valid text of each file.</summary>
    public static readonly IReadOnlyDictionary<string, string> Minimal = new Dictionary<string, string>
    {
        ["schema.yaml"] = "id: customer\nfeatures:\n  - id: 1\n    name: tenure\n",
        ["policy.yaml"] = "currency: EUR\n",
        ["needs.yaml"] = "needs:\n  - id: price\n",
        ["propositions.yaml"] = "propositions:\n  - id: discount\n",
        ["strategies.yaml"] = "strategies:\n  - id: keep\n    segments: all\n",
    };

    /// <summary>Writes the minimal files, some replaced or added; a null text leaves the file out.</summary>
    public static void Write(TemporaryFolder folder, params (string File, string? Text)[] replaced)
    {
        foreach (string file in Minimal.Keys.Union(replaced.Select(r => r.File)))
        {
            int at = Array.FindIndex(replaced, r => r.File == file);
            if ((at < 0 ? Minimal[file] : replaced[at].Text) is { } content)
            {
                folder.Write(file, content);
            }
        }
    }

    /// <summary>Writes and loads a workspace of these parts.</summary>
    public static Workspace Load(TemporaryFolder folder, FeatureSchema schema, Policy policy, Needs needs, IEnumerable<Proposition> propositions)
    {
        Write(folder,
            ("schema.yaml", WorkspaceWriter.Schema(new WorkspaceSchema("id", schema, null))),
            ("policy.yaml", WorkspaceWriter.PolicyText(policy)),
            ("needs.yaml", WorkspaceWriter.NeedsText(needs)),
            ("propositions.yaml", WorkspaceWriter.PropositionsText(propositions)));
        return Workspace.Load(folder.Path);
    }

    /// <summary>Compares propositions by content; records compare their collections by reference.</summary>
    public static void AssertSame(Proposition expected, Proposition actual)
    {
        Assert.Equal(WorkspaceWriter.PropositionsText([expected]), WorkspaceWriter.PropositionsText([actual]));
        Assert.Equivalent(expected, actual, strict: true);
    }

    /// <summary>Compares policies by content.</summary>
    public static void AssertSame(Policy expected, Policy actual)
    {
        Assert.Equal(WorkspaceWriter.PolicyText(expected), WorkspaceWriter.PolicyText(actual));
        Assert.Equivalent(expected, actual, strict: true);
    }

    /// <summary>Compares schemas by content.</summary>
    public static void AssertSame(WorkspaceSchema expected, WorkspaceSchema actual)
    {
        Assert.Equal(expected.IdColumn, actual.IdColumn);
        Assert.Equal(expected.Target?.Terms, actual.Target?.Terms);
        Assert.Equal((expected.Target?.Period, expected.Target?.Proxy), (actual.Target?.Period, actual.Target?.Proxy));
        Assert.Equal(expected.Features.Hash, actual.Features.Hash);
        Assert.Equal(expected.Features.Features.Select(f => f.Formerly.ToArray()), actual.Features.Features.Select(f => f.Formerly.ToArray()));
        Assert.Equal(expected.Features.Features.Select(Scalars), actual.Features.Features.Select(Scalars));

        // A context feature never forms segments, whatever the flag says.
        static Feature Scalars(Feature f) => f with { Categories = [], Formerly = [], Segments = f.Segments && !f.Context };
    }

    /// <summary>Compares needs by content.</summary>
    public static void AssertSame(Needs expected, Needs actual)
    {
        Assert.Equal(expected.All, actual.All);
        Assert.Equal(expected.BySegment.Keys, actual.BySegment.Keys);
        foreach ((NeedWeights e, NeedWeights a) in expected.BySegment.Values.Append(expected.Default).Zip(actual.BySegment.Values.Append(actual.Default)))
        {
            Assert.Equal(e.Weights, a.Weights);
            Assert.Equal(e.HalfWidths, a.HalfWidths);
            Assert.Equal(e.Words, a.Words);
            Assert.Equal((e.Provenance, e.Source, e.SampleSize), (a.Provenance, a.Source, a.SampleSize));
        }
    }

    /// <summary>Every problem of a workspace, without the folder's path.</summary>
    public static string[] Problems(params (string File, string? Text)[] replaced)
    {
        using TemporaryFolder folder = new();
        Write(folder, replaced);
        WorkspaceException error = Assert.Throws<WorkspaceException>(() => Workspace.Load(folder.Path));
        Assert.Equal(string.Join(Environment.NewLine, error.Problems), error.Message);
        return [.. error.Problems.Select(p => p.ToString().Replace(folder.Path + Path.DirectorySeparatorChar, "", StringComparison.Ordinal))];
    }
}
