namespace ScoringEngine.Core.Decisions;

/// <summary>Works on chunks on several threads and hands over the results in the order of the chunks.</summary>
internal static class ChunkRunner
{
    /// <summary>Runs to the end of the chunks; while some are worked on, the next ones are fetched on the calling thread.</summary>
    /// <param name="chunks">The chunks; no more of them are fetched ahead than keep the threads busy.</param>
    /// <param name="work">Called on many threads.</param>
    /// <param name="keep">Called on the calling thread, in order.</param>
    /// <param name="threads">Threads to use, 0 for all cores.</param>
    /// <param name="cancellation">Ends it.</param>
    public static void Run<TChunk, TResult>(
        IEnumerable<TChunk> chunks, Func<TChunk, TResult> work, Action<TResult> keep, int threads, CancellationToken cancellation)
    {
        int workers = threads > 0 ? threads : Environment.ProcessorCount;
        TaskScheduler scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, workers).ConcurrentScheduler;
        Queue<Task<TResult>> running = new();
        foreach (TChunk chunk in chunks)
        {
            if (running.Count == 2 * workers)
            {
                keep(running.Dequeue().GetAwaiter().GetResult());
            }
            running.Enqueue(Task.Factory.StartNew(() => work(chunk), cancellation, TaskCreationOptions.None, scheduler));
        }
        while (running.TryDequeue(out Task<TResult>? task))
        {
            keep(task.GetAwaiter().GetResult());
        }
    }
}
