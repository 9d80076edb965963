namespace ScoringEngine.Storage;

/// <summary>Sizes of a <see cref="CustomerStore"/> at one moment.</summary>
/// <param name="Customers">Live customers.</param>
/// <param name="MemoryBytes">Memory taken by record pages, in bytes.</param>
/// <param name="IndexBytes">Memory taken by the index, in bytes.</param>
/// <param name="LogBytes">Bytes of all record versions, in memory or on disk, superseded ones included.</param>
/// <param name="DiskBytes">Bytes written to the log device.</param>
/// <param name="SupersededVersions">Old versions that still take space because their page was closed to updates in place.</param>
/// <param name="IndexOutgrown">Whether there are more customers than the index was sized for: operations are slower, never wrong.</param>
public readonly record struct CustomerStoreStatistics(long Customers, long MemoryBytes, long IndexBytes, long LogBytes,
    long DiskBytes, long SupersededVersions, bool IndexOutgrown);
