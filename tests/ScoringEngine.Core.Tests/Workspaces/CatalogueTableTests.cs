using System.Collections.Immutable;
using System.Text;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Tests.Features;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class CatalogueTableTests
{
    private static string Write(IReadOnlyCollection<Proposition> propositions)
    {
        using MemoryStream stream = new();
        CatalogueTable.Write(propositions, stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string[] Problems(string csv)
    {
        using TemporaryFolder folder = new();
        StrategySample.Write(folder);
        string before = File.ReadAllText(folder["propositions.yaml"]);
        WorkspaceException error = Assert.Throws<WorkspaceException>(() => CatalogueTable.Read(Csv.Of(csv), WorkspaceSource.Open(folder.Path), StrategySample.Day));
        Assert.Equal(before, File.ReadAllText(folder["propositions.yaml"]));
        return [.. error.Problems.Select(p => p.ToString().Replace(folder.Path + Path.DirectorySeparatorChar, "", StringComparison.Ordinal))];
    }

    [Fact]
    public void Read_WhatWasWritten_IsTheSameCatalogue()
    {
        using TemporaryFolder folder = new();
        Workspace workspace = StrategySample.Load(folder);
        Workspace read = CatalogueTable.Read(Csv.Of(Write(workspace.Propositions)), workspace.Source, StrategySample.Day);
        Assert.Equal(workspace.Propositions.Length, read.Propositions.Length);
        Assert.All(workspace.Propositions.Zip(read.Propositions), p => WorkspaceFiles.AssertSame(p.First, p.Second));
    }

    [Fact]
    public void Read_AwkwardTexts_AreTheSame()
    {
        using TemporaryFolder folder = new();
        Workspace workspace = StrategySample.Load(folder);
        string[] awkward = ["=1+1", "@x", "-x", "+x", " lead", "trail ", "\"quoted\"", "a,b;c", "line\nbreak", "tab\t", "\\", "null", "~", "5", "{a: b}", "[x", "# x", "é 漢 🙂", "x\u2028y"];
        Proposition[] propositions =
        [
            .. awkward.Select((text, i) => workspace.Propositions[0] with
            {
                Id = i < 2 ? workspace.Propositions[i].Id : i == 2 ? "upgrade" : text,
                Name = text,
                Category = text,
                ValueArea = text,
                Group = i == 2 ? "upsell" : text,
                Differentiated = i == 0,
                Wording = ImmutableSortedDictionary<string, string>.Empty.WithComparers(StringComparer.Ordinal).Add("en", text).Add("de-CH", ""),
            }),
        ];
        Workspace read = CatalogueTable.Read(Csv.Of(Write(propositions)), workspace.Source, StrategySample.Day);
        Assert.All(propositions.OrderBy(p => p.Id, StringComparer.Ordinal).Zip(read.Propositions), p => WorkspaceFiles.AssertSame(p.First, p.Second));
    }

    [Theory]
    [InlineData("tenure > 3", "tenure > 3")]
    [InlineData("tenure > 3\nplan = plus", "[\"tenure > 3\", \"plan = plus\"]")]
    [InlineData("[tenure > 3]", "[\"tenure > 3\"]")]
    [InlineData("any: [tenure > 3, app = true]", "{any: [\"tenure > 3\", \"app = true\"]}", true)]
    public void Read_Rule_IsTheOneOfTheYamlFile(string cell, string text, bool braces = false)
    {
        using TemporaryFolder folder = new();
        Workspace workspace = StrategySample.Load(folder);
        string quoted = (braces ? $"{{{cell}}}" : cell).Replace("\"", "\"\"", StringComparison.Ordinal);
        Workspace read = CatalogueTable.Read(Csv.Of($"id,differentiated,group,saving,eligibility\nadviser,true,upsell,1,\"{quoted}\"\nself_service,,,1,\nupgrade,,,1,\n"), workspace.Source, StrategySample.Day);
        Rule rule = read.Propositions[0].Eligibility!;
        Assert.Equal(text, rule is Comparison comparison ? comparison.Text : RuleText.Of(rule));
        Workspace again = CatalogueTable.Read(Csv.Of(Write(read.Propositions)), workspace.Source, StrategySample.Day);
        WorkspaceFiles.AssertSame(read.Propositions[0], again.Propositions[0]);
    }

    [Fact]
    public void Read_ManyErrors_TellsAllWithTheLinesOfTheTable()
        => Assert.Equal(
            [
                "(stdin):1: no column 'margn' in a catalogue (did you mean 'margin'?)",
                "(stdin):3: benefits: 'price', expected names with a number each, such as price: 0.8, service: 0.2",
                "policy.yaml:10: contact_policy.suppressions[0].group: no proposition has the group 'upsell'",
                "(stdin):2: propositions[0].kind: 'comercial', expected one of commercial, service, mandatory (did you mean 'commercial'?)",
                "(stdin):2: propositions[0].economics.fulfilment: -5, expected at least 0",
                "(stdin):3: propositions[1].rules.eligibility: 'tenur > 3': no feature 'tenur' (did you mean 'tenure'?)",
                "(stdin):5: propositions[2].caps[0].window: 'soon', expected a duration such as 90s, 30m, 12h or 7d",
                "(stdin):5: propositions[2].id: 'adviser' is used twice",
            ],
            Problems("id,kind,margn,fulfilment,benefits,eligibility,name,caps\nadviser,comercial,5,-5,,,,\nself_service,,,,price,tenur > 3,\"two\nlines\",\nadviser,,,,,,,\"{most: 1, window: soon}\"\n")
                .Where(p => !p.Contains("upgrade", StringComparison.Ordinal)));

    [Fact]
    public void Read_RowOfTheWrongLength_IsToldWithTheRest()
        => Assert.Contains("(stdin):2: 1 fields, expected 2", Problems("id,name\nadviser\n"));

    [Fact]
    public void Read_CatalogueThatContradictsThePolicy_IsRefused()
        => Assert.Contains("policy.yaml:16: hold_out.standard_treatment: 'self_service' is differentiated, expected a standard proposition",
            Problems("id,differentiated,group\nadviser,,upsell\nself_service,true,\nupgrade,,\n"));
}
