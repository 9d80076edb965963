using System.Text;
using Google.Protobuf;
using Google.Protobuf.Collections;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Schemas;
using CustomerValue = ScoringEngine.Storage.CustomerValue;

namespace ScoringEngine.Server.Services;

/// <summary>The values of one call on their way into the decision log. Used by one call.</summary>
internal sealed class ValueImport(ServedModel model, CustomerDatabase database, DecisionLog log)
{
    /// <summary>First day that can be told.</summary>
    public static readonly DateOnly FirstDay = new(1970, 1, 1);

    /// <summary>Last day that can be told.</summary>
    public static readonly DateOnly LastDay = new(2199, 12, 31);

    private const int MaxReported = 100;

    // Counts from the start; rejected rows of the block at hand.
    private readonly ImportValuesResponse _done = new();
    private int _told;
    private int _blocks;

    /// <summary>Records a block.</summary>
    /// <param name="block">As told.</param>
    /// <param name="receipt">What to wait for.</param>
    /// <returns>The acknowledgement, to be sent once that is durable: counts from the start, rejected rows of the block.</returns>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: the block is not well formed; nothing of it is recorded.</exception>
    /// <exception cref="IOException">The log cannot be written.</exception>
    public ImportValuesResponse Add(ValueBlock? block, out ValueReceipt receipt)
    {
        Violations violations = default;
        if (block is null)
        {
            violations.Add(Field(""), "missing");
            violations.ThrowIfAny();
        }
        CheckShape(block!, ref violations);
        violations.ThrowIfAny();
        List<ValueRow> rows = new(block!.IdEnds.Count);
        List<int> positions = new(block.IdEnds.Count);
        for (int r = 0; r < block.IdEnds.Count; r++)
        {
            if (Read(block, r) is { } row)
            {
                rows.Add(row);
                positions.Add(r);
            }
        }
        Record(rows, positions, out receipt);
        _done.RowCount += (ulong)block.IdEnds.Count;
        _blocks++;
        return Acknowledge();
    }

    /// <summary>Records values that were checked.</summary>
    /// <inheritdoc cref="Add"/>
    public ImportValuesResponse Record(IReadOnlyList<ValueRow> rows, out ValueReceipt receipt)
    {
        Record(rows, [.. Enumerable.Range(0, rows.Count)], out receipt);
        _done.RowCount += (ulong)rows.Count;
        return Acknowledge();
    }

    private ImportValuesResponse Acknowledge()
    {
        ImportValuesResponse acknowledgement = _done.Clone();
        _told += _done.RejectedValues.Count;
        _done.RejectedValues.Clear();
        return acknowledgement;
    }

    private void Record(IReadOnlyList<ValueRow> rows, IReadOnlyList<int> positions, out ValueReceipt receipt)
    {
        CustomerValue[] values = new CustomerValue[rows.Count];
        ScoreWork work = model.Rent();
        try
        {
            for (int start = 0; start < values.Length; start += work.Block.Capacity)
            {
                Describe(rows, values, start, work.Block);
            }
        }
        finally
        {
            model.Return(work);
        }
        ValueStatus[] statuses = new ValueStatus[values.Length];
        receipt = log.RecordValues(values, statuses);
        for (int i = 0; i < statuses.Length; i++)
        {
            switch (statuses[i])
            {
                case ValueStatus.Repeated:
                    _done.RepeatedCount++;
                    break;
                case ValueStatus.UnknownCustomer:
                    Reject(positions[i], rows[i].CustomerId.Span, "no such customer");
                    break;
            }
        }
    }

    /// <summary>Adds to the values of a block who their customers are now.</summary>
    private void Describe(IReadOnlyList<ValueRow> rows, CustomerValue[] values, int start, ScoreBlock block)
    {
        int end = Math.Min(start + block.Capacity, values.Length);
        for (int i = start; i < end; i++)
        {
            Span<float> row = block.Row(i - start);
            model.Scorer.Clear(row);
            RowReader reader = new(model.ModelRows, row);
            database.Customers.Read(rows[i].CustomerId.Span, ref reader);
        }
        model.Decisions.Score(block, end - start);
        for (int i = start; i < end; i++)
        {
            int r = i - start;
            values[i] = new CustomerValue
            {
                CustomerId = rows[i].CustomerId,
                Day = rows[i].Day,
                Revenue = rows[i].Revenue,
                Cost = rows[i].Cost,
                Key = rows[i].Key,
                HeldOut = model.IsHeldOut(rows[i].CustomerId.Span),
                SegmentId = model.Models.Segments.Segments[block.SegmentIndexes[r]].Id,
                Tier = float.IsNaN(block.Profits[r]) ? 0 : (int)block.Tiers[r] + 1,
            };
        }
    }

    private string Field(string path) => path.Length == 0 ? $"blocks[{_blocks}]" : $"blocks[{_blocks}].{path}";

    private void CheckShape(ValueBlock block, ref Violations violations)
    {
        CheckEnds(block.IdEnds, block.Ids, "id_ends", "ids", ref violations);
        if (block.KeyEnds.Count > 0 || !block.Keys.IsEmpty)
        {
            CheckEnds(block.KeyEnds, block.Keys, "key_ends", "keys", ref violations);
            RequireCount(block.KeyEnds.Count, "key_ends", ref violations);
        }
        RequireCount(block.Days.Count, "days", ref violations);
        RequireCount(block.Revenues.Count, "revenues", ref violations);
        RequireCount(block.Costs.Count, "costs", ref violations);

        void RequireCount(int count, string field, ref Violations violations)
        {
            if (count != block.IdEnds.Count)
            {
                violations.Add(Field(field), $"{count} of them, expected {block.IdEnds.Count} as in id_ends");
            }
        }
    }

    private void CheckEnds(RepeatedField<uint> ends, ByteString bytes, string field, string what, ref Violations violations)
    {
        uint start = 0;
        bool ascending = true;
        for (int r = 0; r < ends.Count && !violations.Full; r++)
        {
            if (ends[r] < start || ends[r] > bytes.Length)
            {
                violations.Add(Field($"{field}[{r}]"), $"{ends[r]}, expected {start} to {bytes.Length}");
                ascending = false;
            }
            start = Math.Max(start, ends[r]);
        }
        if (ascending && start != bytes.Length)
        {
            violations.Add(Field(field), $"the last of {what} ends at {start}, expected {bytes.Length}");
        }
    }

    private ValueRow? Read(ValueBlock block, int row)
    {
        ReadOnlyMemory<byte> id = Slice(block.Ids, block.IdEnds, row);
        ReadOnlyMemory<byte> key = block.KeyEnds.Count == 0 ? default : Slice(block.Keys, block.KeyEnds, row);
        int lastDay = LastDay.DayNumber - FirstDay.DayNumber;
        string? wrong = CustomerFile.IdViolation(id.Span) ?? Text.Violation(id.Span)
            ?? (block.Days[row] < 0 || block.Days[row] > lastDay ? $"day {block.Days[row]}, expected 0 to {lastDay}"
                : !double.IsFinite(block.Revenues[row]) ? FormattableString.Invariant($"revenue {block.Revenues[row]}, expected a finite number")
                : !double.IsFinite(block.Costs[row]) ? FormattableString.Invariant($"cost {block.Costs[row]}, expected a finite number")
                : key.Length > DecisionCall.MaxNameBytes ? $"a key of {key.Length} bytes, expected at most {DecisionCall.MaxNameBytes}"
                : Text.Violation(key.Span) is { } text ? $"key: {text}" : null);
        if (wrong is not null)
        {
            Reject(row, id.Span, wrong);
            return null;
        }
        return new ValueRow(id, FirstDay.AddDays(block.Days[row]), block.Revenues[row], block.Costs[row], Encoding.UTF8.GetString(key.Span));
    }

    private static ReadOnlyMemory<byte> Slice(ByteString bytes, RepeatedField<uint> ends, int index)
    {
        int start = index == 0 ? 0 : (int)ends[index - 1];
        return bytes.Memory[start..(int)ends[index]];
    }

    private void Reject(int row, ReadOnlySpan<byte> id, string reason)
    {
        _done.RejectedCount++;
        if (_told + _done.RejectedValues.Count < MaxReported)
        {
            _done.RejectedValues.Add(new RejectedValue
            {
                Row = _done.RowCount + (ulong)row,
                CustomerId = Encoding.UTF8.GetString(id[..Math.Min(id.Length, FeatureSchema.MaxIdBytes)]),
                Reason = reason,
            });
        }
    }

    private readonly ref struct RowReader(RowMapping rows, Span<float> row) : ICustomerReader
    {
        private readonly Span<float> _row = row;

        public void Read(in CustomerView customer) => rows.Map(in customer, _row);
    }
}
