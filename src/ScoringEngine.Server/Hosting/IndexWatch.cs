using ScoringEngine.Storage;

namespace ScoringEngine.Server.Hosting;

/// <summary>Warns once, before there are more customers than the index was made for.</summary>
internal sealed class IndexWatch(CustomerDatabase database, TimeProvider time, ILogger<IndexWatch> log) : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private ITimer? _timer;
    private int _warned;

    /// <summary>Looks now and from time to time.</summary>
    public void Start() => _timer = time.CreateTimer(_ => Check(), null, TimeSpan.Zero, Interval);

    /// <summary>Looks now.</summary>
    public void Check()
    {
        CustomerStoreStatistics statistics = database.Customers.Statistics;
        if (statistics.IndexFillsUp && Interlocked.Exchange(ref _warned, 1) == 0)
        {
            ServerLog.IndexNearlyFull(log, statistics.Customers);
        }
    }

    /// <summary>Looks no more: a look under way is waited for, as the database is closed next.</summary>
    public ValueTask DisposeAsync() => _timer?.DisposeAsync() ?? ValueTask.CompletedTask;
}
