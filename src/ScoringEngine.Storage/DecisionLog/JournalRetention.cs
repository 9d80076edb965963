using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage;

/// <summary>Removes segments of a journal all of whose records are old.</summary>
internal static class JournalRetention
{
    /// <summary>Removes them.</summary>
    /// <param name="records">The journal.</param>
    /// <param name="folder">Its folder.</param>
    /// <param name="files">The files.</param>
    /// <param name="needed">First record that is still needed, whatever its age.</param>
    /// <param name="sinceUnixMs">Records before this time are old.</param>
    /// <param name="timeOf">When a record was made; 0 for one that does not say it.</param>
    /// <exception cref="IOException">A file cannot be read or removed.</exception>
    public static void Apply(RecordLog records, string folder, IStorageFiles files, ulong needed, long sinceUnixMs, Func<uint, byte[], long> timeOf)
    {
        ulong removable = 0;
        foreach ((ulong first, _) in JournalReader.Segments(folder, files).Skip(1))
        {
            // A segment is as old as the first record after it.
            long time = first > needed ? long.MaxValue : FirstTime(records, first, timeOf);
            if (time == 0 || time >= sinceUnixMs)
            {
                break;
            }
            removable = first;
        }
        if (removable > 0)
        {
            records.Journal!.RemoveBefore(removable);
        }
    }

    /// <summary>Time of the first record from a number on that says it; 0 when none does.</summary>
    public static long FirstTime(RecordLog records, ulong from, Func<uint, byte[], long> timeOf)
    {
        foreach ((_, uint type, byte[] payload) in records.Read(from, ulong.MaxValue))
        {
            if (timeOf(type, payload) is var time and not 0)
            {
                return time;
            }
        }
        return 0;
    }
}
