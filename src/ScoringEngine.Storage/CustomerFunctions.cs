using System.Runtime.CompilerServices;
using FASTER.core;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Storage;

/// <summary>
/// FASTER's callbacks. Every write is a read-modify-write, never a blind upsert or delete: only that tells an insert
/// from an update and finds the version it replaces. The key is locked against other writers during a write, not against
/// readers: these read again when the record changed in place meanwhile. A struct, so that FASTER's generic code calls
/// it directly.
/// </summary>
internal readonly unsafe struct CustomerFunctions(CustomerSession session) : IFunctions<SpanByte, SpanByte, CustomerOperation, Empty, Empty>
{
    public bool ConcurrentReader(ref SpanByte key, ref CustomerOperation input, ref SpanByte value, ref Empty output, ref ReadInfo readInfo)
        => SingleReader(ref key, ref input, ref value, ref output, ref readInfo);

    public bool SingleReader(ref SpanByte key, ref CustomerOperation input, ref SpanByte value, ref Empty output, ref ReadInfo readInfo)
    {
        session.OnRead(input.Index, value.AsReadOnlySpan(), session.Store.Locks.Of(IdComparer.Hash(key.AsReadOnlySpan())));
        return true;
    }

    public bool NeedInitialUpdate(ref SpanByte key, ref CustomerOperation input, ref Empty output, ref RMWInfo rmwInfo)
    {
        if (session.DeviceFailed)
        {
            // The customer may be in what could not be read.
            session.Outcome = Outcome.Failed;
            rmwInfo.Action = RMWAction.CancelOperation;
            return false;
        }
        session.Outcome = Outcome.NotFound;
        return input.Kind is WriteKind.Upsert or WriteKind.Replace;
    }

    public bool InitialUpdater(ref SpanByte key, ref CustomerOperation input, ref SpanByte value, ref Empty output, ref RMWInfo rmwInfo)
    {
        Write(ref input, value.AsSpan(), contacts: default);
        session.Outcome = Outcome.Inserted;
        session.AddedBytes = LogLayout.SizeOf(key.Length, value.Length);
        return true;
    }

    public bool InPlaceUpdater(ref SpanByte key, ref CustomerOperation input, ref SpanByte value, ref Empty output, ref RMWInfo rmwInfo)
    {
        ReadOnlySpan<byte> old = value.AsReadOnlySpan();
        if (input.ComesTooLate(old) || input.Kind == WriteKind.Move)
        {
            session.Outcome = Outcome.Older;
            return true;
        }
        if (input.Kind == WriteKind.Delete)
        {
            session.Outcome = Outcome.Deleted;
            session.RemovedBytes = LogLayout.SizeOf(key.Length, value.Length);
            rmwInfo.Action = RMWAction.ExpireAndStop;
            return false;
        }
        if (value.Length != input.RecordBytes(old))
        {
            return false; // FASTER then copies: a record never changes its length, so that a log scan always finds the next.
        }
        // The contacts stay where they are: with as many bytes before them as before.
        input.Lock->BeginChange();
        Write(ref input, value.AsSpan(), contacts: default);
        input.Lock->EndChange();
        session.Outcome = Outcome.Updated;
        return true;
    }

    public bool NeedCopyUpdate(ref SpanByte key, ref CustomerOperation input, ref SpanByte oldValue, ref Empty output, ref RMWInfo rmwInfo)
    {
        if (input.ComesTooLate(oldValue.AsReadOnlySpan()) || (input.Kind == WriteKind.Move && input.Source != rmwInfo.Address))
        {
            session.Outcome = Outcome.Older;
            return false;
        }
        session.Source = rmwInfo.Address;
        return true;
    }

    public bool CopyUpdater(ref SpanByte key, ref CustomerOperation input, ref SpanByte oldValue, ref SpanByte newValue, ref Empty output, ref RMWInfo rmwInfo)
    {
        session.RemovedBytes = LogLayout.SizeOf(key.Length, oldValue.Length);
        if (input.Kind == WriteKind.Delete)
        {
            session.Outcome = Outcome.Deleted;
            rmwInfo.Action = RMWAction.ExpireAndStop;
            return false;
        }
        if (input.Kind == WriteKind.Move)
        {
            oldValue.AsReadOnlySpan().CopyTo(newValue.AsSpan());
        }
        else
        {
            Write(ref input, newValue.AsSpan(), CustomerRecord.ContactPart(oldValue.AsReadOnlySpan()));
        }
        session.Outcome = Outcome.Updated;
        session.AddedBytes = LogLayout.SizeOf(key.Length, newValue.Length);
        return true;
    }

    public void PostCopyUpdater(ref SpanByte key, ref CustomerOperation input, ref SpanByte oldValue, ref SpanByte newValue, ref Empty output, ref RMWInfo rmwInfo)
        => session.Store.OnMoved(session.Source, rmwInfo.Address, key.AsReadOnlySpan());

    private static void Write(ref CustomerOperation input, Span<byte> record, ReadOnlySpan<byte> contacts)
    {
        if (input.Kind == WriteKind.Replace)
        {
            new ReadOnlySpan<byte>(input.Record, input.RecordLength).CopyTo(record);
            return;
        }
        CustomerRecord.Write(record, input.Sequence, in input.Attributes, new ReadOnlySpan<float>(input.Features, input.FeatureCount));
        contacts.CopyTo(record[CustomerRecord.Bytes(input.FeatureCount)..]);
    }

    // Upsert and delete are not used.
    public bool SingleWriter(ref SpanByte key, ref CustomerOperation input, ref SpanByte src, ref SpanByte dst, ref Empty output, ref UpsertInfo upsertInfo, WriteReason reason) => false;
    public void PostSingleWriter(ref SpanByte key, ref CustomerOperation input, ref SpanByte src, ref SpanByte dst, ref Empty output, ref UpsertInfo upsertInfo, WriteReason reason) { }
    public bool ConcurrentWriter(ref SpanByte key, ref CustomerOperation input, ref SpanByte src, ref SpanByte dst, ref Empty output, ref UpsertInfo upsertInfo) => false;
    public bool SingleDeleter(ref SpanByte key, ref SpanByte value, ref DeleteInfo deleteInfo) => false;
    public void PostSingleDeleter(ref SpanByte key, ref DeleteInfo deleteInfo) { }
    public bool ConcurrentDeleter(ref SpanByte key, ref SpanByte value, ref DeleteInfo deleteInfo) => false;

    // Nothing to do.
    public void PostInitialUpdater(ref SpanByte key, ref CustomerOperation input, ref SpanByte value, ref Empty output, ref RMWInfo rmwInfo) { }
    public void ReadCompletionCallback(ref SpanByte key, ref CustomerOperation input, ref Empty output, Empty ctx, Status status, RecordMetadata recordMetadata) { }
    public void RMWCompletionCallback(ref SpanByte key, ref CustomerOperation input, ref Empty output, Empty ctx, Status status, RecordMetadata recordMetadata) { }
    public void DisposeSingleWriter(ref SpanByte key, ref CustomerOperation input, ref SpanByte src, ref SpanByte dst, ref Empty output, ref UpsertInfo upsertInfo, WriteReason reason) { }
    public void DisposeCopyUpdater(ref SpanByte key, ref CustomerOperation input, ref SpanByte oldValue, ref SpanByte newValue, ref Empty output, ref RMWInfo rmwInfo) { }
    public void DisposeInitialUpdater(ref SpanByte key, ref CustomerOperation input, ref SpanByte value, ref Empty output, ref RMWInfo rmwInfo) { }
    public void DisposeSingleDeleter(ref SpanByte key, ref SpanByte value, ref DeleteInfo deleteInfo) { }
    public void DisposeDeserializedFromDisk(ref SpanByte key, ref SpanByte value) { }
    public void CheckpointCompletionCallback(int sessionID, string sessionName, CommitPoint commitPoint) { }
}

/// <summary>Hash and equality of ids. FASTER's own hash leaves the upper bits, which tell keys of a bucket apart, empty for short ids.</summary>
internal sealed class IdComparer : IFasterEqualityComparer<SpanByte>
{
    public long GetHashCode64(ref SpanByte id) => Hash(id.AsReadOnlySpan());

    public unsafe bool Equals(ref SpanByte id, ref SpanByte stored)
    {
        // Most likely it is the record that is looked for: its other lines come along with the first.
        IndexPrefetch.Lines((byte*)Unsafe.AsPointer(ref stored));
        return id.AsReadOnlySpan().SequenceEqual(stored.AsReadOnlySpan());
    }

    public static long Hash(ReadOnlySpan<byte> id)
    {
        ulong hash = (ulong)id.Length;
        while (id.Length >= sizeof(ulong))
        {
            hash = SeededRandom.Mix(hash ^ Unsafe.ReadUnaligned<ulong>(in id[0]));
            id = id[sizeof(ulong)..];
        }
        ulong rest = 0;
        for (int i = 0; i < id.Length; i++)
        {
            rest |= (ulong)id[i] << (8 * i);
        }
        return (long)SeededRandom.Mix(hash ^ rest);
    }
}
