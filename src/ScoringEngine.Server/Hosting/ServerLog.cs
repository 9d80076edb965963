namespace ScoringEngine.Server.Hosting;

/// <summary>Everything the server logs; event ids are stable. Customers' ids and values are never logged.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1000, LogLevel.Information, "Serving {Model} version {Version} on {Address}")]
    public static partial void Serving(ILogger logger, string model, int version, string address);

    [LoggerMessage(1001, LogLevel.Information, "Stopping: new calls are refused, running ones have {Seconds} s")]
    public static partial void Stopping(ILogger logger, int seconds);

    [LoggerMessage(1100, LogLevel.Warning, "Version {Version} of {Model} is listed without details")]
    public static partial void VersionUnreadable(ILogger logger, string model, int version, Exception reason);

    [LoggerMessage(1101, LogLevel.Warning, "The files of {Model} cannot be read")]
    public static partial void ModelUnreadable(ILogger logger, string model, Exception reason);

    [LoggerMessage(2000, LogLevel.Error, "Event {Event}: {Method} failed unexpectedly")]
    public static partial void Unexpected(ILogger logger, string @event, string method, Exception exception);

    [LoggerMessage(2001, LogLevel.Error, "Event {Event}: {Method}: the customer store failed")]
    public static partial void StoreFailed(ILogger logger, string @event, string method, Exception exception);

    [LoggerMessage(2002, LogLevel.Critical, "Event {Event}: {Method}: stored data are damaged")]
    public static partial void DataCorrupt(ILogger logger, string @event, string method, Exception exception);
}
