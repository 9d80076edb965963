using System.Xml.Linq;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class StrategyBookTests
{
    private static StrategyBook Book(TemporaryFolder folder)
    {
        Directory.CreateDirectory(folder["sample"]);
        foreach ((string name, string text) in StrategySample.Files)
        {
            folder.Write($"sample/{name}", text);
        }
        return StrategyBook.Of(Workspace.Load(folder["sample"]), null, StrategySample.Day);
    }

    [Fact]
    public void ToMarkdown_Sample_IsTheGoldenDocument()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "strategy-book.md")), Book(folder).ToMarkdown());
    }

    [Fact]
    public void ToHtml_Sample_IsOneWellFormedDocumentWithTheSameText()
    {
        using TemporaryFolder folder = new();
        string html = Book(folder).ToHtml();
        XDocument document = XDocument.Parse(html.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal).Replace("<meta charset=\"utf-8\">", "", StringComparison.Ordinal));
        Assert.DoesNotContain(document.Descendants().Attributes(), a => a.Name.LocalName is "src" or "href");
        Assert.DoesNotContain("url(", html);
        Assert.Equal("Customer strategy: sample", document.Descendants("h1").Single().Value);
        Assert.Equal(["Where we stand", "Strategies", "Value-capture plan", "Segments and their needs", "Propositions", "Policy"], document.Descendants("h2").Select(h => h.Value));
        Assert.Contains("Upgrade <premium>", document.Descendants("h3").Select(h => h.Value));
        Assert.Contains("“Call me back | please.”", document.Descendants("p").Select(p => p.Value));
        Assert.All(document.Descendants("table"), t => Assert.Single(t.Elements("tr").Select(r => r.Elements().Count()).Distinct()));
    }

    [Fact]
    public void Of_ShippedWorkspace_HasEveryStrategyTargetAndProposition()
    {
        Workspace workspace = Workspace.Load(Path.Combine(RealData.RepositoryRoot, "models", "telecom"));
        string text = StrategyBook.Of(workspace, null, StrategySample.Day).ToHtml();
        Assert.All(workspace.Strategies.Select(s => s.Name).Concat(workspace.Plan.Targets.Select(t => t.Id)).Concat(workspace.Propositions.Select(p => p.Id)), name => Assert.Contains(name, text));
    }
}
