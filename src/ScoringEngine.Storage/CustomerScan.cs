using System.Collections.Concurrent;

namespace ScoringEngine.Storage;

/// <summary>
/// One pass over the log between its begin and its tail as the scan found it, beside writes. A live version is visited
/// where it stands. A write that meanwhile moves a customer from a place the scan has not reached to beyond that tail
/// reports it (<see cref="OnMoved"/>); such customers are left out in the pass and are <see cref="Deferred"/>.
/// FASTER's own iteration would build a second store to tell live versions from superseded ones.
/// </summary>
internal sealed class CustomerScan
{
    private readonly ConcurrentQueue<(long Source, long Destination, byte[] Id)> _moves = new();
    private readonly Dictionary<long, byte[]> _deferred = [];
    private long _position;

    /// <summary>Ids of the customers that moved before they were visited.</summary>
    public IEnumerable<byte[]> Deferred => _deferred.Values;

    /// <summary>Called in a write, before the old version counts as superseded.</summary>
    public void OnMoved(long source, long destination, ReadOnlySpan<byte> id)
    {
        if (source >= Volatile.Read(ref _position))
        {
            _moves.Enqueue((source, destination, id.ToArray()));
        }
    }

    /// <summary>Visits the customers of [<paramref name="begin"/>, <paramref name="tail"/>) that are not deferred.</summary>
    public void Run<TVisitor>(LogReader log, SupersededVersions superseded, long begin, long tail, ref TVisitor visitor, CancellationToken cancellation)
        where TVisitor : ICustomerVisitor
    {
        long position = begin;
        HashSet<long>? dead = null;
        while (position < tail)
        {
            cancellation.ThrowIfCancellationRequested();
            if (log.IsStartOfPage(position) || position == begin)
            {
                dead = superseded.OnPageOf(position);
            }
            log.Read(position, tail);
            // After both: a write reports a move before it or FASTER marks the old version as superseded.
            Drain(position, tail);
            position = log.End;
            Volatile.Write(ref _position, position);
            for (int i = 0; i < log.Count; i++)
            {
                long address = log.Address(i);
                if (dead?.Contains(address) != true && (_deferred.Count == 0 || !_deferred.ContainsKey(address)))
                {
                    visitor.Visit(log.Id(i), new CustomerView(log.Record(i)));
                }
            }
        }
    }

    /// <summary>Takes note of moves from places at or after <paramref name="next"/>; those before were visited.</summary>
    private void Drain(long next, long tail)
    {
        while (_moves.TryDequeue(out (long Source, long Destination, byte[] Id) move))
        {
            if (move.Source >= next && move.Source < tail && move.Destination >= tail)
            {
                _deferred[move.Source] = move.Id;
            }
        }
    }
}
