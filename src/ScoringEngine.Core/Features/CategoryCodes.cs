using System.Collections.Concurrent;
using System.Text;

namespace ScoringEngine.Core.Features;

/// <summary>
/// The category names of one feature and their codes 0, 1, 2, ... Append-only: a code never changes its meaning, so that
/// stored values stay readable. Thread-safe; only an addition takes a lock.
/// </summary>
public sealed class CategoryCodes
{
    /// <summary>Most categories of one feature; codes stay exact in a float32 and memory stays bounded.</summary>
    public const int MaxCategories = 1_000_000;

    private const int FirstCapacity = 4;

    private readonly string _feature;
    private readonly Action<int, string>? _adding;
    private readonly ConcurrentDictionary<string, int> _codes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _codesBySpan;
    private readonly Lock _append = new();

    // Names never move within the array and are written before the count covers them: a reader takes the count first.
    private volatile string[] _names = [];
    private volatile int _count;

    /// <summary>Codes that begin with the given names.</summary>
    /// <param name="feature">The feature's name, for messages.</param>
    /// <param name="names">The first names, each once.</param>
    /// <param name="adding">
    /// Called with each further code and name, one at a time in the order of codes, before anybody can see the code; what it
    /// throws leaves the codes as they are.
    /// </param>
    /// <exception cref="ArgumentException">A name comes twice.</exception>
    /// <exception cref="InvalidDataException">More than <see cref="MaxCategories"/> names.</exception>
    public CategoryCodes(string feature, ReadOnlySpan<string> names = default, Action<int, string>? adding = null)
    {
        _feature = feature;
        _codesBySpan = _codes.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int code = 0; code < names.Length; code++)
        {
            if (GetOrAdd(names[code]) != code)
            {
                throw new ArgumentException($"category '{names[code]}' of feature '{feature}' comes twice", nameof(names));
            }
        }
        _adding = adding;
    }

    /// <summary>All names by code, as of now.</summary>
    public ReadOnlySpan<string> Names
    {
        get
        {
            int count = _count;
            return _names.AsSpan(0, count);
        }
    }

    /// <summary>All names by code, once no addition is under way: every one that the callback has been told of by now is among them.</summary>
    public ReadOnlySpan<string> SettledNames
    {
        get
        {
            lock (_append)
            {
                return Names;
            }
        }
    }

    /// <summary>The name for a code, or null when nothing has it.</summary>
    public string? NameOf(int code) => (uint)code < (uint)_count ? _names[code] : null;

    /// <summary>The code of a category, or -1.</summary>
    public int CodeOf(string category) => _codes.TryGetValue(category, out int code) ? code : -1;

    /// <summary>The code of a category, which is added when new.</summary>
    /// <exception cref="InvalidDataException">There are <see cref="MaxCategories"/> already.</exception>
    public int GetOrAdd(string category)
    {
        if (_codes.TryGetValue(category, out int code))
        {
            return code;
        }
        lock (_append)
        {
            if (_codes.TryGetValue(category, out code))
            {
                return code;
            }
            code = _count;
            if (code == MaxCategories)
            {
                throw new InvalidDataException($"feature '{_feature}' has {MaxCategories} categories already, '{category}' does not fit");
            }
            _adding?.Invoke(code, category);
            if (code == _names.Length)
            {
                string[] names = new string[Math.Max(FirstCapacity, 2 * code)];
                _names.CopyTo(names, 0);
                _names = names;
            }
            _names[code] = category;
            _count = code + 1;
            _codes[category] = code;
            return code;
        }
    }

    /// <summary>The code of a category given in UTF-8, which is added when new.</summary>
    /// <exception cref="InvalidDataException">There are <see cref="MaxCategories"/> already.</exception>
    public int GetOrAdd(ReadOnlySpan<byte> category)
    {
        Span<char> buffer = stackalloc char[128];
        if (!Encoding.UTF8.TryGetChars(category, buffer, out int length))
        {
            return GetOrAdd(Encoding.UTF8.GetString(category));
        }
        ReadOnlySpan<char> name = buffer[..length];
        return _codesBySpan.TryGetValue(name, out int code) ? code : GetOrAdd(name.ToString());
    }
}
