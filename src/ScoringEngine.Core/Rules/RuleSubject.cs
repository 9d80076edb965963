using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Rules;

/// <summary>
/// What a comparison is about, and how its values are written: a feature of the schema, else one of the scores. Every value is a float32: a
/// category's code, 0 or 1, a tier from worst to best, a segment's id; NaN is missing.
/// </summary>
internal sealed class RuleSubject
{
    /// <summary>Number of scores.</summary>
    public const int Scores = 4;

    private const string Segment = "segment";
    private const string TierName = "tier";
    private const string ExpectedProfit = "expected_profit";
    private const string Potential = "potential";

    private static readonly string[] ScoreNames = [Segment, TierName, ExpectedProfit, Potential];
    private static readonly string[] Tiers = [.. Enum.GetValues<Tier>().Select(SnakeCase.Of)];

    private readonly string _name;
    private readonly FeatureSchema _schema;
    private readonly Feature? _feature;

    private RuleSubject(string name, FeatureSchema schema)
    {
        _name = name;
        _schema = schema;
        int feature = schema.IndexOf(name);
        _feature = feature >= 0 ? schema.Features[feature] : null;
        Index = feature >= 0 ? feature : ~Array.IndexOf(ScoreNames, name);
    }

    /// <summary>Index of the feature; for a score, the complement of its number, see <see cref="ScoreOf"/>.</summary>
    public int Index { get; }

    /// <summary>Whether values have an order: numbers and tiers.</summary>
    public bool IsOrdered => _feature is null ? _name != Segment : _feature.Kind == FeatureKind.Numeric;

    /// <summary>Whether every value is a whole number.</summary>
    public bool IsDiscrete => _feature is null ? _name is Segment or TierName : _feature.Kind != FeatureKind.Numeric;

    /// <summary>Finds what a name is about.</summary>
    /// <returns>Null when there is no such thing or rules may not use it, with the error.</returns>
    public static RuleSubject? Find(string name, FeatureSchema schema, out string error)
    {
        int feature = schema.IndexOf(name);
        if (feature >= 0 ? schema.Features[feature].Protected : !ScoreNames.Contains(name))
        {
            error = feature >= 0 ? $"feature '{name}' is protected, expected one that rules may use"
                : $"no feature '{name}'{NearestName.Hint(name, schema.Features.Where(f => !f.Protected).Select(f => f.Name).Concat(ScoreNames))}";
            return null;
        }
        error = "";
        return new RuleSubject(name, schema);
    }

    /// <summary>The value of a score.</summary>
    /// <param name="index"><see cref="Index"/>, less than 0.</param>
    /// <param name="scores">A customer's scores.</param>
    public static float ScoreOf(int index, in RuleScores scores) => ~index switch
    {
        0 => scores.SegmentId,
        1 => float.IsNaN(scores.ExpectedProfit) ? float.NaN : (int)scores.Tier,
        2 => scores.ExpectedProfit,
        _ => scores.Potential,
    };

    /// <summary>Reads a value as written.</summary>
    /// <returns>NaN when it is none, with the error.</returns>
    public float Parse(string text, out string error)
    {
        error = "";
        switch (_feature?.Kind)
        {
            case null when _name == Segment:
                if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id > 0)
                {
                    return id;
                }
                error = $"'{text}', expected a segment id (a whole number from 1)";
                return float.NaN;
            case null when _name == TierName:
                return CodeOf(Array.IndexOf(Tiers, text), text, Tiers, out error);
            case FeatureKind.Categorical:
                return CodeOf(_schema.CodeOf(Index, text), text, _feature.Categories, out error);
            case FeatureKind.Boolean:
                return CodeOf(text switch { "false" => 0, "true" => 1, _ => -1 }, text, ["false", "true"], out error);
            default:
                if (float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number))
                {
                    return number;
                }
                error = $"'{text}', expected a number (within the range of float32), for {_name} is one";
                return float.NaN;
        }
    }

    /// <summary>A value for people.</summary>
    public string Show(float value)
    {
        if (float.IsNaN(value))
        {
            return "missing";
        }
        string number = value.ToString(CultureInfo.InvariantCulture);
        return _feature?.Kind switch
        {
            null when _name == TierName => Tiers[(int)value],
            FeatureKind.Categorical => value < _feature.Categories.Length ? _feature.Categories[(int)value] : number,
            FeatureKind.Boolean => value != 0 ? "true" : "false",
            _ => number,
        };
    }

    private float CodeOf(int code, string text, IReadOnlyList<string> names, out string error)
    {
        error = code >= 0 ? ""
            : $"'{text}', expected one of the values of {_name}{NearestName.Hint(text, names)}: {string.Join(", ", names.Take(10))}{(names.Count > 10 ? ", ..." : "")}";
        return code >= 0 ? code : float.NaN;
    }
}
