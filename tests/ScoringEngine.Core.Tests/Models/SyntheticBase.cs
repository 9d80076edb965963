using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Synthetic;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Models;

/// <summary>A synthetic workspace with its files in a temporary folder, read and trained as the commands do.</summary>
internal sealed class SyntheticBase : IDisposable
{
    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("engine-");

    public SyntheticBase(long customers, long seed = 1)
    {
        World = new SyntheticWorld(seed);
        Folder = Path.Combine(_parent.FullName, "model");
        WorkspaceWriter.Create(Folder, SyntheticWorkspace.Files(World));
        Summary = SampleWriter.Write(World, customers, Folder);
        Workspace = Workspace.Load(Folder);
    }

    public SyntheticWorld World { get; }

    public SampleSummary Summary { get; }

    public string Folder { get; }

    public Workspace Workspace { get; private set; }

    public string At(string file) => Path.Combine(Folder, file);

    public CustomerTable Customers()
    {
        using CustomerFile file = CustomerFile.Open(
            CsvTable.Open(At("customers.csv")), new CategoryDictionary(Workspace.Schema.Features), Workspace.Schema.IdColumn,
            Workspace.Schema.Target, Refuse, withContext: true);
        return CustomerTable.Read(file);
    }

    public OutcomeTable Outcomes() => OutcomeTable.Read(
        CsvTable.Open(At("outcomes.csv")), new CategoryDictionary(Workspace.Schema.Features), Workspace.Propositions, null, Refuse);

    public void LearnNeeds(CustomerTable customers, TrainingResult trained)
    {
        Needs needs = NeedSurvey.Read(
            CsvTable.Open(At("survey.csv")), Workspace.Needs,
            new NeedSurveyOptions
            {
                SegmentOf = id => customers.RowOf(id) is >= 0 and int row ? trained.Models.Segments.Segments[trained.Assignments[row]].Id : null,
            },
            Refuse).Needs;
        NeedsFile.Write(Workspace, needs);
        Reload();
    }

    public void Reload() => Workspace = Workspace.Load(Folder);

    public IEnumerable<Truth> Truths()
    {
        using CsvTable table = CsvTable.Open(At("truth.csv"));
        int customer = table.Require("customer");
        int segment = table.Require("segment");
        int profit = table.Require("expected_profit");
        int[] values = [.. Workspace.Propositions.Select(p => table.Require("value_" + p.Id))];
        int[] probabilities = [.. Workspace.Propositions.Select(p => table.Require("p_" + p.Id))];
        while (table.Read())
        {
            yield return new Truth(
                table.Text(customer), table.Text(segment), Number(profit),
                Array.ConvertAll(values, Number), Array.ConvertAll(probabilities, Number));
        }

        double Number(int column) => double.Parse(table[column], CultureInfo.InvariantCulture);
    }

    public void Dispose() => _parent.Delete(recursive: true);

    private static void Refuse(RowRejection rejection) => throw new InvalidOperationException(rejection.ToString());
}

/// <summary>A row of truth.csv; values and probabilities in the catalogue's order of propositions.</summary>
internal sealed record Truth(string Customer, string Segment, double ExpectedProfit, double[] Values, double[] Probabilities);
