using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Models;

/// <summary>
/// A workspace of a few features and three propositions in a temporary folder, and tables from CSV text. The target is
/// revenue - cost; "online_bill" needs no acceptance.
/// </summary>
internal sealed class ToyWorkspace : IDisposable
{
    public const string CustomerHeader = "customer,tenure,spend,app,plan,revenue,cost\n";
    public const string OutcomeHeader = "customer,proposition,decided_at,channel,action_probability,presented,accepted,revenue,cost,tenure,spend,app,plan\n";

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("engine-");

    public ToyWorkspace(bool target = true, FeatureSchema? schema = null, ProfitTarget? profit = null)
    {
        Workspace = Create("toy", target, schema ?? Schema, profit);
    }

    public static FeatureSchema Schema { get; } = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "spend", Kind = FeatureKind.Numeric },
        new Feature { Id = 3, Name = "app", Kind = FeatureKind.Boolean },
        new Feature { Id = 4, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus", "premium"] },
        new Feature { Id = 5, Name = "channel", Kind = FeatureKind.Categorical, Categories = ["phone", "web"], Segments = false, Context = true, Default = 0 },
    ]);

    public Workspace Workspace { get; }

    public List<RowRejection> Rejections { get; } = [];

    public Workspace Create(string name, bool target, FeatureSchema schema, ProfitTarget? profit = null)
    {
        string folder = Path.Combine(_parent.FullName, name);
        profit ??= new() { Terms = [("revenue", 1), ("cost", -1)] };
        Needs needs = new([new Need("price", "Price")],
            new NeedWeights { Weights = ImmutableSortedDictionary<string, double>.Empty.Add("price", 1) }, ImmutableSortedDictionary<int, NeedWeights>.Empty);
        WorkspaceWriter.Create(folder, new Dictionary<string, string>
        {
            ["schema.yaml"] = WorkspaceWriter.Schema(new WorkspaceSchema("customer", schema, target ? profit : null)),
            ["policy.yaml"] = WorkspaceWriter.PolicyText(new Policy()),
            ["needs.yaml"] = WorkspaceWriter.NeedsText(needs),
            ["strategies.yaml"] = WorkspaceWriter.StrategiesText([new Strategy { Id = "starter", Name = "Starter" }]),
            ["propositions.yaml"] = WorkspaceWriter.PropositionsText(
            [
                new Proposition { Id = "loyalty_discount", Name = "Loyalty discount", Margin = Amount.Zero with { Base = 50 }, PriorPropensity = 0.25 },
                new Proposition { Id = "upgrade", Name = "Upgrade", Margin = Amount.Zero with { Base = 90 }, PriorPropensity = 0.125 },
                new Proposition { Id = "online_bill", Name = "Online bill", Saving = Amount.Zero with { Base = 4 }, NeedsAcceptance = false },
            ]),
        });
        return Workspace.Load(folder);
    }

    /// <summary>Customers C0, C1, ...: three plans of different spend; profit follows spend and the app, with some noise.</summary>
    public static string CustomerRows(int count, Func<int, (double Revenue, double Cost)>? profit = null)
    {
        StringBuilder csv = new(CustomerHeader);
        for (int i = 0; i < count; i++)
        {
            (double revenue, double cost) = profit?.Invoke(i) ?? ((10 * Spend(i)) + (i * 31 % 17), (i % 3 == 0 ? 400 : 40) + (i * 7 % 11));
            csv.Append(CultureInfo.InvariantCulture, $"C{i},{Features(i)},{revenue:R},{cost:R}\n");
        }
        return csv.ToString();
    }

    /// <summary>One offer to each customer, an hour apart; big spenders accept more.</summary>
    public static string OutcomeRows(int count, string proposition = "loyalty_discount", Func<int, DateTime>? decidedAt = null)
    {
        StringBuilder csv = new(OutcomeHeader);
        for (int i = 0; i < count; i++)
        {
            bool accepted = Spend(i) > 60 ? i % 3 != 0 : i % 7 == 0;
            DateTime time = decidedAt?.Invoke(i) ?? new DateTime(2025, 1, 1).AddHours(i);
            csv.Append(CultureInfo.InvariantCulture, $"C{i},{proposition},{time:s}Z,{(i % 2 == 0 ? "web" : "phone")},0.5,1,{(accepted ? 1 : 0)},,,{Features(i)}\n");
        }
        return csv.ToString();
    }

    public CustomerTable Customers(string csv, Workspace? workspace = null)
    {
        workspace ??= Workspace;
        using CustomerFile file = CustomerFile.Open(
            Csv(csv), new CategoryDictionary(workspace.Schema.Features), workspace.Schema.IdColumn, workspace.Schema.Target, Rejections.Add, withContext: true);
        return CustomerTable.Read(file);
    }

    public OutcomeTable Outcomes(string csv, CustomerTable? laterFeatures = null) => OutcomeTable.Read(
        Csv(csv), new CategoryDictionary(Workspace.Schema.Features), Workspace.Propositions, laterFeatures, Rejections.Add);

    public TrainingResult Train(CustomerTable customers, OutcomeTable? outcomes = null, ModelSet? previous = null, TrainingOptions? options = null, Workspace? workspace = null)
        => ModelTrainer.Train(workspace ?? Workspace, customers, outcomes, previous, options ?? new TrainingOptions { Segments = 3 }, SyntheticBase.Now);

    public void Dispose() => _parent.Delete(recursive: true);

    public static CsvTable Csv(string text) => CsvTable.Open("-", new MemoryStream(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n"))));

    private static double Spend(int i) => (i % 3 * 40) + (i * 37 % 23);

    private static string Features(int i) => string.Create(CultureInfo.InvariantCulture,
        $"{i * 53 % 241},{Spend(i)},{(i % 4 == 0 ? 1 : 0)},{(i % 11 == 0 ? "" : Schema.Features[3].Categories[i % 3])}");
}
