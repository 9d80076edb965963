using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Storage.Tests;

public class CustomerStoreConcurrencyTests
{
    [Fact]
    public void Count_ConcurrentInsertsAndDeletes_IsExact()
    {
        const int keys = 500;
        using CustomerStore store = Customers.MemoryStore(expected: 1);
        int inserted = 0;
        int deleted = 0;
        Customers.Parallel(4, thread =>
        {
            SeededRandom random = new(seed: 1, thread);
            for (int i = 0; i < 20_000; i++)
            {
                byte[] id = Customers.Id(random.Next(keys));
                if (random.Next(3) == 0)
                {
                    Interlocked.Add(ref deleted, store.Delete(id, out _) ? 1 : 0);
                }
                else
                {
                    // Different lengths: some updates move the record.
                    Interlocked.Add(ref inserted, store.Upsert(id, Customers.Features(1 + random.Next(3), i), default).Created ? 1 : 0);
                }
            }
        });

        Assert.Equal(inserted - deleted, store.Count);
        KeepReader reader = default;
        Assert.Equal(store.Count, Enumerable.Range(0, keys).Count(i => store.Read(Customers.Id(i), ref reader)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_WhileWritersRewrite_IsNeverTorn(bool changeLength)
    {
        const int keys = 4;
        using CustomerStore store = Customers.MemoryStore();
        for (int i = 0; i < keys; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(200, 0), default);
        }
        int writing = 2;
        Customers.Parallel(4, thread =>
        {
            if (thread < 2)
            {
                for (int i = 0; i < 20_000; i++)
                {
                    store.Upsert(Customers.Id(i % keys), Customers.Features(changeLength ? 100 + (i % 100) : 200, i), default);
                }
                Interlocked.Decrement(ref writing);
                return;
            }
            EqualReader reader = default;
            for (int i = 0; Volatile.Read(ref writing) > 0; i++)
            {
                Assert.True(store.Read(Customers.Id(i % keys), ref reader));
            }
            Assert.Equal(0, reader.Torn);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Scan_BesideWrites_SeesEveryLastingCustomerOnce(bool inMemory)
    {
        const int lasting = 20_000;
        const int passing = 2_000;
        using CustomerStore store = inMemory ? Customers.MemoryStore(lasting) : Customers.Store(lasting);
        for (int i = 0; i < lasting; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(10, i), default);
        }
        int scanning = 1;
        Customers.Parallel(3, thread =>
        {
            if (thread == 0)
            {
                try
                {
                    for (int round = 0; round < 5; round++)
                    {
                        int[] visits = new int[lasting + passing];
                        CountVisitor visitor = new(visits);
                        store.Scan(ref visitor);
                        Assert.Equal(0, visitor.Torn);
                        Assert.DoesNotContain(visits.Take(lasting), count => count != 1);
                    }
                }
                finally
                {
                    Volatile.Write(ref scanning, 0);
                }
                return;
            }
            SeededRandom random = new(seed: 2, thread);
            for (int i = 0; Volatile.Read(ref scanning) == 1; i++)
            {
                // In place, with a new length, and insert and delete of customers that do not last.
                store.Upsert(Customers.Id(random.Next(lasting)), Customers.Features(10, i), default);
                store.Upsert(Customers.Id(random.Next(lasting)), Customers.Features(1 + random.Next(20), i), default);
                store.Upsert(Customers.Id(lasting + random.Next(passing)), Customers.Features(5, i), default);
                store.Delete(Customers.Id(lasting + random.Next(passing)), out _);
            }
        });
        Assert.True(store.Statistics.SupersededVersions > 0);
        Assert.Equal(inMemory, store.Statistics.DiskBytes == 0);
    }

    private struct EqualReader : ICustomerReader
    {
        public int Torn;

        public void Read(in CustomerView customer)
        {
            if (customer.Features.ContainsAnyExcept(customer.Features[0]))
            {
                Torn++;
            }
        }
    }
}
