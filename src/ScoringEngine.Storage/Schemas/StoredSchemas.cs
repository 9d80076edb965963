using System.Collections.Concurrent;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage.Schemas;

/// <summary>
/// What the features of stored customers mean: the schema versions they were written under, and the category codes of the
/// store. Both only grow, so that every record stays readable. A feature is known by its permanent id, which keeps its kind
/// for ever and its name unless a change is declared (<see cref="Feature.Formerly"/>). Thread-safe, except for what recovery calls.
/// </summary>
public sealed class StoredSchemas : ISchemaLog
{
    private readonly Lock _adopt = new();
    private readonly ConcurrentDictionary<int, CategoryCodes> _categories = new();

    // By version - 1; replaced, never changed.
    private volatile StoredFeature[][] _versions = [];

    /// <summary>Number of versions: the newest one; 0 before the first.</summary>
    public int VersionCount => _versions.Length;

    /// <summary>Takes every addition from now on, before anything uses it; null, the default, keeps nothing.</summary>
    internal ISchemaLog? Log { get; set; }

    /// <summary>The columns of a version.</summary>
    /// <exception cref="InvalidDataException">There is no such version.</exception>
    public ReadOnlySpan<StoredFeature> FeaturesOf(ushort version)
    {
        StoredFeature[][] versions = _versions;
        return (uint)(version - 1) < (uint)versions.Length ? versions[version - 1]
            : throw new InvalidDataException($"no schema version {version}, the store has {versions.Length}");
    }

    /// <summary>The category codes of a feature.</summary>
    /// <exception cref="ArgumentException">No version has a categorical feature of that id.</exception>
    public CategoryCodes CategoriesOf(int featureId) => _categories.TryGetValue(featureId, out CategoryCodes? codes) ? codes
        : throw new ArgumentException($"the store has no categorical feature of id {featureId}", nameof(featureId));

    /// <summary>
    /// The version under which customers of a schema are stored: the latest one with the same columns, or a new one. The
    /// schema's categories get codes of the store.
    /// </summary>
    /// <exception cref="InvalidDataException">
    /// The schema is of another lineage (a feature has another kind, or another name that is not declared), or the store's
    /// bounds are reached.
    /// </exception>
    /// <exception cref="IOException">The addition cannot be kept.</exception>
    public ushort Adopt(FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        if (schema.CustomerCount > CustomerStore.MaxFeatures)
        {
            throw new InvalidDataException($"{schema.CustomerCount} features, a store takes at most {CustomerStore.MaxFeatures}");
        }
        Feature[] features = [.. schema.Features.Take(schema.CustomerCount)];
        StoredFeature[] columns = [.. features.Select(f => new StoredFeature(f.Id, f.Kind, f.Name))];
        lock (_adopt)
        {
            RequireLineage(schema);
            int version = Array.FindLastIndex(_versions, known => known.AsSpan().SequenceEqual(columns)) + 1;
            if (version == 0)
            {
                version = Add(columns, Log);
            }
            foreach (Feature feature in features.Where(f => f.Kind == FeatureKind.Categorical))
            {
                CategoryCodes codes = _categories[feature.Id];
                foreach (string category in feature.Categories)
                {
                    codes.GetOrAdd(category);
                }
            }
            return (ushort)version;
        }
    }

    /// <summary>Reads stored customers as rows of a schema, a model's say: features by id, categories by name.</summary>
    /// <exception cref="InvalidDataException">The schema is of another lineage.</exception>
    public RowMapping MapTo(FeatureSchema target)
    {
        ArgumentNullException.ThrowIfNull(target);
        RequireLineage(target);
        return new RowMapping(this, target);
    }

    /// <summary>Reads stored customers as if all had been stored under one version.</summary>
    /// <exception cref="InvalidDataException">There is no such version.</exception>
    public StoredLayout LayoutOf(ushort version) => new(this, version);

    /// <summary>
    /// Hands everything over, for a snapshot: all that <see cref="Log"/> was told before the call; what is added meanwhile may be
    /// in it or not.
    /// </summary>
    internal void Write(ISchemaLog target)
    {
        StoredFeature[][] versions;
        lock (_adopt)
        {
            versions = _versions;
        }
        for (int v = 0; v < versions.Length; v++)
        {
            target.Version(SchemaPayload.OfVersion((ushort)(v + 1), versions[v]));
        }
        foreach (int id in versions.SelectMany(v => v).Where(f => f.Kind == FeatureKind.Categorical).Select(f => f.Id).Distinct())
        {
            ReadOnlySpan<string> names = _categories[id].SettledNames;
            for (int code = 0; code < names.Length; code++)
            {
                target.Category(SchemaPayload.OfCategory(id, code, names[code]));
            }
        }
    }

    /// <summary>Takes a version that a log has kept, or finds that it is here already. Recovery only: one thread, before <see cref="Log"/> is set.</summary>
    /// <exception cref="InvalidDataException">The payload is damaged or does not follow what is here.</exception>
    internal void LoadVersion(ReadOnlySpan<byte> payload)
    {
        (ushort version, StoredFeature[] features) = SchemaPayload.ToVersion(payload);
        if (version == VersionCount + 1)
        {
            ILookup<int, StoredFeature> known = Known();
            foreach (StoredFeature feature in features)
            {
                if (known[feature.Id].FirstOrDefault(feature).Kind != feature.Kind)
                {
                    throw new InvalidDataException($"schema version {version} gives feature id {feature.Id} another kind");
                }
            }
            Add(features, log: null);
        }
        else if (!FeaturesOf(version).SequenceEqual(features))
        {
            throw new InvalidDataException($"schema version {version} comes twice with other features");
        }
    }

    /// <summary>Takes a category that a log has kept, or finds that it is here already. Recovery only: one thread, before <see cref="Log"/> is set.</summary>
    /// <exception cref="InvalidDataException">The payload is damaged or does not follow what is here.</exception>
    internal void LoadCategory(ReadOnlySpan<byte> payload)
    {
        (int feature, int code, string name) = SchemaPayload.ToCategory(payload);
        if (!_categories.TryGetValue(feature, out CategoryCodes? codes))
        {
            throw new InvalidDataException($"a category of feature id {feature}, which is not categorical in any schema version");
        }
        int count = codes.Names.Length;
        if ((uint)code > (uint)count || codes.CodeOf(name) != (code < count ? code : -1))
        {
            throw new InvalidDataException($"category '{name}' of feature id {feature} has code {code}, which does not follow the {count} categories before");
        }
        codes.GetOrAdd(name);
    }

    void ISchemaLog.Version(ReadOnlySpan<byte> payload) => LoadVersion(payload);

    void ISchemaLog.Category(ReadOnlySpan<byte> payload) => LoadCategory(payload);

    private int Add(StoredFeature[] columns, ISchemaLog? log)
    {
        int version = VersionCount + 1;
        if (version > ushort.MaxValue)
        {
            throw new InvalidDataException($"the store has {VersionCount} schema versions already, no further one fits");
        }
        log?.Version(SchemaPayload.OfVersion((ushort)version, columns));
        foreach (StoredFeature column in columns.Where(c => c.Kind == FeatureKind.Categorical))
        {
            _categories.TryAdd(column.Id, new CategoryCodes(column.Name,
                adding: (code, name) => Log?.Category(SchemaPayload.OfCategory(column.Id, code, name))));
        }
        _versions = [.. _versions, columns];
        return version;
    }

    /// <summary>The features of all versions by id, the newest first.</summary>
    private ILookup<int, StoredFeature> Known() => _versions.Reverse().SelectMany(v => v).Distinct().ToLookup(f => f.Id);

    /// <summary>Refuses a schema of another lineage.</summary>
    /// <exception cref="InvalidDataException">A feature has another kind, or another name that is not declared.</exception>
    internal void RequireLineage(FeatureSchema schema)
    {
        ILookup<int, StoredFeature> known = Known();
        string[] breaks = [.. schema.Features.Where(f => known.Contains(f.Id)).Select(f => Break(f, [.. known[f.Id]])).OfType<string>()];
        if (breaks.Length > 0)
        {
            throw new InvalidDataException($"another schema lineage: {string.Join("; ", breaks)}");
        }
    }

    /// <summary>How a feature breaks with what the store knows under its id; null when it does not.</summary>
    private static string? Break(Feature now, StoredFeature[] before)
    {
        bool sameName = before.Any(b => b.Name == now.Name || now.Formerly.Contains(b.Name));
        if (before[0].Kind != now.Kind)
        {
            return $"feature id {now.Id} is {Describe(now.Kind)} '{now.Name}' and was {Describe(before[0].Kind)} '{before[0].Name}': "
                + "restore the kind, or give the feature a new id";
        }
        return sameName ? null : $"feature id {now.Id} is '{now.Name}' and was '{before[0].Name}': "
            + $"restore the name, declare 'formerly: {before[0].Name}' if it is the same feature, or give it a new id";
    }

    private static string Describe(FeatureKind kind) => kind switch
    {
        FeatureKind.Categorical => "categorical",
        FeatureKind.Boolean => "boolean",
        _ => "numeric",
    };
}
