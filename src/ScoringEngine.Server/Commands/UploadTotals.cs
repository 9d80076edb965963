using ScoringEngine.Protocol.V1;

namespace ScoringEngine.Server.Commands;

/// <summary>A row that was not taken.</summary>
/// <param name="Row">From 0.</param>
/// <param name="Column">Column at fault; empty when it is the row as a whole.</param>
/// <param name="Reason">What was found and what was expected.</param>
internal sealed record RefusedRow(long Row, string Column, string Reason);

/// <summary>What a server has done by now of the rows of one call.</summary>
/// <param name="Rows">Rows that are dealt with, from the first.</param>
/// <param name="New">Rows among them that were new to the server.</param>
/// <param name="Known">Rows among them of what the server had before: customers that were replaced, values and outcomes that come again.</param>
/// <param name="Rejected">Rows among them that were not taken.</param>
/// <param name="FirstRejected">Rejected rows since the last acknowledgement, numbered in the call; not all are told.</param>
internal sealed record Acknowledgement(long Rows, long New, long Known, long Rejected, IEnumerable<RefusedRow> FirstRejected)
{
    public static Acknowledgement Of(ImportCustomersResponse response) => new((long)response.RowCount, (long)response.CreatedCount, (long)response.UpdatedCount,
        (long)response.RejectedCount, response.RejectedRows.Select(r => new RefusedRow((long)r.Row, r.FeatureName, $"customer '{r.CustomerId}': {r.Reason}")));

    public static Acknowledgement Of(ImportValuesResponse response) => Of(response.RowCount, response.RepeatedCount, response.RejectedCount,
        response.RejectedValues.Select(r => new RefusedRow((long)r.Row, "", $"customer '{r.CustomerId}': {r.Reason}")));

    public static Acknowledgement Of(StreamOutcomesResponse response) => Of(response.OutcomeCount, response.RepeatedCount, response.RejectedCount,
        response.RejectedOutcomes.Select(r => new RefusedRow((long)r.Index, "", $"decision '{r.DecisionId}': {r.Reason}")));

    private static Acknowledgement Of(ulong rows, ulong repeated, ulong rejected, IEnumerable<RefusedRow> refused)
        => new((long)rows, (long)(rows - repeated - rejected), (long)repeated, (long)rejected, refused);
}

/// <summary>What an upload has done, by its acknowledgements; over several calls where one broke.</summary>
internal sealed class UploadTotals
{
    private const int MaxRejectedRows = 100;

    private readonly List<RefusedRow> _rejectedRows = [];
    private Acknowledgement _before = new(0, 0, 0, 0, []);
    private Acknowledgement _call = new(0, 0, 0, 0, []);

    /// <summary>Rows that are written and durable, or rejected.</summary>
    public long Rows => _before.Rows + _call.Rows;

    /// <inheritdoc cref="Acknowledgement.New"/>
    public long New => _before.New + _call.New;

    /// <inheritdoc cref="Acknowledgement.Known"/>
    public long Known => _before.Known + _call.Known;

    /// <inheritdoc cref="Acknowledgement.Rejected"/>
    public long Rejected => _before.Rejected + _call.Rejected;

    /// <summary>The first rejected rows, numbered from the start of the upload.</summary>
    public IReadOnlyList<RefusedRow> RejectedRows => _rejectedRows;

    /// <summary>A new call starts with the first row that is not acknowledged.</summary>
    public void BeginCall()
    {
        _before = new Acknowledgement(Rows, New, Known, Rejected, []);
        _call = new Acknowledgement(0, 0, 0, 0, []);
    }

    /// <summary>Takes an acknowledgement of the call.</summary>
    public void Add(Acknowledgement acknowledgement)
    {
        _rejectedRows.AddRange(acknowledgement.FirstRejected.Take(MaxRejectedRows - _rejectedRows.Count).Select(r => r with { Row = r.Row + _before.Rows }));
        _call = acknowledgement;
    }
}
