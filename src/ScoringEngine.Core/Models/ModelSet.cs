using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Models;

/// <summary>
/// The immutable bundle that one version of a model loads into: a request reads one reference to it and uses nothing
/// else. Thread-safe.
/// </summary>
public sealed class ModelSet
{
    /// <summary>Bundles the parts.</summary>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public ModelSet(FeatureSchema schema, SegmentModel segments, ImmutableArray<SegmentProfile> profiles, Quantiser quantiser,
        ProfitModel? profit, ImmutableSortedDictionary<string, PropensityModel> propensities, ModelManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(segments);
        ArgumentNullException.ThrowIfNull(quantiser);
        ArgumentNullException.ThrowIfNull(propensities);
        ArgumentNullException.ThrowIfNull(manifest);
        if (quantiser.RowLength != schema.Count)
        {
            throw new ArgumentException($"the quantiser reads rows of {quantiser.RowLength}, the schema has {schema.Count} features");
        }
        if (segments.MinimumColumns > schema.CustomerCount)
        {
            throw new ArgumentException("segments read a feature that is no customer feature");
        }
        if (profiles.Length != segments.Segments.Length)
        {
            throw new ArgumentException($"{profiles.Length} profiles for {segments.Segments.Length} segments");
        }
        IRowModel[] rowModels = [.. new[] { profit?.Expected, profit?.Upper }.Concat(propensities.Values.Select(p => p.Model)).OfType<IRowModel>()];
        foreach (IRowModel model in rowModels)
        {
            model.RequireFit(quantiser);
        }
        Schema = schema;
        Segments = segments;
        Profiles = profiles;
        Quantiser = quantiser;
        Profit = profit;
        Propensities = propensities;
        Manifest = manifest;
        ScratchLength = rowModels.Select(m => m.ScratchLength).DefaultIfEmpty().Max();
    }

    /// <summary>The features of a row.</summary>
    public FeatureSchema Schema { get; }

    /// <summary>Which segment a customer is in.</summary>
    public SegmentModel Segments { get; }

    /// <summary>What each segment was worth in training, by segment index.</summary>
    public ImmutableArray<SegmentProfile> Profiles { get; }

    /// <summary>Turns a row into the byte columns that every tree ensemble here reads.</summary>
    public Quantiser Quantiser { get; }

    /// <summary>Profitability; null where no profit target was given.</summary>
    public ProfitModel? Profit { get; }

    /// <summary>Propensity by proposition id, for propositions with outcomes.</summary>
    public ImmutableSortedDictionary<string, PropensityModel> Propensities { get; }

    /// <summary>Floats of scratch that the neediest of the models asks for.</summary>
    public int ScratchLength { get; }

    /// <summary>Where it comes from.</summary>
    public ModelManifest Manifest { get; }

    /// <summary>
    /// A feature that segments, profit or a propensity use although <paramref name="schema"/>, equal by hash but perhaps
    /// later, protects it; null where there is none.
    /// </summary>
    public string? ProtectedInput(FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        IEnumerable<int> used = new[] { Profit?.Expected, Profit?.Upper }.Concat(Propensities.Values.Select(p => p.Model)).OfType<IRowModel>()
            .SelectMany(m => m.FeaturesUsed(Quantiser)).Concat(Segments.Features);
        int at = used.Where(f => schema.Features[f].Protected && !Schema.Features[f].Protected).DefaultIfEmpty(-1).Min();
        return at < 0 ? null : Schema.Features[at].Name;
    }
}
