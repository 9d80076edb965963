using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Workspaces;

/// <summary>How customers say what they need.</summary>
public enum SurveyMethod
{
    /// <summary>Weights as they are stated, 0 or more; a column for each need.</summary>
    Weights,

    /// <summary>Ratings in whole numbers from 1, not important at all; a column for each need.</summary>
    Ratings,

    /// <summary>
    /// How often a need was shown, and chosen as the most and as the least important one of those shown together; columns
    /// NEED_best, NEED_worst and NEED_shown.
    /// </summary>
    BestWorst,
}

/// <summary>How a survey is read.</summary>
public sealed record NeedSurveyOptions
{
    /// <summary>What the answers are.</summary>
    public SurveyMethod Method { get; init; } = SurveyMethod.Weights;

    /// <summary>The highest rating, 2..100.</summary>
    public int Scale { get; init; } = 5;

    /// <summary>Fewest answers for a segment to get weights of its own; at least <see cref="NeedSurvey.MinAnswers"/>.</summary>
    public int MinAnswers { get; init; } = NeedSurvey.MinAnswers;

    /// <summary>Name of the survey; null for the file's.</summary>
    public string? Source { get; init; }

    /// <summary>The segment id of a customer id, or null when the customer is not known. Null reads the file's column segment.</summary>
    public Func<string, int?>? SegmentOf { get; init; }

    /// <summary>The segments there are; empty when any may be.</summary>
    public ImmutableArray<int> Segments { get; init; } = [];
}

/// <summary>What a survey says of one segment.</summary>
/// <param name="SegmentId">The segment.</param>
/// <param name="Asked">Customers in the file, those who did not answer included.</param>
/// <param name="Answers">Customers who answered.</param>
/// <param name="Obstacle">Why the segment keeps the weights it had; null when it got new ones.</param>
public sealed record SurveyedSegment(int SegmentId, int Asked, int Answers, string? Obstacle);

/// <summary>What a survey says.</summary>
/// <param name="Needs">The needs with surveyed weights.</param>
/// <param name="Segments">Every segment that was asked or could have been, by id.</param>
public sealed record SurveyedNeeds(Needs Needs, ImmutableArray<SurveyedSegment> Segments);

/// <summary>
/// Learns how segments weigh their needs by asking a sample of customers: columns customer, those of the method, and optionally
/// segment and words, the customer's own. A row in which none of the method's columns is filled in is a customer who did not answer.
/// </summary>
public static class NeedSurvey
{
    /// <summary>Fewest answers of which an interval can be made.</summary>
    public const int MinAnswers = 5;

    /// <summary>Aggregates a survey by segment.</summary>
    /// <param name="table">The file; disposed here.</param>
    /// <param name="needs">The needs, and the weights of segments that are not surveyed.</param>
    /// <param name="options">How to read it.</param>
    /// <param name="rejected">Called with each answer that cannot be used.</param>
    /// <returns>
    /// The needs with surveyed weights, which sum to 1: a segment's mean stated weights, mean ratings above 1, or best-worst scores
    /// s = (best - worst) / shown as choice shares (1 + s) / (1 - s) (Lipovetsky and Conklin, "Best-worst scaling in analytical
    /// closed-form solution", 2014; one choice more of each kind keeps it finite), each scaled to their sum. 95 % half-widths
    /// by the delta method over customers with Student's t (Cochran, "Sampling Techniques", 1977, ch. 6). A segment with fewer
    /// answers keeps what it had.
    /// </returns>
    /// <exception cref="InvalidDataException">A column is not there.</exception>
    public static SurveyedNeeds Read(CsvTable table, Needs needs, NeedSurveyOptions options, Action<RowRejection> rejected)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(needs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(rejected);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MinAnswers, MinAnswers);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Scale, 2);
        using CsvTable disposed = table;
        SurveyReader reader = new(table, needs, options, rejected);
        SortedDictionary<int, SurveyAnswers> bySegment = [];
        foreach (int segment in options.Segments)
        {
            bySegment[segment] = new SurveyAnswers(options.Method, needs.All.Length);
        }
        while (table.Read())
        {
            if (reader.TryRead(out int segment, out SurveyAnswer? answer))
            {
                if (!bySegment.TryGetValue(segment, out SurveyAnswers? answers))
                {
                    bySegment[segment] = answers = new SurveyAnswers(options.Method, needs.All.Length);
                }
                answers.Add(answer);
            }
        }
        string source = options.Source ?? Path.GetFileName(table.Name);
        source += options.Method switch
        {
            SurveyMethod.Ratings => string.Create(CultureInfo.InvariantCulture, $" (ratings 1 to {options.Scale})"),
            SurveyMethod.BestWorst => " (best-worst counts)",
            _ => "",
        };
        SurveyedSegment[] segments = [.. bySegment.Select(s => new SurveyedSegment(s.Key, s.Value.Asked, s.Value.Count, s.Value.Obstacle(options.MinAnswers)))];
        return new SurveyedNeeds(
            needs with
            {
                BySegment = needs.BySegment.SetItems(segments.Where(s => s.Obstacle is null)
                    .Select(s => KeyValuePair.Create(s.SegmentId, bySegment[s.SegmentId].Weights(needs.All, source)))),
            },
            [.. segments]);
    }

    /// <summary>The ids of those who are asked in a file, for a lookup of their segments; bad rows are left for <see cref="Read"/>.</summary>
    /// <param name="table">The file; disposed here.</param>
    /// <exception cref="InvalidDataException">There is no column customer.</exception>
    public static HashSet<string> Customers(CsvTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        using CsvTable disposed = table;
        int column = table.Require("customer");
        HashSet<string> ids = new(StringComparer.Ordinal);
        while (table.Read())
        {
            if (table.RowViolation is null)
            {
                ids.Add(table.Text(column));
            }
        }
        return ids;
    }
}
