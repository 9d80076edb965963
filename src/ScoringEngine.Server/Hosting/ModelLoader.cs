using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Hosting;

/// <summary>A workspace and one of its versions, checked.</summary>
/// <param name="Workspace">The workspace.</param>
/// <param name="Models">The version.</param>
internal sealed record LoadedVersion(Workspace Workspace, ModelSet Models)
{
    // Enough for most policies, so that a stricter one rarely needs a restart.
    private const int UsualContactEvents = 64;
    private const int MostContactEvents = 4096;

    /// <summary>Contact events of a customer that have to be kept for the contact policy, 1 to 4096.</summary>
    public int ContactEvents => Math.Clamp(NeededContactEvents, UsualContactEvents, MostContactEvents);

    /// <summary>Contact events that the contact policy asks for.</summary>
    public int NeededContactEvents
        => new ContactRules(Workspace, Numbering.Of(Workspace.Propositions.Select(p => p.Id)), Numbering.Of(Workspace.Channels)).MaxEvents;

    /// <summary>Reads and checks all files; golden rows are replayed.</summary>
    /// <param name="directory">The workspace.</param>
    /// <param name="version">The version; null for the newest.</param>
    /// <param name="time">Tells today.</param>
    /// <exception cref="WorkspaceException">The workspace has problems, or segments of the version have no strategy.</exception>
    /// <exception cref="InvalidDataException">The version cannot be loaded.</exception>
    /// <exception cref="IOException">Files cannot be read.</exception>
    public static LoadedVersion Load(string directory, int? version, TimeProvider time)
    {
        DateOnly today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        Workspace workspace = StrategyCheck.Load(directory, today);
        ModelSet models = ModelPackage.Load(workspace, version);
        StrategyCheck.Require(workspace, models, today);
        return new LoadedVersion(workspace, models);
    }
}

/// <summary>Makes a version the one that answers: names and workspace are in the decision log before the first decision needs them.</summary>
internal sealed class ModelLoader(CustomerDatabase database, DecisionLog log, TimeProvider time)
{
    private readonly Lock _lock = new();

    /// <summary>What is wrong with a workspace that is served nevertheless.</summary>
    public static IEnumerable<WorkspaceProblem> Warnings(ServedModel model, TimeProvider time)
        => StrategyCheck.Check(model.Workspace.Source, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), model.Models);

    /// <summary>Prepares a version for serving; it has decided once when it comes back.</summary>
    /// <exception cref="InvalidDataException">It does not fit the stored customers.</exception>
    /// <exception cref="IOException">The log cannot be written.</exception>
    public ServedModel Serve(LoadedVersion version)
    {
        lock (_lock)
        {
            log.Adopt(version.Workspace.Propositions.Select(p => p.Id), version.Workspace.Channels);
            ServedModel model = new(version.Workspace, version.Models, database.Schemas, log.Propositions, log.Channels);
            log.Archive(model.Archive);
            log.Budgets.SetLimits(model.BudgetLimits());
            log.Retain(version.Workspace.Policy.DecisionRetention, version.Workspace.Policy.ValueRetention);
            model.WarmUp();
            return model;
        }
    }

    /// <summary>Reads the workspace again and puts it in the place of the running model, which answers until then.</summary>
    /// <param name="holder">Holds the running model.</param>
    /// <param name="version">Version to serve.</param>
    /// <exception cref="WorkspaceException">The workspace has problems.</exception>
    /// <exception cref="InvalidDataException">The version cannot be loaded, or does not fit the stored customers.</exception>
    /// <exception cref="IOException">Files cannot be read, or the log cannot be written.</exception>
    public ServedModel Reload(ModelHolder holder, int version)
    {
        lock (_lock)
        {
            LoadedVersion loaded = LoadedVersion.Load(holder.Current.Workspace.Directory, version, time);
            if (loaded.NeededContactEvents > database.Customers.MaxContactEvents)
            {
                throw new WorkspaceException(Path.Combine(loaded.Workspace.Directory, Policy.FileName),
                    $"the contact policy needs {loaded.NeededContactEvents} contacts of a customer, the running server keeps {database.Customers.MaxContactEvents}; a restart keeps more");
            }
            return holder.Current = Serve(loaded);
        }
    }
}
