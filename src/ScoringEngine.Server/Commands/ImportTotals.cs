using ScoringEngine.Protocol.V1;

namespace ScoringEngine.Server.Commands;

/// <summary>What an import has done, by its acknowledgements; over several calls where one broke.</summary>
internal sealed class ImportTotals
{
    private const int MaxRejectedRows = 100;

    private readonly List<RejectedRow> _rejectedRows = [];
    private long _callStart;
    private ImportCustomersResponse _call = new();
    private ulong _createdBefore;
    private ulong _updatedBefore;
    private ulong _rejectedBefore;

    /// <summary>Rows that are written and durable, or rejected.</summary>
    public long Rows => _callStart + (long)_call.RowCount;

    public long Created => (long)(_createdBefore + _call.CreatedCount);

    public long Updated => (long)(_updatedBefore + _call.UpdatedCount);

    public long Rejected => (long)(_rejectedBefore + _call.RejectedCount);

    /// <summary>The first rejected rows, numbered from the start of the import.</summary>
    public IReadOnlyList<RejectedRow> RejectedRows => _rejectedRows;

    /// <summary>A new call starts with the first row that is not acknowledged.</summary>
    public void BeginCall()
    {
        (_createdBefore, _updatedBefore, _rejectedBefore) = ((ulong)Created, (ulong)Updated, (ulong)Rejected);
        _callStart = Rows;
        _call = new ImportCustomersResponse();
    }

    /// <summary>Takes an acknowledgement of the call.</summary>
    public void Add(ImportCustomersResponse acknowledgement)
    {
        foreach (RejectedRow row in acknowledgement.RejectedRows.Take(MaxRejectedRows - _rejectedRows.Count))
        {
            row.Row += (ulong)_callStart;
            _rejectedRows.Add(row);
        }
        _call = acknowledgement;
    }
}
