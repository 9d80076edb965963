using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class NeedsTests
{
    private const string Header = "needs:\n  - id: price\n  - {id: service, name: Help when it matters}\n";

    [Fact]
    public void Load_EveryKey_IsRead()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("needs.yaml", Header + """
            default:
              weights: {price: 0.4, service: 0.6}
            segments:
              - segment: 3
                provenance: surveyed
                source: spring
                sample_size: 41
                weights: {price: 1}
                half_widths: {price: 0.07}
                words: [too dear, "I want: help"]
            decline_reasons: {too_expensive: price, "No, thanks": service}
            """));
        Needs needs = Workspace.Load(folder.Path).Needs;
        Assert.Equal([new Need("price", "price"), new Need("service", "Help when it matters")], needs.All);
        Assert.Same(needs.Default, needs.Of(1));
        Assert.Equal(0.6, needs.Of(1).Weights["service"]);
        NeedWeights third = needs.Of(3);
        Assert.Equal((Provenance.Surveyed, "spring", 41, 0.07), (third.Provenance, third.Source, third.SampleSize, third.HalfWidths["price"]));
        Assert.Equal(["too dear", "I want: help"], third.Words);
        Assert.Equal(["price", "service", "price", null], new[] { "too_expensive", "No, thanks", "price", "Too_expensive" }.Select(needs.OfDeclineReason));
    }

    [Theory]
    [InlineData("default: {}\n", "1: needs: missing, expected at least one need")]
    [InlineData(Header + "  - id: price\n", "4: needs[2].id: 'price' is used twice")]
    [InlineData(Header + "  - name: x\n  - name: y\n", "4: needs[2].id: missing, expected text|5: needs[3].id: missing, expected text")]
    [InlineData(Header + "  - {id: x, weight: 1}\n", "4: unknown key 'needs[2].weight'")]
    [InlineData(Header + "default: {weights: {prise: 0.5}}\n", "4: default.weights: no need 'prise' (did you mean 'price'?)")]
    [InlineData(Header + "default: {weights: {price: 1.5}}\n", "4: default.weights.price: 1.5, expected 0 to 1")]
    [InlineData(Header + "default: {weights: {price: }}\n", "4: default.weights.price: missing, expected a number")]
    [InlineData(Header + "default: {weights: {price: 0.7, service: 0.4}}\n", "4: default.weights: the weights sum to 1.1, expected 1 or less")]
    [InlineData(Header + "default: {half_widths: {prise: 0.5}}\n", "4: default.half_widths: no need 'prise' (did you mean 'price'?)")]
    [InlineData(Header + "default: {provenance: surveyed}\n", "4: default.provenance: surveyed weights need a source and a sample_size")]
    [InlineData(Header + "default: {provenance: guessed}\n", "4: default.provenance: 'guessed', expected one of assumed, surveyed, estimated, measured")]
    [InlineData(Header + "default: {sample_size: -1}\n", "4: default.sample_size: -1, expected 0 to 2147483647")]
    [InlineData(Header + "default: {segment: 3}\n", "4: unknown key 'default.segment'")]
    [InlineData(Header + "segments:\n  - weights: {prise: 1}\n", "5: segments[0].weights: no need 'prise' (did you mean 'price'?)|5: segments[0].segment: missing, expected a segment id")]
    [InlineData(Header + "segments:\n  - segment: 0\n  - segment: 0\n", "5: segments[0].segment: 0, expected 1 to 2147483647|6: segments[1].segment: 0, expected 1 to 2147483647")]
    [InlineData(Header + "segments:\n  - segment: 2\n  - segment: 2\n", "6: segments[1].segment: 2 is listed twice")]
    [InlineData(Header + "decline_reasons: {dear: prise, slow: }\n", "4: decline_reasons.dear: no need 'prise' (did you mean 'price'?)|4: decline_reasons.slow: missing, expected text")]
    [InlineData(Header + "segment:\n  - segment: 2\n", "4: unknown key 'segment' (did you mean 'segments'?)")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problems)
        => Assert.Equal(problems.Split('|').Select(p => "needs.yaml:" + p), WorkspaceFiles.Problems(("needs.yaml", text)));
}
