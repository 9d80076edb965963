using ScoringEngine.Storage;

namespace ScoringEngine.Server.CommandLine;

/// <summary>Shows how far a recovery, or a check, has got in a progress bar; each stage fills it once.</summary>
internal sealed class RecoveryBar(IProgress<double> bar) : IProgress<RecoveryProgress>
{
    /// <summary>The share of the stage that is done, 0..1.</summary>
    public static double ShareOf(RecoveryProgress progress)
        => progress.TotalBytes > 0 ? Math.Min(1, (double)progress.Bytes / progress.TotalBytes) : 0;

    /// <inheritdoc/>
    public void Report(RecoveryProgress value) => bar.Report(ShareOf(value));
}
