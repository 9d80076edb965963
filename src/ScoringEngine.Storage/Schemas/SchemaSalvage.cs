using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage.Schemas;

/// <summary>
/// What a repair finds of schema versions and categories, in whichever files still have them and in any order. Numbers whose
/// meaning is lost stay reserved: given out again, they would give stored customers another meaning. Not thread-safe.
/// </summary>
internal sealed class SchemaSalvage(RepairReport report) : ISchemaLog
{
    private readonly SortedDictionary<ushort, StoredFeature[]> _versions = [];
    private readonly Dictionary<int, SortedDictionary<int, string>> _categories = [];

    public void Version(ReadOnlySpan<byte> payload)
    {
        (ushort version, StoredFeature[] features) = SchemaPayload.ToVersion(payload);
        if (!_versions.TryAdd(version, features) && !_versions[version].SequenceEqual(features))
        {
            report.Lost(null, $"schema version {version}: it comes twice with other features; customers are read with the first");
        }
    }

    public void Category(ReadOnlySpan<byte> payload)
    {
        (int feature, int code, string name) = SchemaPayload.ToCategory(payload);
        if (!_categories.TryGetValue(feature, out SortedDictionary<int, string>? names))
        {
            _categories.Add(feature, names = []);
        }
        if (!names.TryAdd(code, name) && names[code] != name)
        {
            report.Lost(null, $"category '{name}' of feature id {feature}: its code {code} is that of '{names[code]}', which it stays");
        }
    }

    /// <summary>Hands over what was found, with every number that is in it or in a stored customer.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Install(StoredSchemas schemas, CustomerStore customers, CancellationToken cancellation)
    {
        UsedNumbers used = new(_versions);
        customers.Scan(ref used, cancellation);
        int last = Math.Max(used.LastVersion, _versions.Count == 0 ? 0 : _versions.Keys.Last());
        for (int version = 1; version <= last; version++)
        {
            if (!_versions.TryGetValue((ushort)version, out StoredFeature[]? features))
            {
                // Without columns no customer fits it, so none is misread.
                features = [];
                report.Lost(null, $"schema version {version}: customers stored under it cannot be read until they are stored anew");
            }
            schemas.LoadVersion(SchemaPayload.OfVersion((ushort)version, features));
        }
        foreach (int feature in _versions.Values.SelectMany(v => v).Where(f => f.Kind == FeatureKind.Categorical).Select(f => f.Id).Distinct())
        {
            InstallCategories(schemas, feature, _categories.GetValueOrDefault(feature) ?? [], used.LastCodes.GetValueOrDefault(feature, -1));
        }
    }

    private void InstallCategories(StoredSchemas schemas, int feature, SortedDictionary<int, string> names, int lastUsed)
    {
        int last = Math.Max(lastUsed, names.Count == 0 ? -1 : names.Keys.Last());
        HashSet<string> taken = new(StringComparer.Ordinal);
        int lost = 0;
        for (int code = 0; code <= last; code++)
        {
            if (!names.TryGetValue(code, out string? name) || !taken.Add(name))
            {
                // Nobody else comes upon this name.
                name = $"(lost {code} {Guid.NewGuid():N})";
                lost++;
            }
            schemas.LoadCategory(SchemaPayload.OfCategory(feature, code, name));
        }
        if (lost > 0)
        {
            report.Lost(null, $"{lost} category names of feature id {feature}: customers keep the codes, which no model knows");
        }
    }

    /// <summary>The highest numbers that stored customers have.</summary>
    private struct UsedNumbers(SortedDictionary<ushort, StoredFeature[]> versions) : ICustomerVisitor
    {
        public int LastVersion { get; private set; }

        /// <summary>By the id of the feature.</summary>
        public Dictionary<int, int> LastCodes { get; } = [];

        public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
        {
            LastVersion = Math.Max(LastVersion, customer.SchemaVersion);
            ReadOnlySpan<float> features = customer.Features;
            if (!versions.TryGetValue(customer.SchemaVersion, out StoredFeature[]? columns) || columns.Length != features.Length)
            {
                return;
            }
            for (int c = 0; c < columns.Length; c++)
            {
                if (columns[c].Kind == FeatureKind.Categorical && features[c] is >= 0 and < CategoryCodes.MaxCategories)
                {
                    LastCodes[columns[c].Id] = Math.Max((int)features[c], LastCodes.GetValueOrDefault(columns[c].Id, -1));
                }
            }
        }
    }
}
