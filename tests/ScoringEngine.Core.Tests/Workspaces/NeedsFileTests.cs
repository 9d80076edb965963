using System.Collections.Immutable;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class NeedsFileTests
{
    private static readonly NeedWeights Weights = new() { Weights = ImmutableSortedDictionary<string, double>.Empty.Add("price", 1) };

    private static string? Replace(string text, params int[] segments)
        => NeedsFile.Replace(text.ReplaceLineEndings("\n"), new Needs([new Need("price", "price")], Weights, segments.ToImmutableSortedDictionary(s => s, _ => Weights)), segments);

    [Fact]
    public void Replace_SegmentsInBlockStyle_KeepsCommentsAndTheOthers()
        => Assert.Equal("""
            # Ours.
            needs:
              - id: price    # the first
            segments:
            - segment: 3
              provenance: assumed
              weights: {price: 1}

            # Asked in spring.
            - segment: 5   # the loyal ones
              weights: {price: 0.5}
            - segment: 8
              provenance: assumed
              weights: {price: 1}

            # What agents type in.
            decline_reasons:
              dear: price

            """.ReplaceLineEndings("\n"), Replace("""
            # Ours.
            needs:
              - id: price    # the first
            segments:
            - weights:
                price: 0.2
              segment: 3

            # Asked in spring.
            - segment: 5   # the loyal ones
              weights: {price: 0.5}

            # What agents type in.
            decline_reasons:
              dear: price
            """, 3, 8));

    [Fact]
    public void Replace_NoSegmentsYet_AddsThemAtTheEnd()
        => Assert.Equal("needs: [{id: price}]  # one\n\nsegments:\n  - segment: 1\n    provenance: assumed\n    weights: {price: 1}\n", Replace("needs: [{id: price}]  # one\n\n", 1));

    [Theory]
    [InlineData("needs:\n  - id: price\nsegments:\n")]
    [InlineData("needs:\n  - id: price\nsegments: []\n")]
    [InlineData("needs:\n  - id: price\nsegments: [{segment: 1}]\n")]
    [InlineData("{needs: [{id: price}]}\n")]
    [InlineData("needs:\n  - id: price\n...\n")]
    [InlineData("needs:\n  - id: price\nsegments:\n  -\n    segment: 1\n")]
    [InlineData("needs:\n  - id: price\nsegments:\n  - segment: 1\n    weights: &w {price: 1}\n  - segment: 2\n    weights: *w\n")]
    public void Replace_OtherStyles_AreLeftToTheWriter(string text) => Assert.Null(Replace(text, 1));

    [Fact]
    public void Write_FileInFlowStyle_WritesItAnewAndSaysSo()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("needs.yaml", "{needs: [{id: price}], decline_reasons: {dear: price}, segments: [{segment: 4}]} # all\n"));
        Workspace workspace = Workspace.Load(folder.Path);
        Needs needs = workspace.Needs with { BySegment = workspace.Needs.BySegment.Add(2, Weights) };
        Assert.False(NeedsFile.Write(workspace, needs));
        WorkspaceFiles.AssertSame(needs, Workspace.Load(folder.Path).Needs);
    }
}
