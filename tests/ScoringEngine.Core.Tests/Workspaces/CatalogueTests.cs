using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

public sealed class CatalogueTests
{
    private const string Schema = """
        id: customer
        features:
          - {id: 1, name: tenure}
          - {id: 2, name: plan, kind: categorical, categories: [a]}
          - {id: 3, name: age, protected: true}
          - {id: 4, name: app, kind: boolean}
        context:
          - {id: 5, name: channel, kind: categorical, categories: [phone, chat]}
        """;

    private const string Header = "propositions:\n  - id: p\n";

    [Fact]
    public void Load_EveryKey_IsRead()
    {
        using TemporaryFolder folder = new();
        WorkspaceFiles.Write(folder, ("schema.yaml", Schema), ("propositions.yaml", """
            propositions:
              - id: p
                name: Proposition
                wording: {en: "Yes: please", "de-CH": Grüezi}
                kind: service
                lever: cost_to_serve
                category: convenience
                differentiated: true
                needs_acceptance: false
                provenance: measured
                prior_propensity: 0.25
                economics:
                  margin: {base: 5, per: {tenure: 0.5, app: -1}, every: month}
                  saving: 7
                  differentiation: -2
                  fulfilment: 3
                  contact: {default: 1, phone: 4}
                  incrementality: 0.3
                benefits: {price: 0.4}
                sacrifices: {price: -0.1}
                value_area: connectivity
                group: upsell
                minimum_customer_value: -0.2
                channels: [chat, phone]
                valid_from: 2026-01-15
                valid_until: 2026-03-31
                budget: 1000.5
                volume: 5000000000
                caps:
                  - {most: 1, window: 30d, channels: chat}
                maturity_days: 14
                concession: 12
            """));
        Proposition p = Assert.Single(Workspace.Load(folder.Path).Propositions);
        Assert.Equal(("p", "Proposition", PropositionKind.Service, Lever.CostToServe, "convenience"), (p.Id, p.Name, p.Kind, p.Lever, p.Category));
        Assert.Equal((true, false, Provenance.Measured, 0.25), (p.Differentiated, p.NeedsAcceptance, p.Provenance, p.PriorPropensity));
        Assert.Equal((5, Frequency.Month), (p.Margin.Base, p.Margin.Every));
        Assert.Equal([KeyValuePair.Create("app", -1.0), KeyValuePair.Create("tenure", 0.5)], p.Margin.PerFeature);
        Assert.Equal(Amount.Zero with { Base = 7 }, p.Saving);
        Assert.Equal((-2, 3, 1, 0.3), (p.Differentiation, p.Fulfilment, p.DefaultContact, p.Incrementality));
        Assert.Equal([KeyValuePair.Create("phone", 4.0)], p.Contact);
        Assert.Equal([KeyValuePair.Create("de-CH", "Grüezi"), KeyValuePair.Create("en", "Yes: please")], p.Wording);
        Assert.Equal((0.4, -0.1), (p.Benefits["price"], p.Sacrifices["price"]));
        Assert.Equal(("connectivity", "upsell", -0.2), (p.ValueArea, p.Group, p.MinimumCustomerValue));
        Assert.Equal(["chat", "phone"], p.Channels);
        Assert.Equal((new DateOnly(2026, 1, 15), new DateOnly(2026, 3, 31)), (p.ValidFrom, p.ValidUntil));
        Assert.Equal((1000.5, 5_000_000_000, 14, 12), (p.Budget, p.Volume, p.MaturityDays, p.Concession));
        ContactCap cap = Assert.Single(p.Caps);
        Assert.Equal((ContactScope.Proposition, 1, TimeSpan.FromDays(30)), (cap.Scope, cap.Most, cap.Window));
        Assert.Equal(["chat"], cap.Channels);
    }

    [Theory]
    [InlineData("propositions: {id: p}\n", "1: propositions: expected a list (each entry starts with '-')")]
    [InlineData("proposition:\n  - id: p\n", "1: unknown key 'proposition' (did you mean 'propositions'?)")]
    [InlineData(Header + "  - id: p\n", "3: propositions[1].id: 'p' is used twice")]
    [InlineData("propositions:\n  - name: p\n  - name: q\n", "2: propositions[0].id: missing, expected text|3: propositions[1].id: missing, expected text")]
    [InlineData("propositions:\n  - id: do_nothing\n", "2: propositions[0].id: 'do_nothing' stands for offering nothing, choose another")]
    [InlineData(Header + "    kind: comercial\n", "3: propositions[0].kind: 'comercial', expected one of commercial, service, mandatory (did you mean 'commercial'?)")]
    [InlineData(Header + "    differentiated: maybe\n", "3: propositions[0].differentiated: 'maybe', expected true or false")]
    [InlineData(Header + "    prior_propensity: 5\n", "3: propositions[0].prior_propensity: 5, expected 0 to 1")]
    [InlineData(Header + "    benefits: {prise: 1}\n", "3: propositions[0].benefits: no need 'prise' (did you mean 'price'?)")]
    [InlineData(Header + "    sacrifices: {price: 2}\n", "3: propositions[0].sacrifices.price: 2, expected -1 to 1")]
    [InlineData(Header + "    benefit: {price: 1}\n", "3: unknown key 'propositions[0].benefit' (did you mean 'benefits'?)")]
    [InlineData(Header + "    wording: hello\n", "3: propositions[0].wording: expected a mapping of keys to values")]
    [InlineData(Header + "    wording: {en: [hello]}\n", "3: propositions[0].wording.en: expected text")]
    [InlineData(Header + "    economics: 5\n", "3: propositions[0].economics: expected a mapping of keys to values")]
    [InlineData(Header + "    economics:\n      margins: 5\n", "4: unknown key 'propositions[0].economics.margins' (did you mean 'margin'?)")]
    [InlineData(Header + "    economics:\n      margin: much\n", "4: propositions[0].economics.margin: 'much', expected a number")]
    [InlineData(Header + "    economics:\n      margin: [5]\n", "4: propositions[0].economics.margin: expected a mapping of keys to values")]
    [InlineData(Header + "    economics:\n      margin: {bas: 5}\n", "4: unknown key 'propositions[0].economics.margin.bas' (did you mean 'base'?)")]
    [InlineData(Header + "    economics:\n      margin: {every: week}\n", "4: propositions[0].economics.margin.every: 'week', expected one of once, month, year")]
    [InlineData(Header + "    economics:\n      margin: {per: {tenur: 5}}\n", "4: propositions[0].economics.margin.per: no feature 'tenur' (did you mean 'tenure'?)")]
    [InlineData(Header + "    economics:\n      saving: {per: {plan: 5}}\n", "4: propositions[0].economics.saving.per: feature 'plan' is categorical, expected a numeric or boolean one")]
    [InlineData(Header + "    economics:\n      saving: {per: {age: 5}}\n", "4: propositions[0].economics.saving.per: feature 'age' is protected, expected a numeric or boolean one")]
    [InlineData(Header + "    economics:\n      saving: {per: {tenure: x}}\n", "4: propositions[0].economics.saving.per.tenure: 'x', expected a number")]
    [InlineData(Header + "    economics:\n      fulfilment: -1\n", "4: propositions[0].economics.fulfilment: -1, expected at least 0")]
    [InlineData(Header + "    economics:\n      contact: -1\n", "4: propositions[0].economics.contact: -1, expected at least 0")]
    [InlineData(Header + "    economics:\n      contact: {phone: -1}\n", "4: propositions[0].economics.contact.phone: -1, expected at least 0")]
    [InlineData(Header + "    economics:\n      contact: {phne: 1}\n", "4: propositions[0].economics.contact: no channel 'phne' (did you mean 'phone'?)")]
    [InlineData(Header + "    economics:\n      incrementality: 2\n", "4: propositions[0].economics.incrementality: 2, expected 0 to 1")]
    [InlineData(Header + "    rules: {eligability: tenure > 3}\n", "3: unknown key 'propositions[0].rules.eligability' (did you mean 'eligibility'?)")]
    [InlineData(Header + "    rules:\n      eligibility:\n        - tenur > 3\n        - any: [plan = b]\n", "5: propositions[0].rules.eligibility[0]: 'tenur > 3': no feature 'tenur' (did you mean 'tenure'?)|6: propositions[0].rules.eligibility[1].any[0]: 'plan = b': 'b', expected one of the values of plan: a")]
    [InlineData(Header + "    rules:\n      suitability: plan > a\n      applicability: age is known\n", "5: propositions[0].rules.applicability: 'age is known': feature 'age' is protected, expected one that rules may use|4: propositions[0].rules.suitability: 'plan > a': plan has no order, expected =, !=, in, not in, is known or is missing")]
    [InlineData(Header + "    channels: [phne]\n", "3: propositions[0].channels: no channel 'phne' (did you mean 'phone'?)")]
    [InlineData(Header + "    valid_from: soon\n", "3: propositions[0].valid_from: 'soon', expected a day such as 2026-03-31")]
    [InlineData(Header + "    valid_from: 2026-03-01\n    valid_until: 2026-02-01\n", "4: propositions[0].valid_until: 2026-02-01, expected a day not before valid_from (2026-03-01)")]
    [InlineData(Header + "    budget: -1\n", "3: propositions[0].budget: -1, expected at least 0")]
    [InlineData(Header + "    volume: 1.5\n", "3: propositions[0].volume: '1.5', expected a whole number")]
    [InlineData(Header + "    volume: -1\n", "3: propositions[0].volume: -1, expected at least 0")]
    [InlineData(Header + "    maturity_days: 0\n", "3: propositions[0].maturity_days: 0, expected 1 to 3650")]
    [InlineData(Header + "    concession: -1\n", "3: propositions[0].concession: -1, expected at least 0")]
    [InlineData(Header + "    minimum_customer_value: 2\n", "3: propositions[0].minimum_customer_value: 2, expected -1 to 1")]
    [InlineData(Header + "    caps: [{most: 1, window: 7d, scope: group}]\n", "3: unknown key 'propositions[0].caps[0].scope'")]
    public void Load_WrongFile_SaysWhatAndWhere(string text, string problems)
        => Assert.Equal(problems.Split('|').Select(p => "propositions.yaml:" + p),
            WorkspaceFiles.Problems(("schema.yaml", Schema), ("propositions.yaml", text)));

    [Fact]
    public void Load_SchemaAndNeedsUnreadable_DoesNotBlameTheCatalogueForIt()
        => Assert.Equal(["schema.yaml: file not found", "needs.yaml: file not found"],
            WorkspaceFiles.Problems(("schema.yaml", null), ("needs.yaml", null),
                ("propositions.yaml", Header + "    benefits: {x: 1}\n    economics: {margin: {per: {y: 1}}, contact: {z: 1}}\n")));
}
