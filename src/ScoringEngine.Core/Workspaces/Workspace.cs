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
        ImmutableArray<Proposition> propositions, ImmutableArray<Strategy> strategies, Plan plan)
    {
        Source = source;
        Schema = schema;
        Policy = policy;
        Needs = needs;
        Propositions = propositions;
        Strategies = strategies;
        Plan = plan;
        Channels = WorkspaceParts.ChannelsOf(schema.Features) ?? NamedChannels(policy, propositions);
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

    /// <summary>The catalogue, by id.</summary>
    public ImmutableArray<Proposition> Propositions { get; }

    /// <summary>The segment strategies.</summary>
    public ImmutableArray<Strategy> Strategies { get; }

    /// <summary>The value-capture plan.</summary>
    public Plan Plan { get; }

    /// <summary>
    /// The channels by index: the categories of the schema's feature <c>channel</c>, so that its codes are indexes; without that
    /// feature, every channel that policy or catalogue name, by name.
    /// </summary>
    public ImmutableArray<string> Channels { get; }

    /// <summary>Reads and checks all files.</summary>
    /// <exception cref="WorkspaceException">With every problem at once.</exception>
    public static Workspace Load(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return Load(WorkspaceSource.Open(directory));
    }

    /// <summary>Checks files that were read before, perhaps long ago; versions are looked for in their folder as it is now.</summary>
    /// <exception cref="WorkspaceException">With every problem at once.</exception>
    public static Workspace Load(WorkspaceSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        List<WorkspaceProblem> problems = [];
        WorkspaceParts parts = WorkspaceParts.Read(source, problems);
        return problems.Count == 0 ? Of(parts) : throw new WorkspaceException(problems);
    }

    /// <summary>The same workspace where customers perceive value otherwise; no file changes.</summary>
    public Workspace With(Needs needs)
    {
        ArgumentNullException.ThrowIfNull(needs);
        return new Workspace(Source, Schema, Policy, needs, Propositions, Strategies, Plan);
    }

    /// <summary>The same workspace with other parts; null keeps one. No file changes and nothing is checked.</summary>
    public Workspace With(Policy? policy = null, IEnumerable<Proposition>? propositions = null, IEnumerable<Strategy>? strategies = null)
        => new(Source, Schema, policy ?? Policy, Needs,
            propositions is null ? Propositions : [.. propositions.OrderBy(p => p.Id, StringComparer.Ordinal)],
            strategies is null ? Strategies : [.. strategies], Plan);

    /// <summary>
    /// What a complete workspace would have and this one has not: strategies without an element, figures that are only
    /// assumed. Empty when complete; nothing here keeps the workspace from being used.
    /// </summary>
    public IEnumerable<WorkspaceProblem> Incompleteness()
    {
        WorkspaceProblem Incomplete(string name, string message) => new(Path.Combine(Directory, name), 0, message) { Severity = Severity.Incomplete };
        if (Strategies.IsEmpty)
        {
            yield return Incomplete(Strategy.FileName, "no strategy");
        }
        foreach (Strategy strategy in Strategies)
        {
            string missing = string.Join(", ", strategy.MissingElements);
            if (missing.Length > 0)
            {
                yield return Incomplete(Strategy.FileName, $"strategy '{strategy.Id}' lacks {missing}");
            }
        }
        string[] assumed = [.. Propositions.Where(p => p.Provenance == Value.Provenance.Assumed).Select(p => p.Id)];
        if (assumed.Length > 0)
        {
            yield return Incomplete(Catalogue.FileName, $"economics only assumed for {string.Join(", ", assumed)}");
        }
        if (Needs.BySegment.IsEmpty && Needs.Default.Provenance == Value.Provenance.Assumed)
        {
            yield return Incomplete(Needs.FileName, "need weights are assumed, no survey");
        }
    }

    /// <summary>The numbers of the version folders, newest first; folders with other names are none.</summary>
    public ImmutableArray<int> Versions()
        => [.. System.IO.Directory.EnumerateDirectories(Directory)
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out int version)
                && VersionDirectory(version) == d ? version : 0)
            .Where(v => v > 0)
            .OrderDescending()];

    /// <summary>A workspace of parts that have no problems.</summary>
    internal static Workspace Of(WorkspaceParts parts)
        => new(parts.Source, parts.Schema!, parts.Policy!, parts.Needs!, parts.Propositions!.Value, parts.Strategies!.Value, parts.Plan!);

    /// <summary>The folder of a version.</summary>
    public string VersionDirectory(int version) => Path.Combine(Directory, version.ToString(CultureInfo.InvariantCulture));

    private static ImmutableArray<string> NamedChannels(Policy policy, ImmutableArray<Proposition> propositions)
        => [.. policy.Contact.Consent.Keys
            .Concat(policy.Contact.QuietChannels)
            .Concat(policy.Exploration.Channels.Keys)
            .Concat(policy.Contact.Caps.Concat(propositions.SelectMany(p => p.Caps)).SelectMany(c => c.Channels))
            .Concat(propositions.SelectMany(p => p.Channels.Concat(p.Contact.Keys)))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)];
}
