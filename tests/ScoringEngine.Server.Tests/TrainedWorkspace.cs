using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage.Schemas;

[assembly: AssemblyFixture(typeof(ScoringEngine.Server.Tests.TrainedWorkspace))]

namespace ScoringEngine.Server.Tests;

/// <summary>
/// A workspace with one trained version in a temporary folder, for all tests: a required number, an optional one, a flag,
/// a category, a context feature; a proposition with a propensity model, one without, and one nobody has to accept.
/// </summary>
public sealed class TrainedWorkspace : IDisposable
{
    public const string Required = "tenure_months";
    public const string Number = "monthly_spend";
    public const string Flag = "has_app";
    public const string Category = "plan";
    public const string Context = "channel";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("scoring-engine-tests-");

    public TrainedWorkspace()
    {
        Path = System.IO.Path.Combine(_folder.FullName, "telco");
        Create(Path, Schema, target: true);
        TrainVersion(Path);
        Workspace = Workspace.Load(Path);
        Models = ModelPackage.Load(Workspace);
    }

    public string Path { get; }

    public Workspace Workspace { get; }

    public ModelSet Models { get; }

    public static FeatureSchema Schema { get; } = new(
    [
        new Feature { Id = 1, Name = Required, Kind = FeatureKind.Numeric, Unit = "months", Minimum = 0, Maximum = 480, Missing = MissingHandling.Reject },
        new Feature { Id = 2, Name = Number, Kind = FeatureKind.Numeric, Unit = "EUR", Minimum = 0, Log1P = true },
        new Feature { Id = 3, Name = Flag, Kind = FeatureKind.Boolean },
        new Feature { Id = 4, Name = Category, Kind = FeatureKind.Categorical, Categories = ["basic", "standard", "premium"] },
        new Feature { Id = 5, Name = Context, Kind = FeatureKind.Categorical, Categories = ["phone", "web"], Segments = false, Context = true, Default = 0 },
    ]);

    /// <summary>A scorer of its own over the same version, to compare with what a server answers.</summary>
    internal ServedModel Offline() => new(Workspace, Models, new StoredSchemas());

    /// <summary>A further workspace below the temporary folder.</summary>
    public string NewFolder() => System.IO.Path.Combine(_folder.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName, "other");

    public static void Create(string directory, FeatureSchema schema, bool target)
    {
        ProfitTarget profit = new() { Terms = [("revenue", 1), ("cost", -1)], Period = "year" };
        WorkspaceWriter.Create(directory, new Dictionary<string, string>
        {
            ["schema.yaml"] = WorkspaceWriter.Schema(new WorkspaceSchema("customer", schema, target ? profit : null)),
            ["policy.yaml"] = WorkspaceWriter.PolicyText(new Policy()),
            ["needs.yaml"] = WorkspaceWriter.NeedsText(new Needs([new Need("price", "Price"), new Need("service", "Service")],
                new NeedWeights { Weights = Map(("price", 0.6), ("service", 0.4)) }, ImmutableSortedDictionary<int, NeedWeights>.Empty)),
            ["strategies.yaml"] = WorkspaceWriter.StrategiesText([new Strategy { Id = "starter", Name = "Starter" }]),
            ["propositions.yaml"] = WorkspaceWriter.PropositionsText(
            [
                new Proposition
                {
                    Id = "loyalty_discount", Name = "Loyalty discount", Margin = new Amount(80, Map((Number, 0.5))), Fulfilment = 12,
                    Contact = Map(("phone", 3), ("web", 0.5)), DefaultContact = 3, Benefits = Map(("price", 0.8)),
                },
                new Proposition
                {
                    Id = "adviser", Name = "Personal adviser", Margin = Amount.Zero with { Base = 60 }, Differentiation = 2, Fulfilment = 5,
                    PriorPropensity = 0.3, Benefits = Map(("service", 0.7)), Sacrifices = Map(("price", 0.1)),
                },
                new Proposition
                {
                    Id = "online_bill", Name = "Online bill", Saving = Amount.Zero with { Base = 4 }, NeedsAcceptance = false, DefaultContact = 0.2,
                },
            ]),
        });
    }

    /// <summary>Trains on <see cref="CustomerRows"/> and <see cref="OutcomeRows"/>.</summary>
    /// <param name="directory">The workspace.</param>
    /// <param name="edit">Makes them files of the workspace's schema where that is not <see cref="Schema"/>.</param>
    public static ModelSet TrainVersion(string directory, Func<string, string>? edit = null)
    {
        Workspace workspace = Workspace.Load(directory);
        FeatureSchema schema = workspace.Schema.Features;
        CategoryDictionary categories = new(schema);
        using CustomerFile customers = CustomerFile.Open(Csv(edit?.Invoke(CustomerRows(600)) ?? CustomerRows(600)), categories, "customer", workspace.Schema.Target,
            r => Assert.Fail(r.ToString()), withContext: true);
        CsvTable outcomes = Csv(edit?.Invoke(OutcomeRows(600)) ?? OutcomeRows(600));
        TrainingResult result = ModelTrainer.Train(workspace, CustomerTable.Read(customers),
            OutcomeTable.Read(outcomes, categories, workspace.Propositions, laterFeatures: null, r => Assert.Fail(r.ToString())),
            previous: null, new TrainingOptions { Segments = 3 }, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return ModelPackage.Write(workspace, result.Models, result.GoldenRows, "made by a test", result.Report);
    }

    /// <summary>Customers C0, C1, ... as a CSV file with the columns of the schema and the target.</summary>
    public static string CustomerRows(int count)
    {
        StringBuilder csv = new($"customer,{Required},{Number},{Flag},{Category},revenue,cost\n");
        for (int i = 0; i < count; i++)
        {
            csv.Append(CultureInfo.InvariantCulture, $"C{i},{Features(i)},{20 * Spend(i)},{(i % 97) + (i % 5 == 0 ? 300 : 40)}\n");
        }
        return csv.ToString();
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>One offer of the loyalty discount to each customer, with the features of the schema.</summary>
    public static string OutcomeRows(int count)
    {
        StringBuilder csv = new($"customer,proposition,decided_at,channel,action_probability,presented,accepted,revenue,cost,{Required},{Number},{Flag},{Category}\n");
        for (int i = 0; i < count; i++)
        {
            bool accepted = Spend(i) > 40 ? i % 3 != 0 : i % 7 == 0;
            csv.Append(CultureInfo.InvariantCulture, $"C{i},loyalty_discount,{new DateTime(2025, 1, 1).AddHours(i):yyyy-MM-ddTHH:mm:ssZ},")
                .Append(CultureInfo.InvariantCulture, $"{(i % 2 == 0 ? "web" : "phone")},0.5,1,{(accepted ? 1 : 0)},0,0,{Features(i)}\n");
        }
        return csv.ToString();
    }

    private static double Spend(int i) => 10 + (i * 37 % 101);

    private static string Features(int i) => string.Create(CultureInfo.InvariantCulture,
        $"{i * 53 % 241},{Spend(i)},{(i % 3 == 0 ? 1 : 0)},{(i % 11 == 0 ? "" : Schema.Features[3].Categories[i * 7 % 3])}");

    private static CsvTable Csv(string text) => CsvTable.Open("-", new MemoryStream(Encoding.UTF8.GetBytes(text)));

    private static ImmutableSortedDictionary<string, double> Map(params ReadOnlySpan<(string Key, double Value)> values)
    {
        ImmutableSortedDictionary<string, double>.Builder map = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        foreach ((string key, double value) in values)
        {
            map.Add(key, value);
        }
        return map.ToImmutable();
    }
}
