using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage.Schemas;

/// <summary>
/// Brings stored customers of any schema version into rows of a schema (<see cref="StoredSchemas.MapTo"/>)
/// or of one version (<see cref="StoredLayout"/>). What a version needs is worked out when its first customer comes by; from then
/// on nothing is allocated, and a customer whose columns and codes are the target's already is copied. Thread-safe.
/// </summary>
public class RowMapping
{
    private readonly StoredSchemas _schemas;
    private readonly int[] _ids;
    private readonly FeatureSchema? _target;
    private readonly Lock _build = new();

    // By target column, shared by all versions; under the lock.
    private readonly CodeMap?[] _codes;

    // By version - 1; entries are filled in, the array is replaced when it grows.
    private volatile VersionMap?[] _versions = [];

    internal RowMapping(StoredSchemas schemas, FeatureSchema target)
    {
        _schemas = schemas;
        _target = target;
        _ids = [.. target.Features.Take(target.CustomerCount).Select(f => f.Id)];
        _codes = new CodeMap?[_ids.Length];
    }

    private protected RowMapping(StoredSchemas schemas, ReadOnlySpan<StoredFeature> target)
    {
        _schemas = schemas;
        _ids = new int[target.Length];
        for (int t = 0; t < target.Length; t++)
        {
            _ids[t] = target[t].Id;
        }
        _codes = new CodeMap?[_ids.Length];
    }

    /// <summary>Number of values it sets in a row: the target's customer features.</summary>
    public int Count => _ids.Length;

    /// <summary>Sets a row to a stored customer; may be called by a reader, in place.</summary>
    /// <inheritdoc cref="Map(ushort, ReadOnlySpan{float}, Span{float})"/>
    public void Map(in CustomerView customer, Span<float> row) => Map(customer.SchemaVersion, customer.Features, row);

    /// <summary>Sets a row to stored features.</summary>
    /// <param name="version">The version they were stored under.</param>
    /// <param name="stored">As stored.</param>
    /// <param name="row">
    /// At least <see cref="Count"/> values; the first so many are set. NaN is missing, as is what the version does not have.
    /// With the target's category codes, where a category that the target does not know is NaN or a code beyond its own, which
    /// <see cref="FeatureSchema.DropUnknownCategories"/> (so every scorer) makes missing.
    /// </param>
    /// <exception cref="ArgumentException">The row is too short.</exception>
    /// <exception cref="InvalidDataException">The record is damaged: an unknown version, another number of features, or a code without a name.</exception>
    public void Map(ushort version, ReadOnlySpan<float> stored, Span<float> row)
    {
        VersionMap?[] versions = _versions;
        VersionMap map = (uint)(version - 1) < (uint)versions.Length && versions[version - 1] is { } known ? known : Build(version);
        if (stored.Length != map.StoredCount)
        {
            throw new InvalidDataException($"a record of schema version {version} has {stored.Length} features, expected {map.StoredCount}");
        }
        if (map.IsIdentity)
        {
            stored.CopyTo(row);
            return;
        }
        row = row[..Count];
        for (int t = 0; t < row.Length; t++)
        {
            int source = map.Sources[t];
            row[t] = source < 0 ? float.NaN : stored[source];
        }
        foreach ((int column, CodeMap codes) in map.Coded)
        {
            row[column] = codes.Of(row[column]);
        }
    }

    private VersionMap Build(ushort version)
    {
        ReadOnlySpan<StoredFeature> columns = _schemas.FeaturesOf(version);
        lock (_build)
        {
            if (_versions.Length < version)
            {
                VersionMap?[] grown = new VersionMap?[_schemas.VersionCount];
                _versions.CopyTo(grown, 0);
                _versions = grown;
            }
            return _versions[version - 1] ??= Build(columns);
        }
    }

    private VersionMap Build(ReadOnlySpan<StoredFeature> columns)
    {
        Dictionary<int, int> columnOf = [];
        for (int c = 0; c < columns.Length; c++)
        {
            columnOf.Add(columns[c].Id, c);
        }
        int[] sources = new int[_ids.Length];
        List<(int, CodeMap)> coded = [];
        bool identity = columns.Length == _ids.Length;
        for (int t = 0; t < _ids.Length; t++)
        {
            sources[t] = columnOf.GetValueOrDefault(_ids[t], -1);
            identity &= sources[t] == t;
            if (_target is not null && sources[t] >= 0 && columns[sources[t]].Kind == FeatureKind.Categorical)
            {
                CategoryCodes stored = _schemas.CategoriesOf(_ids[t]);
                identity &= stored.Names.StartsWith(_target.Features[t].Categories.AsSpan());
                coded.Add((t, _codes[t] ??= new CodeMap(stored, _target, t)));
            }
        }
        return new VersionMap(columns.Length, sources, [.. coded], identity);
    }

    /// <param name="StoredCount">Features of a customer.</param>
    /// <param name="Sources">For each target column the customer's, or -1.</param>
    /// <param name="Coded">The target columns whose codes are the target's own.</param>
    /// <param name="IsIdentity">Whether columns and the codes of the target's categories are the same: they stay so.</param>
    private sealed record VersionMap(int StoredCount, int[] Sources, (int Column, CodeMap Codes)[] Coded, bool IsIdentity);

    /// <summary>The target's codes for the store's, each looked up by name when it first comes by.</summary>
    private sealed class CodeMap(CategoryCodes stored, FeatureSchema target, int feature)
    {
        private const float NotLookedUp = -1;

        private readonly Lock _grow = new();

        // By the store's code; NaN is unknown to the target.
        private volatile float[] _codes = [];

        public float Of(float value)
        {
            if (float.IsNaN(value))
            {
                return value;
            }
            float[] codes = _codes;
            int code = (int)value;
            return code == value && (uint)code < (uint)codes.Length && codes[code] is not NotLookedUp and float known ? known : LookUp(value);
        }

        private float LookUp(float value)
        {
            int code = (int)value;
            if (code != value || stored.NameOf(code) is not { } name)
            {
                throw new InvalidDataException(FormattableString.Invariant(
                    $"a record has category code {value} in feature '{target.Features[feature].Name}', expected one of {stored.Names.Length}"));
            }
            int found = target.CodeOf(feature, name);
            lock (_grow)
            {
                if (code >= _codes.Length)
                {
                    float[] grown = new float[Math.Max(stored.Names.Length, 2 * _codes.Length)];
                    grown.AsSpan().Fill(NotLookedUp);
                    _codes.CopyTo(grown, 0);
                    _codes = grown;
                }
                return _codes[code] = found < 0 ? float.NaN : found;
            }
        }
    }
}
