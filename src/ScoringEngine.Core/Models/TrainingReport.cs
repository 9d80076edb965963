using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ScoringEngine.Core.Measurement;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Models;

/// <summary>
/// Every figure of a training, as <c>report.json</c> keeps it beside the version: for programs, and for the next training
/// to compare its data with. Names are in snake_case; a number that cannot be computed is null there and NaN here.
/// Readers skip members that they do not know; a change that they would misread gets a new format number.
/// </summary>
public sealed record TrainingReport
{
    internal const string FileName = "report.json";

    // With names as people write them, not escaped for web pages.
    private static readonly ReportJson Json = new(new JsonSerializerOptions(ReportJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The report's own format, 1.</summary>
    public int Format { get; init; } = 1;

    /// <summary>What was trained on.</summary>
    public required DataReport Data { get; init; }

    /// <summary>The segments, and what became of the previous ones.</summary>
    public required SegmentsReport Segments { get; init; }

    /// <summary>Profit on held-out customers; null without a profit target.</summary>
    public ProfitReport? Profit { get; init; }

    /// <summary>One entry for each proposition of the catalogue.</summary>
    public required ImmutableArray<PropensityReport> Propensities { get; init; }

    /// <summary>One entry for each customer feature that a model may use.</summary>
    public required ImmutableArray<FeatureReport> Features { get; init; }

    /// <summary>What a person should look at, in the order of the parts above.</summary>
    public required ImmutableArray<TrainingWarning> Warnings { get; init; }

    /// <summary>The text of the file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json.TrainingReport) + "\n";

    /// <summary>Reads the text of the file.</summary>
    /// <exception cref="InvalidDataException">It is no report of format 1.</exception>
    public static TrainingReport FromJson(string json, string path)
    {
        TrainingReport? report;
        try
        {
            report = JsonSerializer.Deserialize(json, Json.TrainingReport);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}:{(e.LineNumber ?? 0) + 1}: not a training report: {e.Message}", e);
        }
        return report is { Format: 1 } ? report
            : throw new InvalidDataException($"{path}: report format {report?.Format}, expected 1");
    }
}

/// <summary>What was trained on.</summary>
/// <param name="Files">The files, with fingerprints.</param>
/// <param name="TrainingCustomers">Customers trained on.</param>
/// <param name="HeldOutCustomers">Customers measured on.</param>
/// <param name="DuplicateIds">Rows that a later row of the same id replaced.</param>
/// <param name="OutcomeCutOff">Outcomes before it were trained on, held-out customers' later ones measured on; null without outcomes, or where all have one time.</param>
/// <param name="Seed">Of every random choice.</param>
public sealed record DataReport(
    ImmutableArray<TrainingFile> Files, int TrainingCustomers, int HeldOutCustomers, long DuplicateIds, DateTimeOffset? OutcomeCutOff, long Seed);

/// <summary>The segments, and what became of the previous ones.</summary>
/// <param name="PreviousVersion">The version that training went on from; null for none.</param>
/// <param name="Kept">Whether they are the previous version's; then nothing was fitted and the next members are NaN or empty.</param>
/// <param name="Inertia">Sum over the training customers of the squared distance to the own centroid, standardised units.</param>
/// <param name="Candidates">The measured numbers of segments.</param>
/// <param name="Segments">Largest first where fitted anew.</param>
/// <param name="Matches">What each new segment is to the previous ones.</param>
/// <param name="RetiredIds">Previous segments that did not go on.</param>
/// <param name="Moves">Training customers by previous and new segment, those who stayed included.</param>
public sealed record SegmentsReport(
    int? PreviousVersion, bool Kept, double Inertia, ImmutableArray<SegmentCandidate> Candidates, ImmutableArray<SegmentReport> Segments,
    ImmutableArray<SegmentMatch> Matches, ImmutableArray<int> RetiredIds, ImmutableArray<SegmentMoveReport> Moves);

/// <summary>A segment, over all customers of the file.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Description">What sets it apart, in words.</param>
/// <param name="Customers">Its customers.</param>
/// <param name="Share">Their share, 0..1.</param>
/// <param name="MeanProfit">Their mean realised profit; NaN without a profit target.</param>
/// <param name="TierShares">Their share in each tier, worst to best; empty without a profit target.</param>
public sealed record SegmentReport(
    int Id, string Name, string Description, int Customers, double Share, double MeanProfit, ImmutableArray<double> TierShares);

/// <summary>Training customers who were in one segment and are in another, or the same.</summary>
public sealed record SegmentMoveReport(int FromId, string FromName, int ToId, string ToName, int Customers);

/// <summary>How profit is predicted, on held-out customers unless stated otherwise.</summary>
/// <param name="Target">The columns it is the signed sum of.</param>
/// <param name="Period">What period a figure covers.</param>
/// <param name="Proxy">Whether the sum only stands in for profit.</param>
/// <param name="Currency">Of all amounts.</param>
/// <param name="Metrics">How good the predictions are.</param>
/// <param name="Tiers">Where the tiers begin.</param>
/// <param name="Gains">Customers by predicted profit, best tenth first, with what they made.</param>
/// <param name="WhaleCurve">Realised profit of all customers of the file.</param>
/// <param name="Importance">What the model owes to each feature it uses; permuting one raises the root mean squared error by so much.</param>
/// <param name="Distribution">Of the training customers' profit.</param>
/// <param name="Drift">Population stability index of the profit against the previous version's; NaN where there is none of the same target.</param>
public sealed record ProfitReport(
    string Target, string Period, bool Proxy, string Currency, ProfitMetrics Metrics, TierBounds Tiers, ImmutableArray<GainsBin> Gains,
    WhaleCurveReport WhaleCurve, ImmutableArray<FeatureImportance> Importance, Distribution Distribution, double Drift);

/// <summary>A whale curve: cumulative profit over customers from best to worst.</summary>
/// <param name="Customers">Number of customers.</param>
/// <param name="Total">Profit of all.</param>
/// <param name="Peak">Highest cumulative profit.</param>
/// <param name="PeakCustomers">How many of the best make it.</param>
/// <param name="Points">Cumulative profit of the best 0, 1, 2, ... 100 % of customers.</param>
public sealed record WhaleCurveReport(int Customers, double Total, double Peak, int PeakCustomers, ImmutableArray<double> Points);

/// <summary>What a model owes to a feature.</summary>
/// <param name="Feature">Its name.</param>
/// <param name="GainShare">Its share of the loss reduction of all splits of the trees, 0..1; NaN without trees.</param>
/// <param name="Permutation">How much worse held-out predictions become when its values are shuffled; about 0 where it is not needed.</param>
public sealed record FeatureImportance(string Feature, double GainShare, double Permutation);

/// <summary>How acceptance of a proposition is predicted, on held-out customers' later offers unless stated otherwise.</summary>
/// <param name="Metrics">How good the predictions are, and on how many offers.</param>
/// <param name="Rate">Rate of acceptance in training; NaN without offers.</param>
/// <param name="PriorRate">The catalogue's rate, towards which thin evidence is smoothed.</param>
/// <param name="Choice">What was chosen and why, in words.</param>
/// <param name="Candidates">All that were tried, on customers held out of fitting them, the chosen one first; empty where no features are used.</param>
/// <param name="Calibration">Offers by predicted propensity, lowest tenth first, with how many were accepted.</param>
/// <param name="Gains">Offers by predicted propensity, best tenth first, with their share of all acceptances.</param>
/// <param name="Importance">What the model owes to each feature; permuting one raises the log-loss by so much.</param>
/// <param name="StrongestFeature">The feature that alone ranks offers best; null where too few held-out offers were accepted or not.</param>
/// <param name="StrongestAreaUnderCurve">Area under the curve of that feature alone; NaN likewise.</param>
/// <param name="Drift">Population stability index of the rate against the previous version's; NaN where there is none.</param>
public sealed record PropensityReport(
    PropensityMetrics Metrics, double Rate, double PriorRate, string Choice, ImmutableArray<PropensityCandidate> Candidates,
    ImmutableArray<CalibrationBin> Calibration, ImmutableArray<GainsBin> Gains, ImmutableArray<FeatureImportance> Importance,
    string? StrongestFeature, double StrongestAreaUnderCurve, double Drift);

/// <summary>The training customers' values of a feature.</summary>
/// <param name="Id">Permanent id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Distribution">How the values spread: what the next training compares with.</param>
/// <param name="Drift">Population stability index against the previous version's; NaN where there is none.</param>
/// <param name="ProfitRSquared">How much of held-out profit it explains alone; NaN where that was not measured.</param>
public sealed record FeatureReport(int Id, string Name, Distribution Distribution, double Drift, double ProfitRSquared);

/// <summary>How much a warning matters.</summary>
public enum WarningSeverity
{
    /// <summary>Worth knowing.</summary>
    Note,

    /// <summary>The models may be wrong because of it.</summary>
    Warning,
}

/// <summary>What a warning is about.</summary>
public enum WarningKind
{
    /// <summary>A feature that alone explains nearly all of a target.</summary>
    Leak,

    /// <summary>A feature without any value.</summary>
    Missing,

    /// <summary>A feature or an outcome with one value only.</summary>
    Constant,

    /// <summary>A distribution that is not what it was in the previous version.</summary>
    Drift,

    /// <summary>Too few outcomes to tell customers apart.</summary>
    Evidence,

    /// <summary>Segments that could not be compared with the previous ones.</summary>
    Segments,
}

/// <summary>Something that a person should look at.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Subject">The feature, proposition or target it is about.</param>
/// <param name="Message">What was found and what to do, in words.</param>
public sealed record TrainingWarning(WarningSeverity Severity, WarningKind Kind, string Subject, string Message)
{
    /// <summary>"warning: message".</summary>
    public override string ToString() => $"{(Severity == WarningSeverity.Warning ? "warning" : "note")}: {Message}";
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    Converters = [typeof(NumberOrNull), typeof(InSnakeCase<PropensityMethod>), typeof(InSnakeCase<CalibrationMethod>), typeof(InSnakeCase<WarningSeverity>), typeof(InSnakeCase<WarningKind>)])]
[JsonSerializable(typeof(TrainingReport))]
internal sealed partial class ReportJson : JsonSerializerContext;

/// <summary>A number that is NaN or infinite is null.</summary>
internal sealed class NumberOrNull : JsonConverter<double>
{
    public override bool HandleNull => true;

    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}

/// <summary>A name of an enumeration in snake_case.</summary>
internal sealed class InSnakeCase<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
