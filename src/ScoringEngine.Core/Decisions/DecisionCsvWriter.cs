using CsvHelper;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Writes decisions as CSV, a row for each slot, with what became of it; of a held-out customer what was offered, and in <c>ghost</c> what would
/// have been. One thread at a time.
/// </summary>
public sealed class DecisionCsvWriter : IDisposable
{
    private static readonly string[] Columns =
    [
        "decision_id", "time", "customer", "erased", "model", "version", "run_id", "segment_id", "tier", "expected_profit", "potential", "channel", "direction",
        "role", "held_out", "ghost", "degraded", "gate_test", "slot", "proposition", "action_probability", "needs_approval", "door", "label",
        "incremental_propensity", "organisation_value", "customer_value", "differentiation", "maturity_days", "presented", "answer", "answered_at", "reason",
        "converted", "complained", "perceived_value",
    ];

    private readonly CsvWriter _csv;
    private readonly Numbering _propositions;

    /// <summary>Starts a table with its header.</summary>
    /// <param name="stream">Stays open.</param>
    /// <param name="propositions">Names of the propositions in the log.</param>
    public DecisionCsvWriter(Stream stream, Numbering propositions)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(propositions);
        _propositions = propositions;
        _csv = CsvWriter.Create(stream, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
        foreach (string column in Columns)
        {
            _csv.WriteField(column);
        }
        _csv.EndRecord();
    }

    /// <summary>Writes a decision's slots.</summary>
    /// <param name="record">The decision.</param>
    /// <param name="inputs">What it depended on; null when the customer was erased.</param>
    /// <param name="outcomes">Its outcomes.</param>
    public void Write(DecisionRecord record, DecisionInputs? inputs, IReadOnlyList<OutcomeRecord> outcomes)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(outcomes);
        IReadOnlyList<ChosenRecord> offered = record.HeldOut ? record.Offered : record.Chosen;
        string ghost = record.HeldOut && record.Chosen.Count > 0 ? NameOf(record.Chosen[0].Proposition) : "";
        for (int i = 0; i < offered.Count; i++)
        {
            ChosenRecord slot = offered[i];
            SlotOutcome outcome = SlotOutcome.Of(outcomes, i + 1);
            _csv.WriteField(DecisionIdentity.IdOf(record, inputs));
            _csv.WriteField(DsjsonWriter.TimeOf(record.TimeUnixMs));
            _csv.WriteField(inputs?.CustomerId ?? "");
            Flag(inputs is null);
            _csv.WriteField(record.ModelName);
            _csv.WriteField((int)record.ModelVersion);
            _csv.WriteField(record.RunId);
            _csv.WriteField((int)record.SegmentId);
            _csv.WriteField(DsjsonWriter.TierOf(record));
            Number(record.ExpectedProfit);
            Number(record.Potential);
            _csv.WriteField(record.Channel);
            _csv.WriteField(record.Direction == 0 ? "" : SnakeCase.Of((Direction)record.Direction));
            _csv.WriteField(record.Role);
            Flag(record.HeldOut);
            _csv.WriteField(ghost);
            Flag(record.Degraded);
            Flag(record.GateTest);
            _csv.WriteField(i + 1);
            _csv.WriteField(NameOf(slot.Proposition));
            Number(slot.ActionProbability);
            Flag(slot.NeedsApproval);
            _csv.WriteField(SnakeCase.Of((GateDoor)slot.Door));
            _csv.WriteField(SnakeCase.Of((Label)slot.Label));
            Number(slot.IncrementalPropensity);
            Number(slot.OrganisationValue);
            Number(slot.CustomerValue);
            Number(slot.Differentiation);
            _csv.WriteField((int)slot.MaturityDays);
            Flag(outcome.Presented);
            _csv.WriteField(outcome.Answer == ContactKind.None ? "" : SnakeCase.Of(outcome.Answer));
            _csv.WriteField(outcome.Answer == ContactKind.None ? "" : DsjsonWriter.TimeOf(outcome.AnsweredUnixMs));
            _csv.WriteField(outcome.Reason);
            Flag(outcome.Converted);
            Flag(outcome.Complained);
            Number(outcome.PerceivedValue);
            _csv.EndRecord();
        }
    }

    /// <summary>Ends the table.</summary>
    public void Dispose() => _csv.Dispose();

    private void Flag(bool value) => _csv.WriteField(value ? "1" : "0");

    // The shortest text that reads back as the same bits; NaN is empty.
    private void Number(double value)
    {
        if (double.IsNaN(value))
        {
            _csv.WriteField("");
        }
        else
        {
            _csv.WriteField(value);
        }
    }

    private void Number(float value)
    {
        if (float.IsNaN(value))
        {
            _csv.WriteField("");
        }
        else
        {
            _csv.WriteField(value);
        }
    }

    private string NameOf(uint number) => number == 0 ? PropositionValue.DoNothingId
        : _propositions.NameOf((int)number) ?? throw new InvalidDataException($"the log has no name for proposition {number}");
}
