using ScoringEngine.Core.Models;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Models;

/// <summary>Version 1 of a small synthetic workspace: segments, profit, and propensities of which some have trees. Not to be changed.</summary>
public sealed class TrainedSample : IDisposable
{
    private readonly SyntheticBase _sample = new(3_000, seed: 5);

    public TrainedSample()
    {
        Customers = _sample.Customers();
        Outcomes = _sample.Outcomes();
        Result = ModelTrainer.Train(_sample.Workspace, Customers, Outcomes, null, new TrainingOptions { Segments = 6 }, SyntheticBase.Now);
        _sample.LearnNeeds(Customers, Result);
        Models = ModelPackage.Write(_sample.Workspace, Result.Models, Result.GoldenRows, "the report\n", Result.Report);
        Scorer = new Scorer(Models, Workspace);
    }

    public Workspace Workspace => _sample.Workspace;

    public CustomerTable Customers { get; }

    public OutcomeTable Outcomes { get; }

    public TrainingResult Result { get; }

    public ModelSet Models { get; }

    public Scorer Scorer { get; }

    public void Dispose() => _sample.Dispose();

    /// <summary>Copies the workspace's text files and versions into a folder of that name below <paramref name="parent"/>.</summary>
    public string CopyTo(string parent, string name = "copy")
    {
        string target = Directory.CreateDirectory(Path.Combine(parent, name)).FullName;
        foreach (string file in Directory.EnumerateFiles(Workspace.Directory, "*.yaml"))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }
        foreach (int version in Workspace.Versions())
        {
            string folder = Directory.CreateDirectory(Path.Combine(target, $"{version}")).FullName;
            foreach (string file in Directory.EnumerateFiles(Workspace.VersionDirectory(version)))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }
        }
        return target;
    }
}

[CollectionDefinition(Name)]
public sealed class TrainedSampleTests : ICollectionFixture<TrainedSample>
{
    public const string Name = "trained sample";
}
