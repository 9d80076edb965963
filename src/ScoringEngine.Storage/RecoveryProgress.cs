namespace ScoringEngine.Storage;

/// <summary>What a database is doing before it is open.</summary>
public enum RecoveryStage
{
    /// <summary>Reading a snapshot.</summary>
    Snapshot,

    /// <summary>Replaying the writes since the snapshot.</summary>
    Journal,

    /// <summary>Replaying the contacts since the snapshot.</summary>
    Contacts,

    /// <summary>Checking every file (<see cref="DataTool.Verify"/>).</summary>
    Verification,
}

/// <summary>How far a database has got before it is open.</summary>
/// <param name="Stage">What it is doing.</param>
/// <param name="Bytes">Bytes of this stage that are done.</param>
/// <param name="TotalBytes">About how many there are.</param>
/// <param name="Customers">Customers stored so far.</param>
public readonly record struct RecoveryProgress(RecoveryStage Stage, long Bytes, long TotalBytes, long Customers);
