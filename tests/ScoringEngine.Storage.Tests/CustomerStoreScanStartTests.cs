namespace ScoringEngine.Storage.Tests;

/// <summary>
/// What a snapshot relies on: it is said to contain every write whose number was given before the scan began, and the journal
/// is removed accordingly.
/// </summary>
public class CustomerStoreScanStartTests
{
    [Fact]
    public void Scan_InsertThatHasItsNumberButIsNotApplied_VisitsIt()
    {
        using ManualResetEventSlim numbered = new();
        using ManualResetEventSlim apply = new();
        GatedLog log = new(numbered, apply);
        using CustomerStore store = new(new CustomerStoreOptions { ExpectedCustomers = 1, MemoryBytes = 1 << 20, PageBytes = 1 << 16 },
            log, directory => new LogDevice(directory));
        store.Upsert(Customers.Id(0), Customers.Features(3, 0), default);
        log.Gated = true;
        int[] visits = new int[2];
        Thread insert = new(() => store.Upsert(Customers.Id(1), Customers.Features(3, 1), default));
        insert.Start();
        numbered.Wait();
        Thread scan = new(() =>
        {
            CountVisitor visitor = new(visits);
            store.Scan(ref visitor);
        });
        scan.Start();
        // It waits for the insert.
        Assert.True(SpinWait.SpinUntil(() => scan.ThreadState.HasFlag(ThreadState.WaitSleepJoin), TimeSpan.FromMinutes(1)));
        apply.Set();
        insert.Join();
        scan.Join();

        Assert.Equal([1, 1], visits);
    }

    /// <summary>Stops between giving a number and letting the store apply the write.</summary>
    private sealed class GatedLog(ManualResetEventSlim numbered, ManualResetEventSlim apply) : IWriteLog
    {
        private readonly MemoryWriteLog _log = new();

        public volatile bool Gated;

        public ulong Upsert(ReadOnlySpan<byte> id, in CustomerAttributes attributes, ReadOnlySpan<float> features, RequestKey request)
        {
            ulong sequence = _log.Upsert(id, in attributes, features, request);
            if (Gated)
            {
                numbered.Set();
                apply.Wait();
            }
            return sequence;
        }

        public ulong Delete(ReadOnlySpan<byte> id, RequestKey request) => _log.Delete(id, request);

        public ulong ContactSecret(ReadOnlySpan<byte> id, ReadOnlySpan<byte> secret) => _log.ContactSecret(id, secret);
    }
}
