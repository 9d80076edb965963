using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// A folder <c>models/NAME/</c>: the text files that people review and the numbered version folders that
/// <c>train</c> writes. Immutable once loaded.
/// </summary>
public sealed class Workspace
{
    private Workspace(string directory, WorkspaceSchema schema, Policy policy, Needs needs,
        ImmutableArray<Proposition> propositions, ImmutableArray<Strategy> strategies)
    {
        Directory = directory;
        Schema = schema;
        Policy = policy;
        Needs = needs;
        Propositions = propositions;
        Strategies = strategies;
        Channels = ChannelsOf(schema, policy, propositions);
    }

    /// <summary>Full path of the folder.</summary>
    public string Directory { get; }

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

    /// <summary>
    /// The channels by index: the categories of the schema's context feature <c>channel</c>, so that its codes are indexes; without that
    /// feature, every channel that policy or catalogue name, by name.
    /// </summary>
    public ImmutableArray<string> Channels { get; }

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
        List<WorkspaceProblem> problems = [];
        WorkspaceSchema? schema = WorkspaceSchema.Load(path, problems);
        Policy? policy = Policy.Load(path, problems);
        Needs? needs = Needs.Load(path, problems);
        ImmutableArray<Proposition>? propositions = Catalogue.Load(path, schema?.Features, needs, problems);
        ImmutableArray<Strategy>? strategies = Strategy.Load(path, problems);
        if (problems.Count > 0)
        {
            throw new WorkspaceException(problems);
        }
        return new Workspace(path, schema!, policy!, needs!, propositions!.Value, strategies!.Value);
    }

    /// <summary>The same workspace where customers perceive value otherwise; no file changes.</summary>
    public Workspace With(Needs needs)
    {
        ArgumentNullException.ThrowIfNull(needs);
        return new Workspace(Directory, Schema, Policy, needs, Propositions, Strategies);
    }

    /// <summary>The same workspace with other parts; null keeps one. No file changes and nothing is checked.</summary>
    public Workspace With(Policy? policy = null, IEnumerable<Proposition>? propositions = null, IEnumerable<Strategy>? strategies = null)
        => new(Directory, Schema, policy ?? Policy, Needs,
            propositions is null ? Propositions : [.. propositions.OrderBy(p => p.Id, StringComparer.Ordinal)],
            strategies is null ? Strategies : [.. strategies]);

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

    private static ImmutableArray<string> ChannelsOf(WorkspaceSchema schema, Policy policy, ImmutableArray<Proposition> propositions)
    {
        int feature = schema.Features.IndexOf(ValueModel.ChannelFeature);
        if (feature >= 0 && schema.Features.Features[feature].Kind == FeatureKind.Categorical)
        {
            return schema.Features.Features[feature].Categories;
        }
        IEnumerable<string> named = policy.Contact.Caps.SelectMany(c => c.Channels)
            .Concat(policy.Contact.Consent.Keys).Concat(policy.Contact.QuietChannels).Concat(policy.Exploration.Channels.Keys)
            .Concat(propositions.SelectMany(p => p.Channels.Concat(p.Contact.Keys).Concat(p.Caps.SelectMany(c => c.Channels))));
        return [.. named.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
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
