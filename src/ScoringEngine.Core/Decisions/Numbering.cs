using System.Collections.Immutable;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Permanent numbers of names, such as propositions in contact events: 1, 2, 3, ... A number never changes its meaning; further names get
/// further numbers. Immutable and thread-safe.
/// </summary>
public sealed class Numbering
{
    private readonly Dictionary<string, int> _numbers;

    /// <summary>A numbering as it was kept.</summary>
    /// <param name="namesByNumber">The names from number 1 on, each once.</param>
    /// <exception cref="ArgumentException">A name is empty or comes twice.</exception>
    public Numbering(ImmutableArray<string> namesByNumber)
    {
        Names = namesByNumber.IsDefault ? [] : namesByNumber;
        _numbers = new Dictionary<string, int>(Names.Length, StringComparer.Ordinal);
        for (int i = 0; i < Names.Length; i++)
        {
            if (string.IsNullOrEmpty(Names[i]))
            {
                throw new ArgumentException($"number {i + 1} has no name", nameof(namesByNumber));
            }
            if (!_numbers.TryAdd(Names[i], i + 1))
            {
                throw new ArgumentException($"'{Names[i]}' has numbers {_numbers[Names[i]]} and {i + 1}", nameof(namesByNumber));
            }
        }
    }

    /// <summary>No names.</summary>
    public static Numbering Empty { get; } = new([]);

    /// <summary>How many names there are, which is the highest number.</summary>
    public int Count => Names.Length;

    /// <summary>The names in the order of their numbers.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>Numbers names in ordinal order, each once, whatever their order.</summary>
    public static Numbering Of(IEnumerable<string> names) => Empty.With(names);

    /// <summary>The number of a name, or 0.</summary>
    public int NumberOf(string name) => _numbers.GetValueOrDefault(name);

    /// <summary>The name with a number, or null.</summary>
    public string? NameOf(int number) => number >= 1 && number <= Names.Length ? Names[number - 1] : null;

    /// <summary>This numbering and further names, which are numbered in ordinal order; this one when none of them is new.</summary>
    public Numbering With(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        ImmutableArray<string> added = [.. names.Where(n => !_numbers.ContainsKey(n)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return added.IsEmpty ? this : new Numbering(Names.AddRange(added));
    }
}
