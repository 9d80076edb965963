using System.Buffers;
using System.Collections;
using System.Text;

namespace Grpc.Core;

/// <summary>
/// The headers or trailers of a call, in order; a key may occur more than once. Keys are lower case and are looked up as
/// they are. Not thread safe while it changes.
/// </summary>
public sealed class Metadata : IList<Metadata.Entry>
{
    /// <summary>The suffix that the key of every binary value has, and of no text value.</summary>
    public const string BinaryHeaderSuffix = "-bin";

    /// <summary>No entries, read-only.</summary>
    public static readonly Metadata Empty = new(isReadOnly: true);

    private readonly List<Entry> _entries = [];

    /// <summary>An empty, writable list.</summary>
    public Metadata()
    {
    }

    private Metadata(bool isReadOnly) => IsReadOnly = isReadOnly;

    /// <inheritdoc/>
    public int Count => _entries.Count;

    /// <summary>Whether every change throws an <see cref="InvalidOperationException"/>.</summary>
    public bool IsReadOnly { get; }

    /// <inheritdoc/>
    public Entry this[int index]
    {
        get => _entries[index];
        set => Writable()[index] = NotNull(value);
    }

    /// <summary>The last entry with a key; null when there is none.</summary>
    public Entry? Get(string key) => _entries.FindLast(entry => entry.Key == key);

    /// <summary>The text of the last entry with a key; null when there is none.</summary>
    /// <exception cref="InvalidOperationException">That entry is binary.</exception>
    public string? GetValue(string key) => Get(key)?.Value;

    /// <summary>A copy of the bytes of the last entry with a key (ASCII for text); null when there is none.</summary>
    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    /// <summary>Every entry with a key, in order.</summary>
    public IEnumerable<Entry> GetAll(string key) => _entries.Where(entry => entry.Key == key);

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public void Add(Entry item) => Writable().Add(NotNull(item));

    /// <summary>Appends a text value; see <see cref="Entry(string, string)"/> for the rules.</summary>
    public void Add(string key, string value) => Add(new Entry(key, value));

    /// <summary>Appends a binary value; see <see cref="Entry(string, byte[])"/> for the rules.</summary>
    public void Add(string key, byte[] valueBytes) => Add(new Entry(key, valueBytes));

    /// <inheritdoc/>
    public void Insert(int index, Entry item) => Writable().Insert(index, NotNull(item));

    /// <inheritdoc/>
    public void RemoveAt(int index) => Writable().RemoveAt(index);

    /// <inheritdoc/>
    public bool Remove(Entry item) => Writable().Remove(item);

    /// <inheritdoc/>
    public void Clear() => Writable().Clear();

    /// <inheritdoc/>
    public int IndexOf(Entry item) => _entries.IndexOf(item);

    /// <inheritdoc/>
    public bool Contains(Entry item) => _entries.Contains(item);

    /// <inheritdoc/>
    public void CopyTo(Entry[] array, int arrayIndex) => _entries.CopyTo(array, arrayIndex);

    /// <inheritdoc/>
    public IEnumerator<Entry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private List<Entry> Writable() =>
        IsReadOnly ? throw new InvalidOperationException("This metadata is read-only.") : _entries;

    private static Entry NotNull(Entry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return entry;
    }

    /// <summary>One key with a text or a binary value; immutable.</summary>
    public sealed class Entry
    {
        private static readonly SearchValues<char> KeyCharacters =
            SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.");

        private readonly string? _text;
        private readonly byte[]? _bytes;

        /// <summary>A text value.</summary>
        /// <param name="key">Letters, digits, '_', '-' and '.', at least one; must not end in "-bin". Kept in lower case.</param>
        /// <param name="value">The text; only printable ASCII survives the wire.</param>
        /// <exception cref="ArgumentException">The key breaks its rules, or an argument is null.</exception>
        public Entry(string key, string value)
        {
            Key = Normalize(key);
            ArgumentNullException.ThrowIfNull(value);
            if (IsBinary)
            {
                throw new ArgumentException(
                    $"The key \"{Key}\" of a text value must not end in \"{BinaryHeaderSuffix}\".", nameof(key));
            }
            _text = value;
        }

        /// <summary>A binary value.</summary>
        /// <param name="key">Letters, digits, '_', '-' and '.'; must end in "-bin". Kept in lower case.</param>
        /// <param name="valueBytes">The bytes, which are copied.</param>
        /// <exception cref="ArgumentException">The key breaks its rules, or an argument is null.</exception>
        public Entry(string key, byte[] valueBytes)
        {
            Key = Normalize(key);
            ArgumentNullException.ThrowIfNull(valueBytes);
            if (!IsBinary)
            {
                throw new ArgumentException(
                    $"The key \"{Key}\" of a binary value must end in \"{BinaryHeaderSuffix}\".", nameof(key));
            }
            _bytes = [.. valueBytes];
        }

        /// <summary>The key, in lower case.</summary>
        public string Key { get; }

        /// <summary>The text of a text entry.</summary>
        /// <exception cref="InvalidOperationException">The entry is binary.</exception>
        public string Value => _text ?? throw new InvalidOperationException($"The value of \"{Key}\" is binary.");

        /// <summary>A new copy of the bytes of a binary entry; of a text entry, its text in ASCII.</summary>
        public byte[] ValueBytes => _bytes is null ? Encoding.ASCII.GetBytes(Value) : [.. _bytes];

        /// <summary>Whether the value is binary.</summary>
        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <summary>For logs: the key and the text, or the number of bytes.</summary>
        public override string ToString() => _bytes is null
            ? $"[Entry: key={Key}, value={_text}]"
            : $"[Entry: key={Key}, valueBytes={_bytes.Length} bytes]";

        private static string Normalize(string key)
        {
            ArgumentException.ThrowIfNullOrEmpty(key);
            string lower = key.ToLowerInvariant();
            return lower.AsSpan().ContainsAnyExcept(KeyCharacters)
                ? throw new ArgumentException(
                    $"The metadata key \"{key}\" has a character other than letters, digits, '_', '-' and '.'.", nameof(key))
                : lower;
        }
    }
}
