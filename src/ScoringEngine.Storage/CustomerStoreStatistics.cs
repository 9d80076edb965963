namespace ScoringEngine.Storage;

/// <summary>Sizes of a <see cref="CustomerStore"/> at one moment.</summary>
/// <param name="Customers">Live customers.</param>
/// <param name="MemoryBytes">Memory taken by record pages, in bytes.</param>
/// <param name="IndexBytes">Memory taken by the index, in bytes.</param>
/// <param name="LogBytes">Bytes of all record versions, in memory or on disk, superseded ones included.</param>
/// <param name="LiveBytes">Of these, bytes of the live customers' latest versions.</param>
/// <param name="DiskBytes">Bytes on the log device.</param>
/// <param name="SupersededVersions">Old versions that still take space because their page was closed to updates in place.</param>
/// <param name="IndexLoad">Customers per customer that the index is sized for, 0 or more: above 1 operations are slower, never wrong.</param>
public readonly record struct CustomerStoreStatistics(long Customers, long MemoryBytes, long IndexBytes, long LogBytes,
    long LiveBytes, long DiskBytes, long SupersededVersions, double IndexLoad)
{
    /// <summary>Load of the index above which a warning is due.</summary>
    public const double HighIndexLoad = 0.8;

    /// <summary>Whether the index will soon be too small, or is.</summary>
    public bool IndexFillsUp => IndexLoad > HighIndexLoad;

    /// <summary>Whether there are more customers than the index was sized for.</summary>
    public bool IndexOutgrown => IndexLoad > 1;
}
