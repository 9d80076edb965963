using System.Buffers;
using System.Globalization;
using System.Text.Json;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>What an exporter did with a decision.</summary>
public enum ExportStatus
{
    /// <summary>It was written.</summary>
    Written,

    /// <summary>Left out: the customer is in the hold-out, so nothing of it was drawn.</summary>
    HeldOut,

    /// <summary>Left out: it was not drawn but answered in place of a decision that could not be logged.</summary>
    Degraded,

    /// <summary>Left out: its answer may still come.</summary>
    Open,
}

/// <summary>
/// Writes decisions as lines of dsjson, the log format of Vowpal Wabbit's decision service. One line a decision; actions are the
/// candidates that could be drawn for slot 1, do nothing among them, in the order of the record; <c>a</c> has their numbers from 1 with the drawn
/// one first and <c>p</c> the action probabilities in that order. The reward is 1 when slot 1 was accepted in the end and 0 otherwise, also for do
/// nothing and for an offer that was never presented; a complaint takes 1 off. <c>_label_cost</c> is its negative. One thread at a time.
/// </summary>
public sealed class DsjsonWriter(Stream stream, Numbering propositions)
{
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly List<int> _actions = [];

    /// <summary>Writes a decision.</summary>
    /// <param name="record">The decision.</param>
    /// <param name="inputs">What it depended on; null when the customer was erased: then the line has no features but segment and tier.</param>
    /// <param name="outcomes">Its outcomes.</param>
    /// <param name="schema">Features of the row in <paramref name="inputs"/>.</param>
    /// <param name="nowUnixMs">Up to when outcomes are known, unix milliseconds: an offer that is neither answered nor mature by then is left out.</param>
    /// <exception cref="InvalidDataException">The record is not one of a decision.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public ExportStatus Write(DecisionRecord record, DecisionInputs? inputs, IReadOnlyList<OutcomeRecord> outcomes, FeatureSchema schema, long nowUnixMs)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(outcomes);
        ArgumentNullException.ThrowIfNull(schema);
        if (record.HeldOut || record.Degraded)
        {
            return record.HeldOut ? ExportStatus.HeldOut : ExportStatus.Degraded;
        }
        if (record.Chosen.Count == 0 || record.Stages.Length != record.Candidates.Count || record.ActionProbabilities.Count != record.Candidates.Count)
        {
            throw new InvalidDataException($"decision {record.DecisionId}: its columns do not fit together");
        }
        ChosenRecord chosen = record.Chosen[0];
        SlotOutcome outcome = SlotOutcome.Of(outcomes, 1);
        if (chosen.Proposition != 0 && outcome.Answer == ContactKind.None && record.TimeUnixMs + (chosen.MaturityDays * 86_400_000L) > nowUnixMs)
        {
            return ExportStatus.Open;
        }
        _actions.Clear();
        for (int c = 0; c < record.Candidates.Count; c++)
        {
            if (record.Stages[c] == 0)
            {
                _actions.Add(c);
            }
        }
        int drawn = _actions.FindIndex(c => record.Candidates[c] == chosen.Proposition);
        if (drawn < 0)
        {
            throw new InvalidDataException($"decision {record.DecisionId}: what was chosen is not among its candidates");
        }
        _line.ResetWrittenCount();
        using (Utf8JsonWriter json = new(_line))
        {
            WriteLine(json, record, inputs, outcome, schema, drawn);
        }
        _line.Write("\n"u8);
        stream.Write(_line.WrittenSpan);
        return ExportStatus.Written;
    }

    private void WriteLine(Utf8JsonWriter json, DecisionRecord record, DecisionInputs? inputs, in SlotOutcome outcome, FeatureSchema schema, int drawn)
    {
        string id = DecisionIdentity.IdOf(record, inputs);
        int reward = (outcome.Answer == ContactKind.Accepted ? 1 : 0) - (outcome.Complained ? 1 : 0);
        json.WriteStartObject();
        json.WriteNumber("_label_cost", -reward);
        json.WriteNumber("_label_probability", record.ActionProbabilities[_actions[drawn]]);
        json.WriteNumber("_label_Action", drawn + 1);
        json.WriteNumber("_labelIndex", drawn);
        json.WriteStartArray("o");
        if (outcome.Presented)
        {
            json.WriteStartObject();
            json.WriteNumber("v", reward);
            json.WriteString("EventId", id);
            json.WriteBoolean("ActionTaken", true);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteString("Timestamp", TimeOf(record.TimeUnixMs));
        json.WriteString("Version", "1");
        json.WriteString("EventId", id);
        json.WriteStartArray("a");
        json.WriteNumberValue(drawn + 1);
        for (int i = 0; i < _actions.Count; i++)
        {
            if (i != drawn)
            {
                json.WriteNumberValue(i + 1);
            }
        }
        json.WriteEndArray();
        json.WriteStartObject("c");
        WriteFeatures(json, record, inputs, schema);
        json.WriteStartArray("_multi");
        foreach (int c in _actions)
        {
            json.WriteStartObject();
            json.WriteStartObject("proposition");
            json.WriteString("id", NameOf(record.Candidates[c]));
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartArray("p");
        json.WriteNumberValue(record.ActionProbabilities[_actions[drawn]]);
        for (int i = 0; i < _actions.Count; i++)
        {
            if (i != drawn)
            {
                json.WriteNumberValue(record.ActionProbabilities[_actions[i]]);
            }
        }
        json.WriteEndArray();
        json.WriteStartObject("VWState");
        json.WriteString("m", $"{record.ModelName}/{record.ModelVersion.ToString(CultureInfo.InvariantCulture)}");
        json.WriteEndObject();
        json.WriteNumber("pdrop", 0);
        json.WriteEndObject();
    }

    // What is missing, personal or protected is left out. A namespace for what comes from the customer and one for what comes from the interaction.
    private static void WriteFeatures(Utf8JsonWriter json, DecisionRecord record, DecisionInputs? inputs, FeatureSchema schema)
    {
        if (inputs is not null && inputs.Row.Count != schema.Count)
        {
            throw new InvalidDataException($"decision {record.DecisionId}: {inputs.Row.Count} features, the schema has {schema.Count}");
        }
        json.WriteStartObject("customer");
        json.WriteString("segment", record.SegmentId.ToString(CultureInfo.InvariantCulture));
        json.WriteString("tier", TierOf(record));
        for (int f = 0; inputs is not null && f < schema.CustomerCount; f++)
        {
            Write(f);
        }
        json.WriteEndObject();
        json.WriteStartObject("interaction");
        for (int f = schema.CustomerCount; inputs is not null && f < schema.Count; f++)
        {
            Write(f);
        }
        if (record.Channel.Length > 0 && (inputs is null || schema.IndexOf(ValueModel.ChannelFeature) < schema.CustomerCount))
        {
            json.WriteString(ValueModel.ChannelFeature, record.Channel);
        }
        json.WriteEndObject();

        void Write(int f)
        {
            Feature feature = schema.Features[f];
            float value = inputs!.Row[f];
            if (float.IsNaN(value) || feature.Personal || feature.Protected)
            {
                return;
            }
            if (feature.Kind == FeatureKind.Categorical)
            {
                json.WriteString(feature.Name, feature.Categories[(int)value]);
            }
            else
            {
                json.WriteNumber(feature.Name, value);
            }
        }
    }

    internal static string TimeOf(long unixMs)
        => DateTimeOffset.FromUnixTimeMilliseconds(unixMs).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    internal static string TierOf(DecisionRecord record)
        => record.Tier == 0 ? "" : SnakeCase.Of((Value.Tier)(record.Tier - 1));

    private string NameOf(uint number) => number == 0 ? PropositionValue.DoNothingId
        : propositions.NameOf((int)number) ?? throw new InvalidDataException($"the log has no name for proposition {number}");
}
