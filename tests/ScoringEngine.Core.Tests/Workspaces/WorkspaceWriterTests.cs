using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

/// <summary>Whatever is written must read back equal: names may hold quotes, colons, line breaks and any script.</summary>
public sealed class WorkspaceWriterTests
{
    private static readonly Gen<string> Text = Gen.Frequency(
        (3, Gen.Elements("price", "net-revenue", "A b", "true", "null", "~", "yes", "1", "-5", "0x1F", "1e3", ".inf", "#x", "x #y", "a: b", "- a",
            "? x", "[a]", "{a}", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "'a'", "\"a\"", "\\", "\\n", " lead", "trail ", "a\nb", "a\r\nb", "\ta",
            "Zürich", "東京", "🙂", "\u00A0x", "x\u2028y", "x\u2029y", "\u0085", "\u0000", "\u007F", "\uFEFFx", "x\uFFFE", "---", "...", "<<", "a,b", "50 %")),
        (2, Gen.Elements(' ', '"', '\'', ':', '#', ',', '[', '}', '\\', '\n', '\t', 'a', 'é', '漢', '-', '0').ArrayOf().Select(c => new string(c))));

    private static readonly Gen<string> Name = Text.Where(t => !string.IsNullOrWhiteSpace(t));

    private static readonly Gen<double> Fraction = Gen.Choose(-1000, 1000).Select(n => n / 1000.0);

    private static readonly Gen<double> Money = Gen.OneOf(
        Gen.Choose(-100_000, 100_000).Select(n => n / 100.0), Gen.Elements(0, 1e-300, 1e300, -1.0 / 3, 5e-324, double.MaxValue));

    private static readonly FeatureSchema Numeric = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "a: \"b\" #c", Kind = FeatureKind.Boolean },
    ]);

    private static readonly Gen<Rule> Leaf = Gen.Elements("tenure >= 12", "tenure is missing", "tenure in [1, 2.5]", "'a: \"b\" #c' = true", "\"a: \"\"b\"\" #c\" is known")
        .Select(text => RuleParser.TryParseComparison(text, out Comparison? comparison, out string? error) ? (Rule)comparison : throw new FormatException(error));

    private static Gen<Rule> RuleOf(int depth) => depth == 0 ? Leaf
        : Gen.OneOf(Leaf, Any<Junction>().Zip(RuleOf(depth - 1).NonEmptyListOf()).Select(c => (Rule)new Compound(c.Item1, [.. c.Item2.Take(3)])));

    private static Gen<ImmutableSortedDictionary<string, T>> MapOf<T>(Gen<string> keys, Gen<T> values)
        => keys.Zip(values).ArrayOf().Select(pairs => pairs.DistinctBy(p => p.Item1)
            .ToImmutableSortedDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal));

    private static Gen<T> Any<T>()
        where T : struct, Enum
        => Gen.Elements(Enum.GetValues<T>());

    private static void Check<T>(Gen<T> values, Action<T> property)
        => Prop.ForAll(values.ToArbitrary(), property).Check(Config.QuickThrowOnFailure.WithReplay(4, 1).WithMaxTest(60).WithEndSize(20));

    [Fact]
    public void Schema_AnySchema_ReadsBackEqual()
    {
        Gen<Feature> feature =
            from name in Name
            from kind in Any<FeatureKind>()
            from context in Gen.Elements(false, false, true)
            from unit in Name
            from categories in Name.ArrayOf()
            from formerly in Name.Where(n => n != name).ArrayOf()
            from low in Gen.Elements<float?>(null, 0, -0.1f, float.MinValue, 1e-40f)
            from high in Gen.Elements<float?>(null, 0.5f, 1e20f, float.MaxValue)
            from flags in Gen.Choose(0, 63)
            let distinct = categories.Distinct().ToImmutableArray()
            select new Feature
            {
                Id = 1,
                Name = name,
                Kind = kind,
                Unit = (flags & 1) == 0 ? null : unit,
                Missing = (flags & 2) == 0 ? MissingHandling.Allow : MissingHandling.Reject,
                Minimum = kind == FeatureKind.Numeric ? low : null,
                Maximum = kind == FeatureKind.Numeric ? high : null,
                Log1P = kind == FeatureKind.Numeric && low >= 0 && (flags & 4) == 0,
                Segments = (flags & 8) == 0,
                Personal = (flags & 16) == 0,
                Protected = (flags & 32) == 0,
                Context = context,
                Formerly = [.. formerly],
                Categories = kind == FeatureKind.Categorical ? distinct : [],
                Default = !context || (flags & 1) == 0 ? float.NaN
                    : kind == FeatureKind.Categorical ? distinct.Length - 1 < 0 ? float.NaN : distinct.Length - 1 : 0.25f * (kind == FeatureKind.Numeric ? 1 : 4),
            };
        Gen<WorkspaceSchema> schemas =
            from id in Name
            from features in feature.ArrayOf()
            from period in Name
            from target in Gen.Elements("", "revenue 1 - cost: \"x\"", "- cost é")
            let columns = features.Where(f => f.Name != id).Prepend(new Feature { Id = 1, Name = "always here", Kind = FeatureKind.Numeric })
                .DistinctBy(f => f.Name).OrderBy(f => f.Context).Select((f, i) => f with { Id = 1000 - i })
            select new WorkspaceSchema(id, new FeatureSchema(columns),
                target.Length == 0 ? null : new ProfitTarget { Terms = ProfitTarget.Parse(target), Period = period, Proxy = id.Length > 3 });
        Check(schemas, schema =>
        {
            Dictionary<string, string> comments = schema.Features.Features.ToDictionary(f => f.Name, f => "first: '" + f.Name + "'\nid: 0\u2028x: 1");
            comments["left\nout: "] = "why\r\nnot: at all";
            using TemporaryFolder folder = new();
            WorkspaceFiles.Write(folder, ("schema.yaml", WorkspaceWriter.Schema(schema, comments)));
            WorkspaceFiles.AssertSame(schema, Workspace.Load(folder.Path).Schema);
        });
    }

    [Fact]
    public void Propositions_AnyCatalogue_ReadsBackEqual()
    {
        Gen<Amount> amount =
            from sum in Money
            from perFeature in MapOf(Gen.Elements("tenure", "a: \"b\" #c"), Money)
            from every in Any<Frequency>()
            select new Amount(sum, perFeature, every);
        Gen<Proposition> proposition =
            from id in Name.Where(n => n != "do_nothing")
            from name in Name
            from category in Text
            from kind in Any<PropositionKind>()
            from lever in Any<Lever>()
            from provenance in Any<Provenance>()
            from margin in amount
            from saving in amount
            from differentiation in Money
            from costs in Money.Select(Math.Abs).Two()
            from contact in MapOf(Name.Where(n => n != "default"), Money.Select(Math.Abs))
            from shares in Fraction.Select(Math.Abs).Two()
            from benefits in MapOf(Gen.Elements("price", "a: b"), Fraction)
            from sacrifices in MapOf(Gen.Elements("price", "a: b"), Fraction)
            from wording in MapOf(Name, Text)
            from flags in Gen.Choose(0, 511)
            from area in Text
            from grouped in Text
            from channels in Name.ArrayOf()
            from days in Gen.Choose(0, 9000).Two()
            from volume in Gen.Choose(0, int.MaxValue)
            from caps in (from most in Gen.Choose(0, 9)
                          from seconds in Gen.Choose(1, 60_000_000)
                          from place in Name
                          select new ContactCap { Scope = ContactScope.Proposition, Channels = most > 4 ? [place] : [], Most = most, Window = TimeSpan.FromSeconds(seconds) }).ArrayOf()
            from maturity in Gen.Choose(1, 3650)
            from rules in RuleOf(2).Zip(RuleOf(1))
            let first = new DateOnly(2020, 1, 1).AddDays(days.Item1)
            select new Proposition
            {
                Id = id,
                Name = name,
                Category = category,
                Kind = kind,
                Lever = lever,
                Provenance = provenance,
                Differentiated = (flags & 1) == 0,
                NeedsAcceptance = (flags & 2) == 0,
                Margin = margin,
                Saving = saving,
                Differentiation = differentiation,
                Fulfilment = costs.Item1,
                DefaultContact = costs.Item2,
                Contact = contact,
                Incrementality = (flags & 4) == 0 ? null : shares.Item1,
                PriorPropensity = shares.Item2,
                Benefits = benefits,
                Sacrifices = sacrifices,
                Wording = wording,
                ValueArea = area,
                Group = grouped,
                Channels = [.. channels.Distinct()],
                MinimumCustomerValue = (flags & 8) == 0 ? null : shares.Item1,
                ValidFrom = (flags & 16) == 0 ? null : first,
                ValidUntil = (flags & 32) == 0 ? null : first.AddDays(days.Item2),
                Budget = (flags & 64) == 0 ? null : costs.Item1,
                Volume = (flags & 128) == 0 ? null : 3L * volume,
                Caps = [.. caps],
                MaturityDays = maturity,
                Eligibility = (flags & 2) == 0 ? null : rules.Item1,
                Applicability = (flags & 8) == 0 ? null : rules.Item2,
                Suitability = (flags & 32) == 0 ? null : rules.Item1,
                Concession = (flags & 256) == 0 ? null : costs.Item2,
            };
        Check(proposition.ArrayOf().Select(all => all.DistinctBy(p => p.Id).ToArray()), propositions =>
        {
            using TemporaryFolder folder = new();
            WorkspaceFiles.Write(folder,
                ("schema.yaml", WorkspaceWriter.Schema(new WorkspaceSchema("id", Numeric, null))),
                ("needs.yaml", "needs:\n  - id: price\n  - id: 'a: b'\n"),
                ("propositions.yaml", WorkspaceWriter.PropositionsText(propositions)));
            ImmutableArray<Proposition> read = Workspace.Load(folder.Path).Propositions;
            Assert.Equal(propositions.Length, read.Length);
            foreach ((Proposition expected, Proposition actual) in propositions.OrderBy(p => p.Id, StringComparer.Ordinal).Zip(read))
            {
                WorkspaceFiles.AssertSame(expected, actual);
            }
        });
    }

    [Fact]
    public void Needs_Any_ReadBackEqual()
    {
        Gen<Needs> needs =
            from ids in Name.NonEmptyListOf()
            from names in Name.ListOf(ids.Count)
            from source in Name
            from words in Text.ArrayOf()
            from share in Gen.Choose(0, 100)
            from segments in Gen.Choose(1, int.MaxValue).ArrayOf()
            let all = ids.Zip(names).DistinctBy(n => n.First).Select(n => new Need(n.First, n.Second)).ToImmutableArray()
            let weights = all.Take(2).ToImmutableSortedDictionary(n => n.Id, _ => share / 200.0, StringComparer.Ordinal)
            let surveyed = new NeedWeights
            {
                Weights = weights,
                HalfWidths = weights,
                Provenance = Provenance.Surveyed,
                Source = source,
                SampleSize = 1 + share,
                Words = [.. words],
            }
            select new Needs(all, new NeedWeights { Weights = weights },
                segments.Distinct().ToImmutableSortedDictionary(s => s, _ => surveyed))
            {
                DeclineReasons = words.Distinct().ToImmutableSortedDictionary(w => w, _ => all[0].Id, StringComparer.Ordinal),
            };
        Check(needs, expected =>
        {
            using TemporaryFolder folder = new();
            WorkspaceFiles.Write(folder, ("needs.yaml", WorkspaceWriter.NeedsText(expected)), ("propositions.yaml", ""));
            Workspace workspace = Workspace.Load(folder.Path);
            WorkspaceFiles.AssertSame(expected, workspace.Needs);

            // Another survey of one segment.
            NeedWeights later = expected.Default with { SampleSize = 7 };
            expected = workspace.Needs with { BySegment = workspace.Needs.BySegment.SetItem(expected.BySegment.Keys.FirstOrDefault(9), later) };
            Assert.True(NeedsFile.Write(workspace, expected));
            WorkspaceFiles.AssertSame(expected, Workspace.Load(folder.Path).Needs);
        });
    }

    [Fact]
    public void Strategies_Any_ReadBackEqual()
    {
        Gen<Strategy[]> strategies =
            (from id in Name
             from name in Name
             from owner in Text
             from segments in Gen.Choose(1, int.MaxValue).ArrayOf()
             from articulation in MapOf(Gen.Elements(Strategy.Elements.ToArray()), Name)
             select new Strategy { Id = id, Name = name, Owner = owner, Segments = [.. segments], Articulation = articulation })
            .ArrayOf().Select(all => all.DistinctBy(s => s.Id).ToArray());
        Check(strategies, expected =>
        {
            using TemporaryFolder folder = new();
            WorkspaceFiles.Write(folder, ("strategies.yaml", WorkspaceWriter.StrategiesText(expected)));
            ImmutableArray<Strategy> read = Workspace.Load(folder.Path).Strategies;
            Assert.Equal(expected.Select(s => (s.Id, s.Name, s.Owner)), read.Select(s => (s.Id, s.Name, s.Owner)));
            Assert.Equal(expected.Select(s => s.Segments), read.Select(s => s.Segments));
            Assert.Equal(expected.SelectMany(s => s.Articulation), read.SelectMany(s => s.Articulation));
        });
    }

    [Fact]
    public void Schema_NegativeBounds_AreWrittenAsNumbers()
    {
        FeatureSchema schema = new([new Feature { Id = 1, Name = "x", Kind = FeatureKind.Numeric, Minimum = -5, Maximum = 0.1f }]);
        Assert.EndsWith("features:\n  - id: 1  # two lines\n    name: x\n    kind: numeric\n    min: -5\n    max: 0.1\n",
            WorkspaceWriter.Schema(new WorkspaceSchema("id", schema, null), new Dictionary<string, string> { ["x"] = "two\nlines" }));
    }

    [Fact]
    public void Create_NewOrEmptyFolder_WritesEveryFileAndNothingElse()
    {
        using TemporaryFolder folder = new();
        WorkspaceWriter.Create(folder["deep/new"], WorkspaceFiles.Minimal);
        Directory.CreateDirectory(folder["empty"]);
        WorkspaceWriter.Create(folder["empty"] + "/", WorkspaceFiles.Minimal);
        foreach (string name in new[] { "deep/new", "empty" })
        {
            Assert.Equal(WorkspaceFiles.Minimal.Keys.Order(), Directory.EnumerateFileSystemEntries(folder[name]).Select(Path.GetFileName).Order());
            Assert.Equal("discount", Workspace.Load(folder[name]).Propositions[0].Id);
        }
        Assert.Equal(["deep", "empty"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Create_FolderWithSomethingInItOrAFile_IsRefusedAndUntouched()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["full"]);
        folder.Write("full/notes.txt", "mine");
        folder.Write("file", "mine");
        foreach (string name in new[] { "full", "file" })
        {
            WorkspaceException error = Assert.Throws<WorkspaceException>(() => WorkspaceWriter.Create(folder[name], WorkspaceFiles.Minimal));
            Assert.Equal($"{folder[name]}: exists already, expected a new or empty folder", error.Message);
        }
        Assert.Equal("mine", File.ReadAllText(folder["full/notes.txt"]));
        Assert.Equal("mine", File.ReadAllText(folder["file"]));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(folder.Path).Count());
    }

    [Fact]
    public void Create_WritingFails_LeavesNothingBehind()
    {
        using TemporaryFolder folder = new();
        Dictionary<string, string> files = new(WorkspaceFiles.Minimal) { ["no-such-folder/x.yaml"] = "" };
        Assert.Throws<DirectoryNotFoundException>(() => WorkspaceWriter.Create(folder["new"], files));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Replace_File_HasTheNewTextAndNothingElseIsLeft()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("needs.yaml", "old");
        WorkspaceWriter.Replace(path, "new");
        Assert.Equal("new", File.ReadAllText(path));
        Directory.CreateDirectory(folder["taken"]);
        Assert.ThrowsAny<SystemException>(() => WorkspaceWriter.Replace(folder["taken"], "x"));
        Assert.Equal(["needs.yaml", "taken"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).Order());
    }
}
