using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using Outcome = ScoringEngine.Protocol.V1.Outcome;

namespace ScoringEngine.Server.Commands;

/// <summary><c>outcome import</c>: sends what became of decisions to a server.</summary>
internal static class OutcomeImportCommand
{
    public static Command Create()
    {
        RecordImport.Options options = RecordImport.Options.Create("Outcomes: CSV with a header, plain or .gz; - reads standard input. Columns decision_id, proposition, "
            + "kind (presented, accepted, declined, converted, complained; empty with a perceived_value only), and optionally slot (default 1), reason, "
            + "perceived_value (0 to 1), time (ISO 8601; default: when it is recorded), approved_by, request_id");
        EngineCommand command = new("import", "Send what became of decisions to a running server. The same kind of the same slot counts once, so that a file may be sent again.",
            "scoring-engine outcome import --data outcomes.csv",
            "zcat outcomes.csv.gz | scoring-engine outcome import --data - --server 127.0.0.1:5006 --allow-rejects 100");
        options.AddTo(command);
        command.SetHandler((parse, output, cancellation) => RecordImport.RunAsync<StreamOutcomesRequest, StreamOutcomesResponse>(
            options, parse, table => new Reader(table), (invoker, stop) => new DecisionService.DecisionServiceClient(invoker).StreamOutcomes(cancellationToken: stop),
            Acknowledgement.Of, output, cancellation));
        return command;
    }

    private sealed class Reader : IRecordReader<StreamOutcomesRequest>
    {
        private const int MostOutcomes = 500;

        private static readonly OutcomeKind[] Kinds = [.. System.Enum.GetValues<OutcomeKind>().Where(k => k != OutcomeKind.Unspecified)];

        private readonly CsvTable _table;
        private readonly int _decision;
        private readonly int _proposition;
        private readonly int _kind;
        private readonly int _slot;
        private readonly int _reason;
        private readonly int _perceivedValue;
        private readonly int _time;
        private readonly int _approvedBy;
        private readonly int _requestId;
        private StreamOutcomesRequest _request = new();

        public Reader(CsvTable table)
        {
            _table = table;
            (_decision, _proposition, _kind) = (table.Require("decision_id"), table.Require("proposition"), table.Require("kind"));
            (_slot, _reason, _perceivedValue) = (table.IndexOf("slot"), table.IndexOf("reason"), table.IndexOf("perceived_value"));
            (_time, _approvedBy, _requestId) = (table.IndexOf("time"), table.IndexOf("approved_by"), table.IndexOf("request_id"));
        }

        public bool IsFull => _request.Outcomes.Count == MostOutcomes;

        public RowRejection? Add()
        {
            Outcome outcome = new()
            {
                DecisionId = _table.Text(_decision),
                PropositionId = _table.Text(_proposition),
                Slot = 1,
                Reason = Text(_reason),
                ApprovedBy = Text(_approvedBy),
                RequestId = Text(_requestId),
            };
            if (outcome.DecisionId.Length == 0)
            {
                return Reject(_decision, "expected a decision id");
            }
            if (outcome.PropositionId.Length == 0)
            {
                return Reject(_proposition, "expected the proposition that was in the slot");
            }
            string kind = _table.Text(_kind);
            outcome.Kind = System.Array.Find(Kinds, k => SnakeCase.Of(k) == kind);
            if (outcome.Kind == OutcomeKind.Unspecified && (kind.Length > 0 || Text(_perceivedValue).Length == 0))
            {
                string[] names = [.. Kinds.Select(SnakeCase.Of)];
                return Reject(_kind, $"expected one of {string.Join(", ", names)}{(kind.Length == 0 ? ", or a perceived_value" : NearestName.Hint(kind, names))}");
            }
            if (Text(_slot).Length > 0)
            {
                if (!uint.TryParse(Text(_slot), NumberStyles.None, CultureInfo.InvariantCulture, out uint slot) || slot is 0 or > 100)
                {
                    return Reject(_slot, "expected a slot, 1 to 100");
                }
                outcome.Slot = slot;
            }
            if (Text(_perceivedValue).Length > 0)
            {
                if (!double.TryParse(Text(_perceivedValue), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || value is not (>= 0 and <= 1))
                {
                    return Reject(_perceivedValue, "expected 0 to 1");
                }
                outcome.PerceivedValue = value;
            }
            if (Text(_time).Length > 0)
            {
                if (!OutcomeTable.TryParseTime(Text(_time), out DateTimeOffset time))
                {
                    return Reject(_time, "expected an ISO 8601 date and time");
                }
                outcome.Time = Timestamp.FromDateTimeOffset(time);
            }
            _request.Outcomes.Add(outcome);
            return null;
        }

        public StreamOutcomesRequest Take()
        {
            StreamOutcomesRequest request = _request;
            _request = new StreamOutcomesRequest();
            return request;
        }

        private string Text(int column) => column < 0 ? "" : _table.Text(column);

        private RowRejection Reject(int column, string reason) => new(_table.Name, _table.Line, _table.Header[column], _table.Text(column), reason);
    }
}
