namespace ScoringEngine.Storage.Snapshots;

/// <summary>A snapshot that was written, flushed and read back.</summary>
/// <param name="File">Its file name.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Checksum">CRC32C of the whole file, lower-case hex.</param>
/// <param name="FirstSequence">The first write that is not certain to be in it: recovery replays the journal from there.</param>
/// <param name="FirstContact">The first record of the contacts journal that is not certain to be in it.</param>
/// <param name="Customers">Number of customers in it.</param>
/// <param name="CreatedAt">When it was begun.</param>
public sealed record SnapshotInfo(string File, long Bytes, string Checksum, ulong FirstSequence, ulong FirstContact, long Customers, DateTimeOffset CreatedAt);
