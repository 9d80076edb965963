using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class WorkspaceSchemaTests
{
    private const string Header = "id: customer\nfeatures:\n  - id: 1\n    name: tenure\n";

    private static WorkspaceSchema Load(string text)
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("schema.yaml", text));
        return Workspace.Load(folder.Path).Schema;
    }

    [Fact]
    public void Load_EveryKey_IsRead()
    {
        WorkspaceSchema schema = Load("""
            id: "customer no: 1"
            target: {columns: revenue - cost to serve, period: month, proxy: true}
            features:
              - {id: 3, name: charges, kind: numeric, unit: EUR, missing: reject, min: -0.5, max: 1e3, personal: true}
              - {id: 9, name: spend, min: 0, log1p: true, segments: false}
              - {id: 4, name: gender, kind: categorical, categories: [f, "m", null, true], protected: true}
            context:
              - {id: 5, name: channel, kind: categorical, categories: [phone, chat], default: chat}
              - {id: 6, name: urgent, kind: boolean, default: true}
              - {id: 7, name: queue, max: 60, default: 2.5}
              - {id: 8, name: reason, kind: categorical, categories: move}
            """);
        Assert.Equal("customer no: 1", schema.IdColumn);
        Assert.Equal(("revenue - cost to serve", "month", true), (schema.Target!.ToString(), schema.Target.Period, schema.Target.Proxy));
        Feature[] f = [.. schema.Features.Features];
        Assert.Equal(new Feature { Id = 3, Name = "charges", Kind = FeatureKind.Numeric, Unit = "EUR", Missing = MissingHandling.Reject, Minimum = -0.5f, Maximum = 1000, Personal = true }, f[0]);
        Assert.Equal(new Feature { Id = 9, Name = "spend", Kind = FeatureKind.Numeric, Minimum = 0, Log1P = true, Segments = false }, f[1]);
        Assert.Equal(["f", "m", "null", "true"], f[2].Categories);
        Assert.Equal((true, true), (f[2].Protected, f[2].Segments));
        Assert.Equal([1f, 1f, 2.5f, float.NaN], f[3..].Select(c => c.Default));
        Assert.All(f[3..], c => Assert.Equal((true, false), (c.Context, c.Segments)));
        Assert.Equal(["move"], f[6].Categories);
    }

    [Fact]
    public void Load_Formerly_IsOneNameOrAListAndNoPartOfTheHash()
    {
        WorkspaceSchema schema = Load("""
            id: customer
            features:
              - {id: 1, name: months, formerly: tenure}
              - {id: 2, name: spend, formerly: [charges, "x: y"]}
              - {id: 3, name: has_app}
            """);
        foreach (WorkspaceSchema read in new[] { schema, Load(WorkspaceWriter.Schema(schema)) })
        {
            Assert.Equal([["tenure"], ["charges", "x: y"], []], read.Features.Features.Select(f => f.Formerly.ToArray()));
        }
        Assert.Equal(schema.Features.Hash, new FeatureSchema(schema.Features.Features.Select(f => f with { Formerly = [] })).Hash);
        Assert.Equal(["schema.yaml:5: features[0].formerly: 'tenure' is the name of now", "schema.yaml:8: features[1].formerly: empty, expected an earlier name"],
            WorkspaceFiles.Problems(("schema.yaml", Header + "    formerly: [age, tenure]\n  - id: 2\n    name: b\n    formerly: ''\n")));
    }

    [Fact]
    public void Load_TargetWithLossAndTrends_IsReadAndWrittenAgain()
    {
        WorkspaceSchema schema = Load("""
            id: customer
            target: {columns: spend, loss: tweedie, tweedie_power: 1.25, rises_with: [tenure, "#1"], falls_with: [complaints]}
            features:
              - {id: 1, name: tenure}
              - {id: 2, name: "#1"}
              - {id: 3, name: complaints}
            """);
        foreach (ProfitTarget target in new[] { schema.Target!, Load(WorkspaceWriter.Schema(schema)).Target! })
        {
            Assert.Equal((ProfitLoss.Tweedie, 1.25), (target.Loss, target.TweediePower));
            Assert.Equal(["tenure", "#1"], target.RisesWith);
            Assert.Equal(["complaints"], target.FallsWith);
        }
        ProfitTarget plain = Load(Header + "target: {columns: spend}\n").Target!;
        Assert.Equal((ProfitLoss.Squared, 1.5), (plain.Loss, plain.TweediePower));
        Assert.Empty(plain.RisesWith.AddRange(plain.FallsWith));
    }

    [Theory]
    // the target
    [InlineData(Header + "target: {columns: a, loss: huber}\n", "5: target.loss: 'huber', expected one of squared, poisson, tweedie")]
    [InlineData(Header + "target: {columns: a, loss: tweedie, tweedie_power: 2}\n", "5: target.tweedie_power: 2, expected strictly between 1 and 2")]
    [InlineData(Header + "target: {columns: a, tweedie_power: 1.5}\n", "5: target.tweedie_power: only loss: tweedie has a power")]
    [InlineData(Header + "target: {columns: a, rises_with: [tenur]}\n", "5: target.rises_with: no feature 'tenur' (did you mean 'tenure'?)")]
    [InlineData(Header + "  - {id: 2, name: p, kind: categorical}\ntarget: {columns: a, falls_with: p}\n", "6: target.falls_with: 'p' is not numeric, expected a numeric feature of customers")]
    [InlineData(Header + "  - {id: 2, name: p, protected: true}\ntarget: {columns: a, falls_with: p}\n", "6: target.falls_with: 'p' is protected, expected a numeric feature of customers")]
    [InlineData(Header + "target: {columns: a, rises_with: tenure, falls_with: tenure}\n", "5: target.falls_with: 'tenure' is under rises_with, too")]
    // the file as a whole
    [InlineData("features:\n  - {id: 1, name: x}\n", "1: id: missing, expected text")]
    [InlineData("id: [a]\nfeatures:\n  - {id: 1, name: x}\n", "1: id: expected text|1: id: missing, expected text")]
    [InlineData("id: c\n", "1: features: missing, expected at least one feature")]
    [InlineData("id: c\ncontext:\n  - {id: 1, name: x}\n", "1: features: missing, expected at least one feature")]
    [InlineData("id: c\nfeatures: 3\n", "2: features: expected a list (each entry starts with '-')|2: features: missing, expected at least one feature")]
    [InlineData("id: c\nfeatures:\n  - x\n  - {id: 1, name: x}\n", "3: features[0]: expected a mapping of keys to values")]
    [InlineData(Header + "featrues: []\n", "5: unknown key 'featrues' (did you mean 'features'?)")]
    [InlineData(Header + "zzz: 1\n", "5: unknown key 'zzz'")]
    // a feature
    [InlineData(Header + "  - {name: x}\n", "5: features[1].id: missing, expected a permanent whole number from 1")]
    [InlineData(Header + "  - {id: 2}\n", "5: features[1].name: missing, expected text")]
    [InlineData(Header + "  - {id: 2}\n  - {id: 3}\n", "5: features[1].name: missing, expected text|6: features[2].name: missing, expected text")]
    [InlineData(Header + "  - {name: x}\n  - {name: y}\n", "5: features[1].id: missing, expected a permanent whole number from 1|6: features[2].id: missing, expected a permanent whole number from 1")]
    [InlineData(Header + "  - {id: 0, name: x}\n", "5: features[1].id: 0, expected 1 to 2147483647")]
    [InlineData(Header + "  - {id: 1.5, name: x}\n", "5: features[1].id: 1.5, expected a whole number")]
    [InlineData(Header + "  - {id: one, name: x}\n", "5: features[1].id: 'one', expected a number")]
    [InlineData(Header + "  - {id: 1, name: x}\n", "5: features[1].id: 1 is used twice; ids are permanent and never reused")]
    [InlineData(Header + "  - {id: 2, name: tenure}\n", "5: features[1].name: 'tenure' is used twice")]
    [InlineData(Header + "context:\n  - {id: 2, name: tenure}\n", "6: context[0].name: 'tenure' is used twice")]
    [InlineData(Header + "  - {id: 2, name: customer}\n", "5: features[1].name: 'customer' is the id column, which is no feature")]
    [InlineData(Header + "  - {id: 2, name: x, kind: numerical}\n", "5: features[1].kind: 'numerical', expected one of numeric, categorical, boolean (did you mean 'numeric'?)")]
    [InlineData(Header + "  - {id: 2, name: x, missing: drop}\n", "5: features[1].missing: 'drop', expected one of allow, reject")]
    [InlineData(Header + "  - {id: 2, name: x, personal: yes}\n", "5: features[1].personal: 'yes', expected true or false")]
    [InlineData(Header + "  - {id: 2, name: x, min: low}\n", "5: features[1].min: 'low', expected a number")]
    [InlineData(Header + "  - {id: 2, name: x, min: .inf}\n", "5: features[1].min: '.inf', expected a number")]
    [InlineData(Header + "  - {id: 2, name: x, min: 1e39}\n", "5: features[1].min: 1e39, expected a number within the range of float32")]
    [InlineData(Header + "  - {id: 2, name: x, min: 5, max: 1}\n", "5: features[1].max: 1, expected at least min (5)")]
    [InlineData(Header + "  - {id: 2, name: x, log1p: true}\n", "5: features[1].log1p: needs a min of 0 or more")]
    [InlineData(Header + "  - {id: 2, name: x, min: -1, log1p: true}\n", "5: features[1].log1p: needs a min of 0 or more")]
    [InlineData(Header + "  - {id: 2, name: x, kind: boolean, max: 1}\n", "5: features[1].max: only a numeric feature has a range or log1p")]
    [InlineData(Header + "  - {id: 2, name: x, categories: [a]}\n", "5: features[1].categories: only a categorical feature has categories")]
    [InlineData(Header + "  - {id: 2, name: x, kind: categorical, categories: [a, b, a]}\n", "5: features[1].categories: a category comes twice")]
    [InlineData(Header + "  - {id: 2, name: x, kind: categorical, categories: {a: 1}}\n", "5: features[1].categories: expected a list of texts")]
    [InlineData(Header + "  - {id: 2, name: x, categorys: [a]}\n", "5: unknown key 'features[1].categorys' (did you mean 'categories'?)")]
    [InlineData(Header + "  - {id: 2, name: x, default: 1}\n", "5: unknown key 'features[1].default'")]
    // context
    [InlineData(Header + "context:\n  - {id: 2, name: x, kind: categorical, categories: [phone], default: fone}\n", "6: context[0].default: 'fone', expected one of the categories (did you mean 'phone'?)")]
    [InlineData(Header + "context:\n  - {id: 2, name: x, kind: boolean, default: 1}\n", "6: context[0].default: '1', expected true or false")]
    [InlineData(Header + "context:\n  - {id: 2, name: x, default: soon}\n", "6: context[0].default: 'soon', expected a number")]
    [InlineData(Header + "context:\n  - {id: 2, name: x, max: 3, default: 5}\n", "6: context[0].default: 5, expected at most 3")]
    [InlineData(Header + "context:\n  - {id: 2, name: x, segments: false}\n", "6: unknown key 'context[0].segments'")]
    // target
    [InlineData(Header + "target: profit\n", "5: target: expected a mapping of keys to values")]
    [InlineData(Header + "target:\n  period: year\n", "6: target.columns: missing, expected text")]
    [InlineData(Header + "target:\n  columns: a + a\n", "6: target.columns: target 'a + a': column 'a' comes twice")]
    [InlineData(Header + "target:\n  columns: a\n  proxi: true\n", "7: unknown key 'target.proxi' (did you mean 'proxy'?)")]
    [InlineData(Header + "target: {columns: revenue - tenure}\n", "4: features[0].name: 'tenure' is part of the target and cannot be a feature")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problems)
        => Assert.Equal(problems.Split('|').Select(p => "schema.yaml:" + p), WorkspaceFiles.Problems(("schema.yaml", text)));
}
