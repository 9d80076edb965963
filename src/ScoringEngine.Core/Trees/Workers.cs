namespace ScoringEngine.Core.Trees;

/// <summary>
/// Runs independent pieces of work on a number of threads. Which thread runs a piece is left open, so a piece writes
/// only to places of its own and whoever needs a total adds the pieces' results in their order.
/// </summary>
internal sealed class Workers(int threads, CancellationToken cancellation)
{
    private readonly ParallelOptions _options = new()
    {
        MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount,
        CancellationToken = cancellation,
    };

    public int Threads => _options.MaxDegreeOfParallelism;

    public void For(int pieces, Action<int> work)
    {
        if (pieces <= 1 || Threads == 1)
        {
            for (int i = 0; i < pieces; i++)
            {
                _options.CancellationToken.ThrowIfCancellationRequested();
                work(i);
            }
            return;
        }
        Parallel.For(0, pieces, _options, work);
    }
}
