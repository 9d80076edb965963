namespace ScoringEngine.Storage;

/// <summary>Takes a customer that has a secret; the arguments are valid only during the call.</summary>
internal delegate void SecretOwnerAction(ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret);

/// <summary>The customers that have a secret, for those who look for the owner of a pseudonym.</summary>
internal static class SecretOwners
{
    /// <summary>Calls an action for each customer that has a secret.</summary>
    /// <param name="customers">The live store.</param>
    /// <param name="threads">Threads that call it, at once: deriving pseudonyms costs more than all the rest.</param>
    /// <param name="action">What to do.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void ForEach(CustomerStore customers, int threads, SecretOwnerAction action, CancellationToken cancellation)
    {
        using RecoveryWorkers workers = new(threads, batch => Apply(batch, action));
        Visitor visitor = new(workers);
        customers.Scan(ref visitor, cancellation);
        visitor.Flush();
        workers.Complete();
    }

    private static void Apply(RecoveryBatch batch, SecretOwnerAction action)
    {
        ReadOnlySpan<byte> rest = batch.Bytes.AsSpan(0, batch.Length);
        while (!rest.IsEmpty)
        {
            ReadOnlySpan<byte> id = rest.Slice(1, rest[0]);
            ReadOnlySpan<byte> secret = rest.Slice(1 + id.Length, CustomerRecord.SecretBytes);
            rest = rest[(1 + id.Length + secret.Length)..];
            action(id, secret);
        }
    }

    /// <summary>Hands the customers to the workers: id length u8, id, secret.</summary>
    private struct Visitor(RecoveryWorkers workers) : ICustomerVisitor
    {
        private RecoveryBatch _batch = workers.Rent();
        private int _next;

        public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
        {
            if (!customer.HasSecret)
            {
                return;
            }
            int bytes = 1 + id.Length + CustomerRecord.SecretBytes;
            if (_batch.Length + bytes > _batch.Bytes.Length)
            {
                Flush();
            }
            Span<byte> entry = _batch.Bytes.AsSpan(_batch.Length, bytes);
            entry[0] = (byte)id.Length;
            id.CopyTo(entry[1..]);
            customer.Secret.CopyTo(entry[(1 + id.Length)..]);
            _batch.Length += bytes;
        }

        public void Flush()
        {
            workers.Post(_next++ % workers.Count, _batch);
            _batch = workers.Rent();
        }
    }
}
