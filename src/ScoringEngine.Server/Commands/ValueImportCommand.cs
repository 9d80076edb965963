using System.CommandLine;
using System.Globalization;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>value import</c>: sends realised revenue and cost to a server.</summary>
internal static class ValueImportCommand
{
    public static Command Create()
    {
        RecordImport.Options options = RecordImport.Options.Create("Values: CSV with a header, plain or .gz; - reads standard input. Columns customer, date "
            + "(2026-11-22), revenue and cost (an empty one is 0), and key (optional; the date where empty)");
        EngineCommand command = new("import", "Send what customers brought and cost to a running server, for every customer, held-out ones included. A value of the same "
            + "customer and key counts once, so that a file may be sent again.",
            "scoring-engine value import --data values.csv",
            "zcat values.csv.gz | scoring-engine value import --data - --server 127.0.0.1:5006 --allow-rejects 100");
        options.AddTo(command);
        command.SetHandler((parse, output, cancellation) => RecordImport.RunAsync<ImportValuesRequest, ImportValuesResponse>(
            options, parse, table => new Reader(table), (invoker, stop) => new ValueService.ValueServiceClient(invoker).ImportValues(cancellationToken: stop),
            Acknowledgement.Of, output, cancellation));
        return command;
    }

    private sealed class Reader : IRecordReader<ImportValuesRequest>
    {
        // An upper bound of a value's bytes: id and key, an end of each, a day, two amounts.
        private const int MostBytes = FeatureSchema.MaxIdBytes + MaxKeyBytes + (2 * 3) + 3 + (2 * sizeof(double));
        private const int Overhead = 64;
        private const int MaxKeyBytes = 128;

        private static readonly DateOnly First = new(1970, 1, 1);
        private static readonly DateOnly Last = new(2199, 12, 31);

        private readonly CsvTable _table;
        private readonly int _customer;
        private readonly int _date;
        private readonly int _revenue;
        private readonly int _cost;
        private readonly int _key;
        private readonly List<byte> _ids = [];
        private readonly List<byte> _keys = [];
        private ValueBlock _block = new();

        public Reader(CsvTable table)
        {
            _table = table;
            (_customer, _date, _revenue, _cost) = (table.Require("customer"), table.Require("date"), table.Require("revenue"), table.Require("cost"));
            _key = table.IndexOf("key");
        }

        public bool IsFull => _ids.Count + _keys.Count + (_block.Days.Count * (MostBytes - FeatureSchema.MaxIdBytes - MaxKeyBytes)) + MostBytes + Overhead
            > CustomerBlockWriter.MaxBytes;

        public RowRejection? Add()
        {
            ReadOnlySpan<byte> id = _table[_customer];
            ReadOnlySpan<byte> key = _key < 0 ? default : _table[_key];
            if (CustomerFile.IdViolation(id) is { } violation)
            {
                return Reject(_customer, violation);
            }
            if (!DateOnly.TryParseExact(_table.Text(_date), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly date) || date < First || date > Last)
            {
                return Reject(_date, "expected a date such as 2026-11-22, 1970-01-01 to 2199-12-31");
            }
            if (!TryAmount(_revenue, out double revenue))
            {
                return Reject(_revenue, "expected an amount");
            }
            if (!TryAmount(_cost, out double cost))
            {
                return Reject(_cost, "expected an amount");
            }
            if (key.Length > MaxKeyBytes || !System.Text.Unicode.Utf8.IsValid(key))
            {
                return Reject(_key, $"expected at most {MaxKeyBytes} bytes of UTF-8");
            }
            _ids.AddRange(id);
            _block.IdEnds.Add((uint)_ids.Count);
            _keys.AddRange(key);
            _block.KeyEnds.Add((uint)_keys.Count);
            _block.Days.Add(date.DayNumber - First.DayNumber);
            _block.Revenues.Add(revenue);
            _block.Costs.Add(cost);
            return null;
        }

        public ImportValuesRequest Take()
        {
            _block.Ids = ByteString.CopyFrom([.. _ids]);
            _block.Keys = ByteString.CopyFrom([.. _keys]);
            if (_keys.Count == 0)
            {
                _block.KeyEnds.Clear();
            }
            ImportValuesRequest request = new() { Block = _block };
            _block = new ValueBlock();
            _ids.Clear();
            _keys.Clear();
            return request;
        }

        private bool TryAmount(int column, out double amount)
        {
            amount = 0;
            return _table[column].IsEmpty
                || (double.TryParse(_table[column], NumberStyles.Float, CultureInfo.InvariantCulture, out amount) && double.IsFinite(amount));
        }

        private RowRejection Reject(int column, string reason) => new(_table.Name, _table.Line, _table.Header[column], _table.Text(column), reason);
    }
}
