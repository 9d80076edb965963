using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class WorkspaceTests
{
    [Fact]
    public void Load_MinimalFiles_GivesTheDefaults()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder);
        Workspace workspace = Workspace.Load(folder.Path + Path.DirectorySeparatorChar);
        Assert.Equal(folder.Path, workspace.Directory);
        Assert.Equal(Path.GetFileName(folder.Path), workspace.Name);
        Assert.Equal("customer", workspace.Schema.IdColumn);
        Assert.Null(workspace.Schema.Target);
        Assert.Equal(new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric }, Assert.Single(workspace.Schema.Features.Features));
        Assert.Equal(new Policy(), workspace.Policy);
        Assert.Equal([new Need("price", "price")], workspace.Needs.All);
        Assert.Empty(workspace.Needs.Of(1).Weights);
        WorkspaceFiles.AssertSame(new Proposition { Id = "discount", Name = "discount" }, Assert.Single(workspace.Propositions));
        Strategy strategy = Assert.Single(workspace.Strategies);
        Assert.Equal(("keep", "keep", ""), (strategy.Id, strategy.Name, strategy.Owner));
        Assert.Empty(strategy.Segments);
    }

    [Fact]
    public void Load_NoFolder_SaysHowToMakeOne()
    {
        WorkspaceException error = Assert.Throws<WorkspaceException>(() => Workspace.Load("no-such-folder"));
        Assert.Equal("no-such-folder: no such folder, expected a workspace (scoring-engine init makes one)", error.Message);
    }

    [Fact]
    public void Load_FilesMissing_NamesEveryOne()
        => Assert.Equal(["policy.yaml: file not found", "strategies.yaml: file not found"],
            WorkspaceFiles.Problems(("policy.yaml", null), ("strategies.yaml", null)));

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Load_NestedTooDeep_IsAProblemInItsLine(string open)
        => Assert.Equal(["policy.yaml:3: nested more than 64 levels deep"], WorkspaceFiles.Problems(
            ("policy.yaml", "currency: EUR\nroles:\n  " + string.Concat(Enumerable.Repeat(open, 20_000)))));

    [Fact]
    public void Load_ValueThatHoldsItself_IsAProblemInItsLine()
        => Assert.Equal(["policy.yaml:3: '*a' refers to what it stands in"], WorkspaceFiles.Problems(("policy.yaml", "currency: EUR\nroles: &a\n  agent: *a\n")));

    [Fact]
    public void Channels_SchemaWithTheFeature_AreItsCategoriesInOrder()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(["phone", "web"], StrategySample.Load(folder).Channels);
    }

    [Fact]
    public void Channels_SchemaWithoutTheFeature_AreAllThatAreNamedByName()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder,
            ("schema.yaml", "id: customer\nfeatures:\n  - {id: 1, name: optin, kind: boolean}\n"),
            ("policy.yaml", "currency: EUR\ncontact_policy:\n  consent: {mail: optin}\n  quiet_hours: {from: \"20:00\", until: \"08:00\", channels: [phone]}\n"
                + "  caps: [{most: 1, window: 1d, channels: [web, mail]}]\nexploration: {channels: {app: {epsilon: 0.1}}}\n"),
            ("propositions.yaml", "propositions:\n  - {id: p, channels: [store], caps: [{most: 1, window: 1d, channels: [chat]}], economics: {contact: {default: 1, fax: 2}}}\n"));
        Assert.Equal(["app", "chat", "fax", "mail", "phone", "store", "web"], Workspace.Load(folder.Path).Channels);
    }

    [Fact]
    public void Load_ErrorsInEveryFile_ReportsAllAtOnceInFileOrder()
        => Assert.Equal(
            [
                "schema.yaml:4: features[0].log1p: needs a min of 0 or more",
                "schema.yaml:5: unknown key 'features[0].unti' (did you mean 'unit'?)",
                "policy.yaml:1: currency: 'euro', expected an ISO 4217 code such as EUR",
                "policy.yaml:2: horizon_months: 0, expected 1 to 600",
                "needs.yaml:2: needs[0].id: missing, expected text",
                "propositions.yaml:2: propositions[0].id: missing, expected text",
                "strategies.yaml:2: strategies[0].segments: missing, expected all or a list of segment ids",
            ],
            WorkspaceFiles.Problems(
                ("schema.yaml", "id: customer\nfeatures:\n  - {id: 1, name: tenure,\n     log1p: true,\n     unti: months}\n"),
                ("policy.yaml", "currency: euro\nhorizon_months: 0\n"),
                ("needs.yaml", "needs:\n  - name: Price\n"),
                ("propositions.yaml", "propositions:\n  - name: x\n"),
                ("strategies.yaml", "strategies:\n  - id: keep\n")));

    [Theory]
    [InlineData("a: 1\n b: 2\n", 2)]
    [InlineData("a: [1, 2\n", 2)]
    [InlineData("a: \"x\n", 1)]
    [InlineData("a: 1\n\tb: 2\n", 1)]
    [InlineData("currency: EUR\ncurrency: USD\n", 2)]
    public void Load_MalformedYaml_SaysWhere(string text, int line)
    {
        string problem = Assert.Single(WorkspaceFiles.Problems(("policy.yaml", text)));
        Assert.StartsWith($"policy.yaml:{line}: not valid YAML: ", problem);
    }

    [Theory]
    [InlineData("- a\n- b\n")]
    [InlineData("just text\n")]
    [InlineData("currency: EUR\n---\ncurrency: USD\n")]
    public void Load_NotOneMapping_IsRefused(string text)
        => Assert.Equal(["policy.yaml:1: expected one mapping of keys to values"], WorkspaceFiles.Problems(("policy.yaml", text)));

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    public void Load_EmptyFile_LacksWhatIsRequired(string text)
        => Assert.Equal(["policy.yaml:1: currency: missing, expected text"], WorkspaceFiles.Problems(("policy.yaml", text)));

    [Fact]
    public void Incompleteness_MinimalWorkspace_SaysWhatIsMissing()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder);
        Assert.Equal(
            [
                $"{folder["strategies.yaml"]}: incomplete: strategy 'keep' lacks is_and_is_not, difference_from_today, segments_addressed, path_to_value, capabilities, timeframe, changed_expectations, owner",
                $"{folder["propositions.yaml"]}: incomplete: economics only assumed for discount",
                $"{folder["needs.yaml"]}: incomplete: need weights are assumed, no survey",
            ],
            Workspace.Load(folder.Path).Incompleteness().Select(p => p.ToString()));
    }

    [Fact]
    public void Incompleteness_NoStrategyAtAll_SaysSo()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("strategies.yaml", "strategies: []\n"), ("propositions.yaml", ""));
        Assert.Equal(["no strategy", "need weights are assumed, no survey"],
            Workspace.Load(folder.Path).Incompleteness().Select(p => p.Message));
    }

    [Fact]
    public void Incompleteness_EverythingWritten_IsEmpty()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder,
            ("strategies.yaml", "strategies:\n  - id: keep\n    segments: all\n    owner: Ada\n" + string.Concat(Strategy.Elements.Select(e => $"    {e}: something\n"))),
            ("propositions.yaml", "propositions:\n  - id: discount\n    provenance: measured\n"),
            ("needs.yaml", "needs:\n  - id: price\ndefault: {provenance: surveyed, source: spring, sample_size: 90}\n"));
        Assert.Empty(Workspace.Load(folder.Path).Incompleteness());
    }

    [Fact]
    public void Versions_FoldersOfAllKinds_GivesNumbersNewestFirst()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder);
        foreach (string name in new[] { "1", "2", "10", "9", "0", "-3", "+4", "007", "3.tmp", ".5.abc", "6 ", "v7", "99999999999", "notes" })
        {
            Directory.CreateDirectory(folder[name]);
        }
        folder.Write("8", "a file");
        Workspace workspace = Workspace.Load(folder.Path);
        Assert.Equal([10, 9, 2, 1], workspace.Versions());
        Assert.All(workspace.Versions(), v => Assert.True(Directory.Exists(workspace.VersionDirectory(v))));
        Assert.Equal(folder["10"], workspace.VersionDirectory(10));
    }

    [Fact]
    public void SnakeCase_EnumValues_AreWrittenWithUnderscores()
    {
        Assert.Equal("value_creator", SnakeCase.Of(Tier.ValueCreator));
        Assert.Equal("cost_to_serve", SnakeCase.Of(Lever.CostToServe));
        Assert.Equal("once", SnakeCase.Of(Frequency.Once));
    }
}
