using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Synthetic;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Benchmarks;

/// <summary>Synthetic customers, their workspace and the models trained on them, with nothing left on disk.</summary>
internal sealed class TrainedWorld
{
    public const int Customers = 3_000;

    public TrainedWorld()
    {
        DirectoryInfo parent = Directory.CreateTempSubdirectory("benchmark-");
        try
        {
            SyntheticWorld world = new(seed: 1);
            string folder = Path.Combine(parent.FullName, "world");
            WorkspaceWriter.Create(folder, SyntheticWorkspace.Files(world));
            SampleWriter.Write(world, Customers, folder);
            Workspace = Workspace.Load(folder);
            CustomerCsv = File.ReadAllBytes(Path.Combine(folder, "customers.csv"));
            using CustomerFile customers = OpenCustomers();
            CustomerTable table = CustomerTable.Read(customers);
            OutcomeTable outcomes = OutcomeTable.Read(
                CsvTable.Open(Path.Combine(folder, "outcomes.csv")), new CategoryDictionary(Workspace.Schema.Features),
                Workspace.Propositions, laterFeatures: null, Refuse);
            Rows = table.Rows;
            Models = ModelTrainer.Train(Workspace, table, outcomes, previous: null, new TrainingOptions { Segments = 6 }, DateTimeOffset.UnixEpoch).Models;
        }
        finally
        {
            parent.Delete(recursive: true);
        }
    }

    public Workspace Workspace { get; }

    public ModelSet Models { get; }

    /// <summary>[<see cref="Customers"/> x features], context included.</summary>
    public FeatureMatrix Rows { get; }

    /// <summary>The customers as a CSV file.</summary>
    public byte[] CustomerCsv { get; }

    /// <summary>A reader at the beginning of <see cref="CustomerCsv"/>.</summary>
    public CustomerFile OpenCustomers() => CustomerFile.Open(
        CsvTable.Open("-", new MemoryStream(CustomerCsv)), new CategoryDictionary(Workspace.Schema.Features), Workspace.Schema.IdColumn,
        Workspace.Schema.Target, Refuse, withContext: true);

    private static void Refuse(RowRejection rejection) => throw new InvalidDataException(rejection.ToString());
}
