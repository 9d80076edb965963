using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;

namespace ScoringEngine.Core.Features;

/// <summary>
/// Category names and their codes for every categorical feature of a schema. Append-only: a code never changes its
/// meaning, so that stored values stay readable; codes start with the schema's own categories. Thread-safe.
/// </summary>
public sealed class CategoryDictionary
{
    /// <summary>Most categories of one feature; codes stay exact in a float32 and memory stays bounded.</summary>
    public const int MaxCategories = 1_000_000;

    private readonly Entry?[] _entries;

    /// <summary>A dictionary that holds the schema's categories.</summary>
    public CategoryDictionary(FeatureSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Schema = schema;
        _entries = [.. schema.Features.Select(f => f.Kind == FeatureKind.Categorical ? new Entry(f.Categories) : null)];
    }

    /// <summary>The schema whose features it serves.</summary>
    public FeatureSchema Schema { get; }

    /// <summary>The code of a category, which is added when new.</summary>
    /// <exception cref="InvalidDataException">The feature has <see cref="MaxCategories"/> already.</exception>
    public int GetOrAdd(int feature, string category) => Of(feature).GetOrAdd(category, Schema.Features[feature].Name);

    /// <summary>The code of a category given in UTF-8, which is added when new.</summary>
    /// <exception cref="InvalidDataException">The feature has <see cref="MaxCategories"/> already.</exception>
    public int GetOrAdd(int feature, ReadOnlySpan<byte> category)
    {
        Span<char> buffer = stackalloc char[128];
        if (!Encoding.UTF8.TryGetChars(category, buffer, out int length))
        {
            return GetOrAdd(feature, Encoding.UTF8.GetString(category));
        }
        Entry entry = Of(feature);
        ReadOnlySpan<char> name = buffer[..length];
        return entry.CodesBySpan.TryGetValue(name, out int code) ? code : entry.GetOrAdd(name.ToString(), Schema.Features[feature].Name);
    }

    /// <summary>The code of a category, or -1.</summary>
    public int CodeOf(int feature, string category) => Of(feature).Codes.TryGetValue(category, out int code) ? code : -1;

    /// <summary>The name for a code, or null when nothing has it.</summary>
    public string? NameOf(int feature, int code)
    {
        ImmutableArray<string> names = Of(feature).Names;
        return (uint)code < (uint)names.Length ? names[code] : null;
    }

    /// <summary>All names of a feature by code.</summary>
    public ImmutableArray<string> NamesOf(int feature) => Of(feature).Names;

    private Entry Of(int feature)
        => _entries[feature] ?? throw new ArgumentException($"feature '{Schema.Features[feature].Name}' is not categorical", nameof(feature));

    private sealed class Entry(ImmutableArray<string> names)
    {
        private readonly Lock _append = new();
        private ImmutableArray<string>.Builder? _builder;
        private ImmutableArray<string> _names = names;

        public ConcurrentDictionary<string, int> Codes { get; } =
            new(names.Select((name, code) => KeyValuePair.Create(name, code)), StringComparer.Ordinal);

        public ConcurrentDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> CodesBySpan => Codes.GetAlternateLookup<ReadOnlySpan<char>>();

        public ImmutableArray<string> Names
        {
            get
            {
                lock (_append)
                {
                    // Copied only when somebody asks after an append, so that appending n names costs n, not n squared.
                    if (_builder is not null && _builder.Count != _names.Length)
                    {
                        _names = _builder.ToImmutable();
                    }
                    return _names;
                }
            }
        }

        public int GetOrAdd(string category, string feature)
        {
            if (Codes.TryGetValue(category, out int code))
            {
                return code;
            }
            lock (_append)
            {
                if (Codes.TryGetValue(category, out code))
                {
                    return code;
                }
                _builder ??= _names.ToBuilder();
                if (_builder.Count >= MaxCategories)
                {
                    throw new InvalidDataException($"feature '{feature}' has {MaxCategories} categories already, '{category}' does not fit");
                }
                code = _builder.Count;
                _builder.Add(category);
                Codes[category] = code;
                return code;
            }
        }
    }
}
