using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Something that customers value, in their own terms.</summary>
/// <param name="Id">Id in files.</param>
/// <param name="Name">Name for people.</param>
public sealed record Need(string Id, string Name);

/// <summary>How much one segment weighs each need.</summary>
public sealed record NeedWeights
{
    /// <summary>Weight by need id, 0..1; a need that is not named weighs 0. The sum is 1 or less.</summary>
    public ImmutableSortedDictionary<string, double> Weights { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Where the weights come from.</summary>
    public Provenance Provenance { get; init; } = Provenance.Assumed;

    /// <summary>Name of the survey; null without one.</summary>
    public string? Source { get; init; }

    /// <summary>Customers asked; 0 without a survey.</summary>
    public int SampleSize { get; init; }

    /// <summary>Half-width of the 95 % interval of each weight, by need id.</summary>
    public ImmutableSortedDictionary<string, double> HalfWidths { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>What customers said, in their own words.</summary>
    public ImmutableArray<string> Words { get; init; } = [];
}

/// <summary>What <c>needs.yaml</c> says: how customers of each segment perceive value.</summary>
/// <param name="All">The needs, at least one.</param>
/// <param name="Default">Weights of a segment that is not listed.</param>
/// <param name="BySegment">Weights by segment id.</param>
public sealed record Needs(ImmutableArray<Need> All, NeedWeights Default, ImmutableSortedDictionary<int, NeedWeights> BySegment)
{
    /// <summary>Name of the file in a workspace.</summary>
    public const string FileName = "needs.yaml";

    /// <summary>The weights of a segment.</summary>
    public NeedWeights Of(int segmentId) => BySegment.GetValueOrDefault(segmentId, Default);

    internal static Needs? Load(WorkspaceSource source, List<WorkspaceProblem> problems)
    {
        int before = problems.Count;
        YamlSection? file = YamlSection.Load(source, FileName, problems);
        if (file is null)
        {
            return null;
        }
        List<Need> needs = [];
        foreach (YamlSection section in file.Sections("needs"))
        {
            string id = section.RequiredText("id");
            if (id.Length > 0 && needs.Exists(n => n.Id == id))
            {
                section.Problem("id", $"'{id}' is used twice");
            }
            needs.Add(new Need(id, section.Text("name") ?? id));
            section.RejectUnknownKeys();
        }
        if (needs.Count == 0)
        {
            file.Problem("needs", "missing, expected at least one need");
        }
        NeedWeights standard = file.Section("default") is { } defaults ? ReadWeights(defaults, needs) : new NeedWeights();
        ImmutableSortedDictionary<int, NeedWeights>.Builder segments = ImmutableSortedDictionary.CreateBuilder<int, NeedWeights>();
        foreach (YamlSection section in file.Sections("segments"))
        {
            int id = section.Integer("segment", 0, 1, int.MaxValue);
            NeedWeights weights = ReadWeights(section, needs);
            if (!section.Has("segment"))
            {
                section.Problem("segment", "missing, expected a segment id");
            }
            else if (id > 0 && !segments.TryAdd(id, weights))
            {
                section.Problem("segment", $"{id} is listed twice");
            }
        }
        file.RejectUnknownKeys();
        return problems.Count == before ? new Needs([.. needs], standard, segments.ToImmutable()) : null;
    }

    private static NeedWeights ReadWeights(YamlSection section, List<Need> needs)
    {
        NeedWeights weights = new()
        {
            Weights = section.Numbers("weights", 0, 1).ToImmutableSortedDictionary(StringComparer.Ordinal),
            Provenance = section.Choice("provenance", Provenance.Assumed),
            Source = section.Text("source"),
            SampleSize = section.Integer("sample_size", 0, 0, int.MaxValue),
            HalfWidths = section.Numbers("half_widths", 0, 1).ToImmutableSortedDictionary(StringComparer.Ordinal),
            Words = [.. section.Texts("words")],
        };
        foreach ((string key, IEnumerable<string> ids) in new[] { ("weights", weights.Weights.Keys), ("half_widths", weights.HalfWidths.Keys) })
        {
            foreach (string id in ids.Where(id => !needs.Exists(n => n.Id == id)))
            {
                section.Problem(key, $"no need '{id}'{NearestName.Hint(id, needs.Select(n => n.Id))}");
            }
        }
        double sum = weights.Weights.Values.Sum();
        if (sum > 1.001)
        {
            section.Problem("weights", FormattableString.Invariant($"the weights sum to {sum:0.###}, expected 1 or less"));
        }
        if (weights.Provenance == Provenance.Surveyed && (weights.Source is null || weights.SampleSize == 0))
        {
            section.Problem("provenance", "surveyed weights need a source and a sample_size");
        }
        section.RejectUnknownKeys();
        return weights;
    }
}
