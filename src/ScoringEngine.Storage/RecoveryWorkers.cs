using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace ScoringEngine.Storage;

/// <summary>A stretch of what recovery reads, on its way to the thread that applies it.</summary>
internal sealed class RecoveryBatch
{
    public byte[] Bytes = new byte[256 << 10];

    /// <summary>Bytes that are used.</summary>
    public int Length;
}

/// <summary>
/// Applies what one thread reads with several: each has a short queue, so that what is for one of them is applied in order
/// and little waits in memory. <see cref="Complete"/> must be called at the end.
/// </summary>
internal sealed class RecoveryWorkers : IDisposable
{
    private const int QueuedBatches = 4;

    private readonly BlockingCollection<RecoveryBatch>[] _queues;
    private readonly Thread[] _threads;
    private readonly ConcurrentBag<RecoveryBatch> _spare = [];
    private readonly Action<RecoveryBatch> _apply;
    private volatile ExceptionDispatchInfo? _failure;

    public RecoveryWorkers(int threads, Action<RecoveryBatch> apply)
    {
        _apply = apply;
        _queues = [.. Enumerable.Range(0, threads).Select(_ => new BlockingCollection<RecoveryBatch>(QueuedBatches))];
        _threads = [.. _queues.Select((queue, i) => new Thread(() => Run(queue)) { IsBackground = true, Name = $"recovery {i}" })];
        foreach (Thread thread in _threads)
        {
            thread.Start();
        }
    }

    /// <summary>Number of threads.</summary>
    public int Count => _threads.Length;

    /// <summary>A batch to fill.</summary>
    public RecoveryBatch Rent() => _spare.TryTake(out RecoveryBatch? batch) ? batch : new RecoveryBatch();

    /// <summary>Has a batch applied by a worker, after what it was given before; throws what any of them has thrown.</summary>
    public void Post(int worker, RecoveryBatch batch)
    {
        _failure?.Throw();
        _queues[worker].Add(batch);
    }

    /// <summary>Waits until all is applied, and throws what any of them has thrown.</summary>
    public void Complete()
    {
        Dispose();
        _failure?.Throw();
    }

    public void Dispose()
    {
        foreach (BlockingCollection<RecoveryBatch> queue in _queues)
        {
            queue.CompleteAdding();
        }
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Run(BlockingCollection<RecoveryBatch> queue)
    {
        foreach (RecoveryBatch batch in queue.GetConsumingEnumerable())
        {
            // After a failure the rest is taken and dropped, so that the reader does not wait.
            if (_failure is null)
            {
                try
                {
                    _apply(batch);
                }
                catch (Exception e)
                {
                    _failure = ExceptionDispatchInfo.Capture(e);
                }
            }
            batch.Length = 0;
            _spare.Add(batch);
        }
    }
}
