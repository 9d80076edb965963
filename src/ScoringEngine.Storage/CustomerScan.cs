using System.Collections.Concurrent;
using FASTER.core;

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
    public void Run<TVisitor>(LogAccessor<SpanByte, SpanByte> log, SupersededVersions superseded, Action checkDevice,
        long begin, long tail, ref TVisitor visitor, CancellationToken cancellation)
        where TVisitor : ICustomerVisitor
    {
        Pass<TVisitor> pass = new(this, log, superseded, checkDevice, begin, tail, visitor, cancellation);
        while (!log.Scan(ref pass, pass.Resume, tail))
        {
            // Evicted while it was copied: once more, from disk.
        }
        checkDevice();
        Drain(pass.Next, tail);
        visitor = pass.Visitor;
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

    private struct Pass<TVisitor>(CustomerScan scan, LogAccessor<SpanByte, SpanByte> log, SupersededVersions superseded,
        Action checkDevice, long begin, long tail, TVisitor visitor, CancellationToken cancellation) : IScanIteratorFunctions<SpanByte, SpanByte>
        where TVisitor : ICustomerVisitor
    {
        private HashSet<long>? _dead;
        private long _deadUntil;
        private long _head = log.HeadAddress;

        public TVisitor Visitor = visitor;

        /// <summary>Everything before this address is decided; it need not be where a record starts.</summary>
        public long Next { get; private set; } = begin;

        /// <summary>A record's start, from which the scan can begin again.</summary>
        public long Resume { get; private set; } = begin;

        public bool OnStart(long beginAddress, long endAddress) => true;

        public bool ConcurrentReader(ref SpanByte key, ref SpanByte value, RecordMetadata metadata, long numberOfRecords)
            => SingleReader(ref key, ref value, metadata, numberOfRecords);

        public bool SingleReader(ref SpanByte key, ref SpanByte value, RecordMetadata metadata, long numberOfRecords)
        {
            long address = metadata.Address;
            if (address < Next)
            {
                return true; // once more, after a new beginning
            }
            // FASTER gives up its protection of the page while it waits for the bucket's lock.
            long head = log.HeadAddress;
            bool evictedMeanwhile = address >= _head && address < head;
            _head = head;
            if (evictedMeanwhile)
            {
                return false;
            }
            checkDevice();
            cancellation.ThrowIfCancellationRequested();
            if (address >= _deadUntil)
            {
                _dead = superseded.OnPageOf(address, out _deadUntil);
            }
            // In this order: a write reports a move before it marks the old version as superseded.
            scan.Drain(Next, tail);
            bool visit = !metadata.RecordInfo.Tombstone && _dead?.Contains(address) != true && !scan._deferred.ContainsKey(address);
            Resume = address;
            Next = address + 1;
            Volatile.Write(ref scan._position, Next);
            if (visit)
            {
                Visitor.Visit(key.AsReadOnlySpan(), new CustomerView(value.AsReadOnlySpan()));
            }
            return true;
        }

        public void OnStop(bool completed, long numberOfRecords)
        {
        }

        // The scan throws it on.
        public void OnException(Exception exception, long numberOfRecords)
        {
        }
    }
}
