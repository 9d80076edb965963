using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// A folder <c>models/NAME/</c>: the text files that people review and the numbered version folders that
/// <c>train</c> writes. Immutable once loaded.
/// </summary>
public sealed class Workspace
{
    private Workspace(WorkspaceSource source, WorkspaceSchema schema, Policy policy, Needs needs,
        ImmutableArray<Proposition> propositions, ImmutableArray<Strategy> strategies)
    {
        Source = source;
        Schema = schema;
        Policy = policy;
        Needs = needs;
        Propositions = propositions;
        Strategies = strategies;
    }

    /// <summary>Full path of the folder.</summary>
    public string Directory => Source.Directory;

    /// <summary>The text files that it was read from.</summary>
    public WorkspaceSource Source { get; }

    /// <summary>Name of the folder, which is the model's name.</summary>
    public string Name => Path.GetFileName(Directory);

    /// <summary>How customer files are read.</summary>
    public WorkspaceSchema Schema { get; }

    /// <summary>How value is counted.</summary>
    public Policy Policy { get; }

    /// <summary>How customers perceive value.</summary>
    public Needs Needs { get; }

    /// <summary>The catalogue.</summary>
    public ImmutableArray<Proposition> Propositions { get; }

    /// <summary>The segment strategies.</summary>
    public ImmutableArray<Strategy> Strategies { get; }

    /// <summary>Reads and checks all files.</summary>
    /// <exception cref="WorkspaceException">With every problem at once.</exception>
    public static Workspace Load(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        if (!System.IO.Directory.Exists(path))
        {
            throw new WorkspaceException(directory, "no such folder, expected a workspace (scoring-engine init makes one)");
        }
        return Load(WorkspaceSource.Read(path));
    }

    /// <summary>Checks files that were read before, perhaps long ago; versions are looked for in their folder as it is now.</summary>
    /// <exception cref="WorkspaceException">With every problem at once.</exception>
    public static Workspace Load(WorkspaceSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        List<WorkspaceProblem> problems = [];
        WorkspaceSchema? schema = WorkspaceSchema.Load(source, problems);
        Policy? policy = Policy.Load(source, problems);
        Needs? needs = Needs.Load(source, problems);
        ImmutableArray<Proposition>? propositions = Catalogue.Load(source, schema?.Features, needs, problems);
        ImmutableArray<Strategy>? strategies = Strategy.Load(source, problems);
        if (problems.Count > 0)
        {
            throw new WorkspaceException(problems);
        }
        return new Workspace(source, schema!, policy!, needs!, propositions!.Value, strategies!.Value);
    }

    /// <summary>The same workspace where customers perceive value otherwise; no file changes.</summary>
    public Workspace With(Needs needs)
    {
        ArgumentNullException.ThrowIfNull(needs);
        return new Workspace(Source, Schema, Policy, needs, Propositions, Strategies);
    }

    /// <summary>
    /// What a complete workspace would have and this one has not: strategies without an element, figures that are only
    /// assumed. Empty when complete; nothing here keeps the workspace from being used.
    /// </summary>
    public IEnumerable<WorkspaceProblem> Incompleteness()
    {
        string File(string name) => Path.Combine(Directory, name);
        if (Strategies.IsEmpty)
        {
            yield return new WorkspaceProblem(File(Strategy.FileName), 0, "incomplete: no strategy");
        }
        foreach (Strategy strategy in Strategies)
        {
            string missing = string.Join(", ", strategy.MissingElements);
            if (missing.Length > 0)
            {
                yield return new WorkspaceProblem(File(Strategy.FileName), 0, $"incomplete: strategy '{strategy.Id}' lacks {missing}");
            }
        }
        string[] assumed = [.. Propositions.Where(p => p.Provenance == Value.Provenance.Assumed).Select(p => p.Id)];
        if (assumed.Length > 0)
        {
            yield return new WorkspaceProblem(File(Catalogue.FileName), 0, $"incomplete: economics only assumed for {string.Join(", ", assumed)}");
        }
        if (Needs.BySegment.IsEmpty && Needs.Default.Provenance == Value.Provenance.Assumed)
        {
            yield return new WorkspaceProblem(File(Needs.FileName), 0, "incomplete: need weights are assumed, no survey");
        }
    }

    /// <summary>The numbers of the version folders, newest first; folders with other names are none.</summary>
    public ImmutableArray<int> Versions()
        => [.. System.IO.Directory.EnumerateDirectories(Directory)
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out int version)
                && VersionDirectory(version) == d ? version : 0)
            .Where(v => v > 0)
            .OrderDescending()];

    /// <summary>The folder of a version.</summary>
    public string VersionDirectory(int version) => Path.Combine(Directory, version.ToString(CultureInfo.InvariantCulture));
}
