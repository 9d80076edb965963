using ScoringEngine.Storage;

namespace ScoringEngine.Server.Hosting;

/// <summary>Everything the server logs; event ids are stable. Customers' ids and values are never logged.</summary>
internal static partial class ServerLog
{
    /// <summary>Logs what a database tells of its background.</summary>
    public static void Of(ILogger logger, StorageNotice notice)
    {
        switch (notice.Kind)
        {
            case StorageNoticeKind.SnapshotTaken:
                SnapshotTaken(logger, notice.Message);
                break;
            case StorageNoticeKind.SnapshotFailed:
                SnapshotFailed(logger, notice.Message, notice.Error);
                break;
            case StorageNoticeKind.JournalFailed:
                JournalFailed(logger, notice.Message, notice.Error);
                break;
            case StorageNoticeKind.JournalResumed:
                JournalResumed(logger, notice.Message);
                break;
            case StorageNoticeKind.Repaired:
                Repaired(logger, notice.Message);
                break;
        }
    }

    [LoggerMessage(1000, LogLevel.Information, "Serving {Model} version {Version} on {Address}")]
    public static partial void Serving(ILogger logger, string model, int version, string address);

    [LoggerMessage(1001, LogLevel.Information, "Stopping: new calls are refused, running ones have {Seconds} s")]
    public static partial void Stopping(ILogger logger, int seconds);

    [LoggerMessage(1100, LogLevel.Warning, "Version {Version} of {Model} is listed without details")]
    public static partial void VersionUnreadable(ILogger logger, string model, int version, Exception reason);

    [LoggerMessage(1101, LogLevel.Warning, "The files of {Model} cannot be read")]
    public static partial void ModelUnreadable(ILogger logger, string model, Exception reason);

    [LoggerMessage(1102, LogLevel.Information, "Reloaded {Model}: version {Version} is served")]
    public static partial void Reloaded(ILogger logger, string model, int version);

    [LoggerMessage(1103, LogLevel.Warning, "{Model} was not reloaded, the running one serves on")]
    public static partial void ReloadRefused(ILogger logger, string model, Exception reason);

    [LoggerMessage(1200, LogLevel.Information, "Recovering customers: {Stage}, {Percent} %, {Customers} customers so far")]
    public static partial void Recovering(ILogger logger, RecoveryStage stage, int percent, long customers);

    [LoggerMessage(1201, LogLevel.Information, "Recovered {Customers} customers of {Directory} in {Seconds:0.0} s")]
    public static partial void Recovered(ILogger logger, long customers, string directory, double seconds);

    [LoggerMessage(1202, LogLevel.Information, "Took {Message}")]
    public static partial void SnapshotTaken(ILogger logger, string message);

    [LoggerMessage(1203, LogLevel.Warning, "No snapshot, the journal keeps everything meanwhile: {Message}")]
    public static partial void SnapshotFailed(ILogger logger, string message, Exception? error);

    [LoggerMessage(1204, LogLevel.Error, "Writes are refused until the disk takes them again, reads go on: {Message}")]
    public static partial void JournalFailed(ILogger logger, string message, Exception? error);

    [LoggerMessage(1205, LogLevel.Information, "Writes are taken again: {Message}")]
    public static partial void JournalResumed(ILogger logger, string message);

    [LoggerMessage(1206, LogLevel.Warning, "Repaired: {Message}")]
    public static partial void Repaired(ILogger logger, string message);

    [LoggerMessage(1207, LogLevel.Warning, "{Customers} customers are about as many as the index was made for; with more, calls become slower. "
        + "A restart with more expected customers (--expected-customers) mends it")]
    public static partial void IndexNearlyFull(ILogger logger, long customers);

    [LoggerMessage(2000, LogLevel.Error, "Event {Event}: {Method} failed unexpectedly")]
    public static partial void Unexpected(ILogger logger, string @event, string method, Exception exception);

    [LoggerMessage(2001, LogLevel.Error, "Event {Event}: {Method}: the customer store failed")]
    public static partial void StoreFailed(ILogger logger, string @event, string method, Exception exception);

    [LoggerMessage(2002, LogLevel.Critical, "Event {Event}: {Method}: stored data are damaged")]
    public static partial void DataCorrupt(ILogger logger, string @event, string method, Exception exception);
}
