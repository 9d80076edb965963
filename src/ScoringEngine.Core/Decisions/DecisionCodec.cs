using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Scoring;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// Turns decisions of one model into the messages that the decision log keeps, and what they depended on back into the input of a
/// decision. Pseudonym, seal, expiry of reservations and whether a decision is degraded are the log's and its caller's to add.
/// Immutable and thread-safe.
/// </summary>
public sealed class DecisionCodec
{
    private readonly ByteString _workspaceHash;
    private readonly uint[] _numbers; // by candidate

    /// <summary>A codec for the decisions of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="workspaceHash">Hash of its workspace's archive; see <see cref="WorkspaceArchive"/>.</param>
    public DecisionCodec(DecisionModel model, ByteString workspaceHash)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(workspaceHash);
        Model = model;
        _workspaceHash = workspaceHash;
        _numbers = [.. Enumerable.Range(0, model.CandidateCount).Select(c => (uint)model.NumberOf(c))];
    }

    /// <summary>The model.</summary>
    public DecisionModel Model { get; }

    /// <summary>What is kept of a decision for good.</summary>
    /// <param name="trace">The decision.</param>
    /// <param name="block">Rows that were scored.</param>
    /// <param name="row">The one that was decided on.</param>
    /// <param name="input">What it was decided with.</param>
    /// <param name="identity">Whom it was about.</param>
    public DecisionRecord ToRecord(DecisionTrace trace, ScoreBlock block, int row, in DecisionInput input, in DecisionIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(block);
        DecisionRecord record = new()
        {
            DecisionId = identity.DecisionId,
            TimeUnixMs = input.TimeUnixMs,
            ModelName = Model.Models.Manifest.Name,
            ModelVersion = (uint)Model.Models.Manifest.Version,
            WorkspaceHash = _workspaceHash,
            SegmentId = (uint)Model.Models.Segments.Segments[trace.SegmentIndex].Id,
            Tier = trace.Tier is { } tier ? (uint)tier + 1 : 0,
            ExpectedProfit = block.Profits[row],
            Potential = block.Potentials[row],
            Channel = NameOf(Model.Workspace.Channels, input.Channel),
            Direction = (uint)input.Direction,
            Role = NameOf(Model.Roles, input.Role),
            HeldOut = trace.HeldOut,
            GateTest = trace.InGateTest,
            RunId = identity.RunId,
        };
        int count = _numbers.Length;
        Reserve(record.Propensities, count);
        Reserve(record.Scores, count);
        Reserve(record.ActionProbabilities, count);
        record.Candidates.Add(_numbers);
        byte[] stages = new byte[count];
        for (int c = 0; c < count; c++)
        {
            ref readonly Candidate candidate = ref trace.Candidates[c];
            stages[c] = (byte)candidate.FellAt;
            record.Propensities.Add(candidate.Value.Propensity);
            record.Scores.Add(candidate.Value.Score);
            record.ActionProbabilities.Add(candidate.ActionProbability);
        }
        record.Stages = UnsafeByteOperations.UnsafeWrap(stages);
        foreach (Choice choice in trace.Chosen)
        {
            record.Chosen.Add(ToRecord(choice, trace, block, row, input.Channel, offered: !trace.HeldOut));
        }
        if (trace.HeldOut)
        {
            foreach (Choice choice in trace.Offered)
            {
                record.Offered.Add(ToRecord(choice, trace, block, row, input.Channel, offered: true));
            }
        }
        return record;
    }

    /// <summary>Everything that a decision depended on besides model and workspace.</summary>
    /// <param name="block">Rows that were scored.</param>
    /// <param name="row">The one that was decided on.</param>
    /// <param name="input">What it was decided with.</param>
    /// <param name="identity">Whom it was about.</param>
    public DecisionInputs ToInputs(ScoreBlock block, int row, in DecisionInput input, in DecisionIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(block);
        DecisionInputs inputs = new()
        {
            CustomerId = identity.CustomerId,
            HouseholdId = identity.HouseholdId,
            InteractionId = identity.InteractionId,
            AgentId = identity.AgentId,
            TeamId = identity.TeamId,
            Reason = identity.Reason,
            Language = identity.Language,
            TimeZone = input.TimeZone ?? "",
            Contacts = ByteString.CopyFrom(MemoryMarshal.AsBytes(input.Contacts)),
            Seed = input.Seed,
            UnitHash = input.UnitHash,
            Slots = (uint)input.Slots,
            GateTestSpent = input.GateTestSpent,
        };
        ReadOnlySpan<float> values = block.Row(row);
        Reserve(inputs.Row, values.Length);
        foreach (float value in values)
        {
            inputs.Row.Add(value);
        }
        foreach (ushort number in input.Declined)
        {
            inputs.Declined.Add(number);
        }
        if (input.Counts.ContainsAnyExcept(default(CandidateCounts)))
        {
            Reserve(inputs.Counts, 4 * input.Counts.Length);
            foreach (CandidateCounts counts in input.Counts)
            {
                inputs.Counts.Add(counts.Offers);
                inputs.Counts.Add(counts.Acceptances);
                inputs.Counts.Add(counts.SegmentOffers);
                inputs.Counts.Add(counts.SegmentAcceptances);
            }
        }
        AddExcept(double.PositiveInfinity, input.BudgetLeft, inputs.BudgetIndex, inputs.BudgetLeft);
        AddExcept(double.PositiveInfinity, input.VolumeLeft, inputs.VolumeIndex, inputs.VolumeLeft);
        AddExcept(double.NaN, input.EvidenceBound, inputs.EvidenceIndex, inputs.EvidenceBound);
        if (!input.EvidenceBound.IsEmpty && inputs.EvidenceIndex.Count == 0)
        {
            // Nothing measured is not the same as nothing told, where the policy's evidence holds.
            inputs.EvidenceIndex.Add(0);
            inputs.EvidenceBound.Add(double.NaN);
        }
        return inputs;
    }

    /// <summary>The input of a decision that was kept; its row goes into <paramref name="row"/>.</summary>
    /// <param name="record">The decision.</param>
    /// <param name="inputs">What it depended on.</param>
    /// <param name="row">OUT all features, as they were scored.</param>
    /// <exception cref="InvalidDataException">It is not of this model: it names a channel, role or feature that is not here.</exception>
    public DecisionInput FromInputs(DecisionRecord record, DecisionInputs inputs, Span<float> row)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(inputs);
        Require(inputs.Row.Count == row.Length, record, $"{inputs.Row.Count} features, the model has {row.Length}");
        Require(inputs.Contacts.Length % ContactEvent.Bytes == 0, record, $"{inputs.Contacts.Length} bytes of contacts");
        Require(inputs.Counts.Count is 0 || inputs.Counts.Count == 4 * (_numbers.Length - 1), record, $"{inputs.Counts.Count} counts");
        Require(inputs.Declined.All(n => n <= ushort.MaxValue), record, "a declined proposition without a number");
        for (int i = 0; i < row.Length; i++)
        {
            row[i] = inputs.Row[i];
        }
        CandidateCounts[] counts = new CandidateCounts[inputs.Counts.Count / 4];
        for (int a = 0; a < counts.Length; a++)
        {
            counts[a] = new CandidateCounts(inputs.Counts[4 * a], inputs.Counts[(4 * a) + 1], inputs.Counts[(4 * a) + 2], inputs.Counts[(4 * a) + 3]);
        }
        return new DecisionInput
        {
            TimeUnixMs = record.TimeUnixMs,
            Channel = IndexOf(Model.Workspace.Channels, record.Channel, "channel", record),
            Direction = (Direction)record.Direction,
            Role = IndexOf(Model.Roles, record.Role, "role", record),
            TimeZone = inputs.TimeZone.Length > 0 ? inputs.TimeZone : null,
            Seed = inputs.Seed,
            UnitHash = inputs.UnitHash,
            Slots = (int)inputs.Slots,
            Contacts = MemoryMarshal.Cast<byte, ContactEvent>(inputs.Contacts.Span),
            Declined = inputs.Declined.Select(n => (ushort)n).ToArray(),
            Counts = counts,
            BudgetLeft = AllOf(double.PositiveInfinity, inputs.BudgetIndex, inputs.BudgetLeft, record),
            VolumeLeft = AllOf(double.PositiveInfinity, inputs.VolumeIndex, inputs.VolumeLeft, record),
            EvidenceBound = AllOf(double.NaN, inputs.EvidenceIndex, inputs.EvidenceBound, record),
            GateTestSpent = inputs.GateTestSpent,
        };
    }

    private ChosenRecord ToRecord(Choice choice, DecisionTrace trace, ScoreBlock block, int row, int channel, bool offered)
    {
        ref readonly Candidate candidate = ref trace.Candidates[choice.Candidate];
        Proposition? proposition = choice.Candidate == 0 ? null : Model.Workspace.Propositions[choice.Candidate - 1];
        return new ChosenRecord
        {
            Proposition = _numbers[choice.Candidate],
            ActionProbability = choice.ActionProbability,
            NeedsApproval = choice.NeedsApproval,
            IncrementalPropensity = candidate.Value.IncrementalPropensity,
            OrganisationValue = candidate.Value.OrganisationValue,
            CustomerValue = candidate.Value.CustomerValue,
            Differentiation = candidate.Value.Differentiation,
            Reserved = offered && proposition is not null ? Model.Scorer.Values.CostOfOffer(choice.Candidate - 1, block.Row(row), channel) : 0,
            ReservedContact = offered ? candidate.Value.ContactCost : 0,
            Door = (uint)candidate.Door,
            Label = (uint)candidate.Value.Label,
            MaturityDays = (uint)(proposition?.MaturityDays ?? 0),
        };
    }

    private static string NameOf(ImmutableArray<string> names, int index) => index < 0 ? "" : names[index];

    private static int IndexOf(ImmutableArray<string> names, string name, string what, DecisionRecord record)
    {
        int index = name.Length == 0 ? -1 : names.IndexOf(name);
        Require(name.Length == 0 || index >= 0, record, $"no {what} '{name}' in the workspace");
        return index;
    }

    private static void AddExcept(double usual, ReadOnlySpan<double> values, RepeatedField<uint> indexes, RepeatedField<double> others)
    {
        for (int a = 0; a < values.Length; a++)
        {
            if (!values[a].Equals(usual))
            {
                indexes.Add((uint)a);
                others.Add(values[a]);
            }
        }
    }

    private double[] AllOf(double usual, RepeatedField<uint> indexes, RepeatedField<double> others, DecisionRecord record)
    {
        Require(indexes.Count == others.Count && indexes.All(i => i < _numbers.Length - 1), record, "limits of propositions that are not in the workspace");
        if (indexes.Count == 0)
        {
            return [];
        }
        double[] all = new double[_numbers.Length - 1];
        all.AsSpan().Fill(usual);
        for (int i = 0; i < indexes.Count; i++)
        {
            all[indexes[i]] = others[i];
        }
        return all;
    }

    private static void Reserve<T>(RepeatedField<T> field, int count) => field.Capacity = count;

    private static void Require(bool met, DecisionRecord record, string message)
    {
        if (!met)
        {
            throw new InvalidDataException($"decision {record.DecisionId}: {message}");
        }
    }
}
