using System.Collections.Concurrent;

namespace ScoringEngine.Storage;

/// <summary>
/// Sessions for use by one thread at a time, within one call. A thread takes the session of its processor's slot and
/// puts it back there: no lock, and no contention unless threads outnumber processors.
/// </summary>
internal sealed class SessionPool(Func<CustomerSession> create) : IDisposable
{
    // One slot a cache line.
    private const int Stride = 8;

    private readonly CustomerSession?[] _slots = new CustomerSession?[(Environment.ProcessorCount + 2) * Stride];
    private readonly ConcurrentQueue<CustomerSession> _spare = new();
    private readonly ConcurrentQueue<CustomerSession> _all = new();

    /// <exception cref="InvalidOperationException">The thread is inside a customer reader.</exception>
    public CustomerSession Rent()
    {
        if (CustomerSession.IsReading)
        {
            throw new InvalidOperationException("a customer reader called the store");
        }
        CustomerSession? session = Interlocked.Exchange(ref OwnSlot(), null);
        if (session is null && !_spare.TryDequeue(out session))
        {
            session = create();
            _all.Enqueue(session);
        }
        session.BeginOperation();
        return session;
    }

    public void Return(CustomerSession session)
    {
        session.EndOperation();
        if (Interlocked.CompareExchange(ref OwnSlot(), session, null) is not null)
        {
            _spare.Enqueue(session);
        }
    }

    /// <summary>Waits until every operation that is under way has ended; later ones do not matter.</summary>
    public void WaitForOperations()
    {
        // Sessions begin operations without a fence of their own.
        Interlocked.MemoryBarrierProcessWide();
        foreach (CustomerSession session in _all)
        {
            session.WaitForOperation();
        }
    }

    /// <summary>Adds a figure of all sessions up.</summary>
    public long Sum(Func<CustomerSession, long> figure)
    {
        long sum = 0;
        foreach (CustomerSession session in _all)
        {
            sum += figure(session);
        }
        return sum;
    }

    public void Dispose()
    {
        foreach (CustomerSession session in _all)
        {
            session.Dispose();
        }
    }

    private ref CustomerSession? OwnSlot() => ref _slots[(1 + (Thread.GetCurrentProcessorId() % Environment.ProcessorCount)) * Stride];
}
