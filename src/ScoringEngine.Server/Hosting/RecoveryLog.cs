using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Hosting;

/// <summary>Logs how far recovery has got, every few seconds. Used by one recovery.</summary>
internal sealed class RecoveryLog(ILogger log, TimeProvider time) : IProgress<RecoveryProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private long _last = time.GetTimestamp();

    /// <inheritdoc/>
    public void Report(RecoveryProgress value)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_last) < Interval)
            {
                return;
            }
            _last = time.GetTimestamp();
        }
        ServerLog.Recovering(log, value.Stage, (int)(100 * RecoveryBar.ShareOf(value)), value.Customers);
    }
}
