using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Segmentation;

/// <summary>A segment in words.</summary>
/// <param name="Name">Short and unique, such as "Long tenure, fiber optic".</param>
/// <param name="Description">Such as "long tenure (48 months, average 32), mostly fiber optic (82 %, average 44 %)".</param>
public readonly record struct SegmentText(string Name, string Description);

/// <summary>
/// Says what sets each segment apart: the features with the largest standardised difference, (segment mean - overall
/// mean) / overall standard deviation; for a boolean or a category its share takes the place of the mean. Considers the
/// features segments are built from, so never a protected one. The same rows give the same words.
/// </summary>
public static class SegmentDescriber
{
    // 0.2 is a small and 0.5 a medium difference (Cohen, 1988); below 0.25 it is not worth a word.
    private const double LeastEffect = 0.25;
    private const int MostTraits = 4;

    /// <summary>Describes the segments 0..<paramref name="segments"/>-1.</summary>
    /// <param name="schema">The features of the columns.</param>
    /// <param name="rows">[rows x columns] feature values; missing ones (NaN) do not count.</param>
    /// <param name="assignments">The segment of each row.</param>
    /// <param name="segments">Number of segments.</param>
    /// <param name="names">A name to keep for each segment or null for a new one; empty when all are new.</param>
    /// <exception cref="ArgumentException">There is not one assignment a row, or not one name a segment.</exception>
    public static SegmentText[] Describe(
        FeatureSchema schema, FeatureMatrix rows, ReadOnlySpan<int> assignments, int segments, ReadOnlySpan<string?> names = default)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(rows);
        if (assignments.Length != rows.Rows)
        {
            throw new ArgumentException($"expected {rows.Rows} assignments, found {assignments.Length}", nameof(assignments));
        }
        if (!names.IsEmpty && names.Length != segments)
        {
            throw new ArgumentException($"expected {segments} names, found {names.Length}", nameof(names));
        }
        List<Trait>[] traits = new List<Trait>[segments];
        for (int s = 0; s < segments; s++)
        {
            traits[s] = [];
        }
        for (int f = 0; f < Math.Min(schema.CustomerCount, rows.Columns); f++)
        {
            if (SegmentEncoding.Uses(schema.Features[f]))
            {
                AddTraits(schema.Features[f], f, rows, assignments, traits);
            }
        }

        SegmentText[] result = new SegmentText[segments];
        HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);
        foreach (string? name in names)
        {
            if (name is not null)
            {
                taken.Add(name);
            }
        }
        for (int s = 0; s < segments; s++)
        {
            // Several columns may say the same ("no internet service"); the stable sort keeps the first of equals.
            List<Trait> most = [.. traits[s].OrderByDescending(t => t.Effect).DistinctBy(t => t.Label).Take(MostTraits)];
            string name = (names.IsEmpty ? null : names[s]) ?? NewName(most, taken);
            string description = most.Count == 0 ? "close to the average customer" : string.Join(", ", most.Select(t => t.Text));
            result[s] = new SegmentText(name, description);
        }
        return result;
    }

    /// <summary>What sets a segment apart in one feature; the effect is the size of the standardised difference.</summary>
    private readonly record struct Trait(double Effect, string Label, string Text);

    private static void AddTraits(Feature feature, int f, FeatureMatrix rows, ReadOnlySpan<int> assignments, List<Trait>[] traits)
    {
        if (feature.Kind == FeatureKind.Numeric)
        {
            Moments overall = new();
            Moments[] bySegment = new Moments[traits.Length];
            Collect(rows, f, assignments, feature.Log1P ? x => DeterministicMath.Log1P(x) : x => x, ref overall, bySegment);
            for (int s = 0; s < traits.Length; s++)
            {
                double effect = (bySegment[s].Mean - overall.Mean) / overall.Deviation;
                if (Math.Abs(effect) >= LeastEffect)
                {
                    traits[s].Add(OfNumber(feature, effect, bySegment[s].Mean, overall.Mean));
                }
            }
            return;
        }

        Trait?[] strongest = new Trait?[traits.Length];
        foreach ((float code, string what) in Shares(feature))
        {
            Moments overall = new();
            Moments[] bySegment = new Moments[traits.Length];
            Collect(rows, f, assignments, x => x == code ? 1 : 0, ref overall, bySegment);
            for (int s = 0; s < traits.Length; s++)
            {
                double effect = (bySegment[s].Mean - overall.Mean) / overall.Deviation;
                if (Math.Abs(effect) >= LeastEffect)
                {
                    Trait trait = OfShare(what, effect, bySegment[s].Mean, overall.Mean);
                    strongest[s] = strongest[s] is { } other && other.Effect >= trait.Effect ? other : trait;
                }
            }
        }
        for (int s = 0; s < traits.Length; s++)
        {
            if (strongest[s] is { } trait)
            {
                traits[s].Add(trait);
            }
        }
    }

    /// <summary>Count, sum and sum of squares of a column over some rows.</summary>
    private record struct Moments(long Count, double Sum, double Squares)
    {
        public readonly double Mean => Sum / Count;

        /// <summary>Population standard deviation; 0 makes any effect infinite or NaN, so it is NaN then.</summary>
        public readonly double Deviation
        {
            get
            {
                double variance = (Squares / Count) - (Mean * Mean);
                return variance > 1e-12 * Math.Abs(Squares / Count) ? Math.Sqrt(variance) : double.NaN;
            }
        }
    }

    private static void Collect(
        FeatureMatrix rows, int f, ReadOnlySpan<int> assignments, Func<float, double> map, ref Moments overall, Moments[] bySegment)
    {
        for (int i = 0; i < rows.Rows; i++)
        {
            double x = float.IsNaN(rows[i, f]) ? double.NaN : map(rows[i, f]);
            if (double.IsFinite(x))
            {
                overall = new Moments(overall.Count + 1, overall.Sum + x, overall.Squares + (x * x));
                Moments own = bySegment[assignments[i]];
                bySegment[assignments[i]] = new Moments(own.Count + 1, own.Sum + x, own.Squares + (x * x));
            }
        }
    }

    private static Trait OfNumber(Feature feature, double effect, double own, double overall)
    {
        string adjective = IsDuration(feature.Unit) ? (effect > 0 ? "long" : "short") : (effect > 0 ? "high" : "low");
        string label = $"{adjective} {Words(feature.Name)}";
        string unit = feature.Unit is null ? "" : " " + feature.Unit;

        // On a logarithmic scale the mean, taken back, is what is typical, not the average.
        (double ownValue, double overallValue) = feature.Log1P
            ? (DeterministicMath.Exp(own) - 1, DeterministicMath.Exp(overall) - 1) : (own, overall);
        return new Trait(Math.Abs(effect), label,
            $"{label} ({Number(ownValue)}{unit}, {(feature.Log1P ? "typical" : "average")} {Number(overallValue)})");
    }

    private static Trait OfShare(string what, double effect, double own, double overall)
    {
        if (effect < 0 && what.StartsWith("no ", StringComparison.Ordinal))
        {
            return OfShare(what[3..], -effect, 1 - own, 1 - overall);
        }
        string shares = string.Create(CultureInfo.InvariantCulture, $"({100 * own:0} %, average {100 * overall:0} %)");
        if (effect > 0)
        {
            // Of two categories that mirror each other the one the segment has more of is named.
            return new Trait(effect + 1e-9, what, $"{(own > 0.5 ? "mostly" : "often")} {what} {shares}");
        }
        string label = $"{(own < 0.005 ? "no" : "rarely")} {what}";
        return new Trait(-effect, label, $"{label} {shares}");
    }

    /// <summary>The codes whose shares are compared, and what to call them; the share of "no" says nothing "yes" does not.</summary>
    private static IEnumerable<(float Code, string What)> Shares(Feature feature)
    {
        string name = Words(feature.Name);
        if (feature.Kind == FeatureKind.Boolean)
        {
            yield return (1, name);
            yield break;
        }
        bool hasYes = feature.Categories.Any(IsYes);
        for (int code = 0; code < feature.Categories.Length; code++)
        {
            string category = feature.Categories[code];
            if (hasYes && IsYes(category))
            {
                yield return (code, name);
            }
            else if (IsNo(category))
            {
                if (!hasYes)
                {
                    yield return (code, $"no {name}");
                }
            }
            else
            {
                bool speaksForItself = category.Length > 2 && category.Any(char.IsLetter);
                yield return (code, speaksForItself ? LowerFirst(category) : $"{name} {category}");
            }
        }
    }

    private static string NewName(List<Trait> traits, HashSet<string> taken)
    {
        // The second trait counts when it is at least half as strong; more only to tell equal names apart.
        int wanted = traits.Count > 1 && traits[1].Effect >= traits[0].Effect / 2 ? 2 : Math.Min(traits.Count, 1);
        string name = "Average";
        for (int count = wanted; count <= traits.Count; count++)
        {
            if (count > 0)
            {
                name = string.Join(", ", traits.Take(count).Select(t => t.Label));
                name = char.ToUpperInvariant(name[0]) + name[1..];
            }
            if (taken.Add(name))
            {
                return name;
            }
        }
        for (int number = 2; ; number++)
        {
            string numbered = string.Create(CultureInfo.InvariantCulture, $"{name} ({number})");
            if (taken.Add(numbered))
            {
                return numbered;
            }
        }
    }

    private static bool IsDuration(string? unit)
        => unit?.TrimEnd('s').ToLowerInvariant() is "second" or "minute" or "hour" or "day" or "week" or "month" or "quarter" or "year";

    private static bool IsYes(string category) => category.ToLowerInvariant() is "yes" or "true" or "y" or "1";

    private static bool IsNo(string category) => category.ToLowerInvariant() is "no" or "false" or "n" or "0";

    private static string LowerFirst(string text)
        => text.Length > 1 && char.IsUpper(text[1]) ? text : char.ToLowerInvariant(text[0]) + text[1..];

    /// <summary>"MonthlyCharges" and "monthly_charges" both become "monthly charges"; capitals in a row stay.</summary>
    private static string Words(string name)
    {
        StringBuilder words = new();
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i];
            bool startsWord = char.IsUpper(c) && i > 0 && char.IsLower(name[i - 1]);
            bool acronym = char.IsUpper(c) && ((i > 0 && char.IsUpper(name[i - 1])) || (i + 1 < name.Length && char.IsUpper(name[i + 1])));
            if (startsWord)
            {
                words.Append(' ');
            }
            words.Append(c is '_' or '-' or '.' ? ' ' : acronym ? c : char.ToLowerInvariant(c));
        }
        return words.ToString();
    }

    private static string Number(double value) => value.ToString(
        Math.Abs(value) switch { >= 100 => "#,0", >= 10 => "0.#", >= 1 => "0.##", _ => "G2" }, CultureInfo.InvariantCulture);
}
