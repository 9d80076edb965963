using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Storage.Tests;

public class CustomerStoreCompactionTests
{
    [Fact]
    public void CompactIfWorthwhile_Churn_BoundsMemoryAndDiskAndLosesNothing()
    {
        const int keys = 4_000;
        using CustomerStore store = Customers.Store(keys);
        Dictionary<int, float[]> twin = [];
        SeededRandom random = new(seed: 5, 0);
        int compactions = 0;
        for (int i = 0; i < 100_000; i++)
        {
            int key = random.Next(keys);
            if (random.Next(4) == 0)
            {
                Assert.Equal(twin.Remove(key), store.Delete(Customers.Id(key), out _));
            }
            else
            {
                float[] features = Customers.Features(1 + random.Next(150), i);
                Assert.Equal(twin.TryAdd(key, features), store.Upsert(Customers.Id(key), features, default).Created);
                twin[key] = features;
            }
            if (i % 500 == 0)
            {
                compactions += store.CompactIfWorthwhile() ? 1 : 0;
                CustomerStoreStatistics statistics = store.Statistics;
                Assert.True(statistics.MemoryBytes <= (1 << 20) + (4 << 16), $"{statistics}");
                Assert.True(statistics.LogBytes <= (2 * statistics.LiveBytes) + (2 << 20), $"{statistics}");
                Assert.True(statistics.DiskBytes <= statistics.LogBytes + (1 << 18), $"{statistics}");
                Assert.True(statistics.SupersededVersions <= statistics.LogBytes / 32, $"{statistics}");
            }
        }
        Assert.True(compactions > 2);
        CheckAll(store, twin, keys);
        store.Compact();
        CheckAll(store, twin, keys);
        Assert.Equal(twin.Values.Sum(features => 8L + 16 + ((4 + 20 + (4 * features.Length) + 7) & ~7)), store.Statistics.LiveBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Compact_BesideReadsWritesAndScans_EveryLastingCustomerIsAlwaysThere(bool spill)
    {
        const int lasting = 5_000;
        using CustomerStore store = Customers.Store(lasting, memoryBytes: spill ? 1 << 20 : 4 << 20);
        for (int i = 0; i < lasting; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(10, i), default);
        }
        int running = 1;
        long missed = 0;
        Customers.Parallel(5, thread =>
        {
            SeededRandom random = new(seed: 6, thread);
            KeepReader reader = default;
            for (int i = 0; Volatile.Read(ref running) == 1; i++)
            {
                int key = random.Next(lasting);
                switch (thread)
                {
                    case 0 when i == (spill ? 20 : 40):
                        Volatile.Write(ref running, 0);
                        break;
                    case 0:
                        store.Compact();
                        break;
                    case 1:
                        int[] visits = new int[lasting + 1];
                        CountVisitor visitor = new(visits);
                        store.Scan(ref visitor);
                        Assert.DoesNotContain(visits.Take(lasting), count => count != 1);
                        Assert.Equal(0, visitor.Torn);
                        Thread.Yield();
                        break;
                    case 2:
                        Interlocked.Add(ref missed, store.Read(Customers.Id(key), ref reader) ? 0 : 1);
                        break;
                    default:
                        Interlocked.Add(ref missed, store.Upsert(Customers.Id(key), Customers.Features(1 + random.Next(150), i), default).Created ? 1 : 0);
                        store.Upsert(Customers.Id(lasting), Customers.Features(random.Next(300) + 1, i), default);
                        store.Delete(Customers.Id(lasting), out _);
                        break;
                }
            }
        });
        Assert.Equal(0, missed);
        Assert.InRange(store.Count, lasting, lasting + 1);
    }

    [Fact]
    public void Compact_DeviceFailsToRead_ThrowsAndRecovers()
    {
        FailingLogDevice? device = null;
        using CustomerStore store = Customers.Store(device: directory => device = new FailingLogDevice(directory));
        for (int i = 0; i < 20_000; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
        }
        device!.FailReads = true;
        Assert.Throws<IOException>(() => store.Compact());
        device.FailReads = false;
        store.Compact();
        int[] visits = new int[20_000];
        CountVisitor visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(visits, count => count != 1);
    }

    [Fact]
    public void Compact_Cancelled_LosesNothing()
    {
        using CustomerStore store = Customers.Store();
        for (int i = 0; i < 20_000; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
        }
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => store.Compact(cancellation.Token));
        int[] visits = new int[20_000];
        CountVisitor visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(visits, count => count != 1);
    }

    private static void CheckAll(CustomerStore store, Dictionary<int, float[]> twin, int keys)
    {
        KeepReader reader = default;
        for (int key = 0; key < keys; key++)
        {
            Assert.Equal(twin.ContainsKey(key), store.Read(Customers.Id(key), ref reader));
            if (twin.TryGetValue(key, out float[]? features))
            {
                Assert.Equal(features, reader.Features);
            }
        }
        Assert.Equal(twin.Count, store.Count);
        int[] visits = new int[keys];
        CountVisitor visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(Enumerable.Range(0, keys), key => visits[key] != (twin.ContainsKey(key) ? 1 : 0));
    }
}
