namespace ScoringEngine.Storage.Tests;

public class CustomerStoreSpillTests
{
    private const int BlockSize = 500;

    [Fact]
    public void ReadMany_MoreCustomersThanMemoryHolds_FindsEveryOne()
    {
        const int customers = 300_000;
        using CustomerStore store = Customers.Store(customers);
        Customers.Parallel(4, thread =>
        {
            for (int i = thread; i < customers; i += 4)
            {
                store.Upsert(Customers.Id(i), Customers.Features(8, i), default);
            }
        });
        Assert.Equal(customers, store.Count);
        Assert.True(store.Statistics.DiskBytes > 10 * store.Statistics.MemoryBytes);

        Customers.Parallel(4, thread =>
        {
            for (int block = thread; block < customers / BlockSize; block += 4)
            {
                byte[] bytes = [.. Enumerable.Range(block * BlockSize, BlockSize).SelectMany(Customers.Id)];
                int[] ends = [.. Enumerable.Range(1, BlockSize).Select(i => 8 * i)];
                CheckReader reader = new(block * BlockSize);
                Assert.Equal(BlockSize, store.ReadMany(new IdBlock(bytes, ends), ref reader));
                Assert.Equal(BlockSize, reader.Right);
            }
        });

        int[] visits = new int[customers];
        CountVisitor visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(visits, count => count != 1);
    }

    [Theory]
    [InlineData(16, 16)]
    [InlineData(17, 16)]
    [InlineData(31, 16)]
    [InlineData(33, 32)]
    public void MemoryBytes_AnyNumberOfPages_IsKept(int pages, int used)
    {
        const int customers = 30_000;
        using CustomerStore store = Customers.Store(customers, memoryBytes: (long)pages << 16);
        long most = 0;
        Customers.Parallel(2, thread =>
        {
            for (int i = thread; i < customers; i += 2)
            {
                store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
                if (thread == 0 && i % 100 == 0)
                {
                    most = Math.Max(most, store.Statistics.MemoryBytes);
                }
            }
        });
        Assert.Equal((long)used << 16, most);
        int[] visits = new int[customers];
        CountVisitor visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(visits, count => count != 1);
        KeepReader reader = default;
        for (int i = 0; i < customers; i += 7)
        {
            Assert.True(store.Read(Customers.Id(i), ref reader));
            Assert.Equal(Customers.Features(28, i), reader.Features);
        }
    }

    [Fact]
    public void Upsert_CustomersOnDisk_UpdatesDeletesAndCounts()
    {
        const int customers = 20_000;
        using CustomerStore store = Customers.Store(customers);
        for (int i = 0; i < customers; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
        }
        Customers.Parallel(4, thread =>
        {
            for (int i = thread; i < customers; i += 4)
            {
                if (i % 3 == 0)
                {
                    Assert.True(store.Delete(Customers.Id(i), out _));
                }
                else if (i % 3 == 1)
                {
                    Assert.False(store.Upsert(Customers.Id(i), Customers.Features(28, -i), default).Created);
                }
            }
        });

        int[] visits = new int[customers];
        CountVisitor visitor = new(visits);
        store.Scan(ref visitor);
        KeepReader reader = default;
        for (int i = 0; i < customers; i++)
        {
            Assert.Equal(i % 3 != 0, store.Read(Customers.Id(i), ref reader));
            Assert.Equal(i % 3 == 0 ? 0 : 1, visits[i]);
            if (i % 3 != 0)
            {
                Assert.Equal(Customers.Features(28, i % 3 == 1 ? -i : i), reader.Features);
            }
        }
        Assert.Equal(visits.Sum(), store.Count);
        Assert.True(store.Upsert(Customers.Id(0), [1], default).Created);
    }

    [Fact]
    public void Upsert_DeviceFailsToWrite_ThrowsAndReadsGoOn()
    {
        FailingLogDevice? device = null;
        using CustomerStore store = Customers.Store(device: directory => device = new FailingLogDevice(directory));
        int stored = 0;
        for (; stored < 20_000; stored++)
        {
            store.Upsert(Customers.Id(stored), Customers.Features(28, stored), default);
        }
        device!.FailWrites = true;
        IOException e = Assert.Throws<IOException>(() =>
        {
            for (; stored < 200_000; stored++)
            {
                store.Upsert(Customers.Id(stored), Customers.Features(28, stored), default);
            }
        });
        Assert.Contains("no space left on device", e.Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => store.Delete(Customers.Id(0), out _));
        Assert.Throws<IOException>(() => store.UpsertMany(new IdBlock(Customers.Id(0), [8]), [1], default));

        KeepReader reader = default;
        for (int i = 0; i < stored; i++)
        {
            Assert.True(store.Read(Customers.Id(i), ref reader));
            Assert.Equal(Customers.Features(28, i), reader.Features);
        }
        int[] visits = new int[stored];
        CountVisitor visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(visits, count => count != 1);

        Assert.False(store.WriteAgain());
        Assert.NotNull(store.Fault);
        device.FailWrites = false;
        Assert.True(store.WriteAgain());
        Assert.Null(store.Fault);
        for (int i = 0; i < 20_000; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, -i), default);
        }
        for (int i = 0; i < stored; i++)
        {
            Assert.True(store.Read(Customers.Id(i), ref reader));
            Assert.Equal(Customers.Features(28, i < 20_000 ? -i : i), reader.Features);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Members_DeviceFailsToRead_ThrowAndRecover(bool shortRead)
    {
        FailingLogDevice? device = null;
        using CustomerStore store = Customers.Store(device: directory => device = new FailingLogDevice(directory));
        for (int i = 0; i < 20_000; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
        }
        device!.ShortReads = shortRead;
        device.FailReads = !shortRead;
        KeepReader reader = default;
        CountVisitor visitor = new(new int[20_000]);
        Assert.Throws<IOException>(() => store.Read(Customers.Id(0), ref reader));
        Assert.Throws<IOException>(() => store.Upsert(Customers.Id(0), [1], default));
        Assert.Throws<IOException>(() => store.Delete(Customers.Id(0), out _));
        Assert.Throws<IOException>(() => store.Scan(ref visitor));
        Assert.True(store.Read(Customers.Id(19_999), ref reader));

        device.ShortReads = device.FailReads = false;
        Assert.True(store.Read(Customers.Id(0), ref reader));
        Assert.Equal(Customers.Features(28, 0), reader.Features);
        Assert.Equal(20_000, store.Count);
        int[] visits = new int[20_000];
        visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(visits, count => count != 1);
    }

    [Fact]
    public void Members_DeviceGivesOtherBytes_ThrowAndRecover()
    {
        FailingLogDevice? device = null;
        using CustomerStore store = Customers.Store(device: directory => device = new FailingLogDevice(directory));
        for (int i = 0; i < 20_000; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
        }
        device!.FlipReads = true;
        KeepReader reader = default;
        CountVisitor visitor = new(new int[20_000]);
        for (int i = 0; i < 200; i++)
        {
            Assert.Throws<IOException>(() => store.Read(Customers.Id(i), ref reader));
        }
        Assert.Throws<IOException>(() => store.Scan(ref visitor));

        device.FlipReads = false;
        int[] visits = new int[20_000];
        visitor = new(visits);
        store.Scan(ref visitor);
        Assert.DoesNotContain(visits, count => count != 1);
        Assert.True(store.Read(Customers.Id(0), ref reader));
        Assert.Equal(Customers.Features(28, 0), reader.Features);
    }

    [Fact]
    public void Read_WhileAnotherReadFails_Succeeds()
    {
        const int other = 10_000;
        FailingLogDevice? device = null;
        using CustomerStore store = Customers.Store(device: directory => device = new FailingLogDevice(directory));
        for (int i = 0; i < 20_000; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
        }
        using ManualResetEventSlim failed = new();
        using ManualResetEventSlim reading = new();
        device!.BeforeRead = offset =>
        {
            // Segments begin with page 0, where the first customers are.
            if (offset < 4096 && !reading.IsSet)
            {
                reading.Set();
                failed.Wait(TestContext.Current.CancellationToken);
            }
            else
            {
                throw new IOException("input/output error");
            }
        };
        Customers.Parallel(2, thread =>
        {
            KeepReader reader = default;
            if (thread == 0)
            {
                Assert.True(store.Read(Customers.Id(0), ref reader));
                Assert.Equal(Customers.Features(28, 0), reader.Features);
            }
            else
            {
                reading.Wait(TestContext.Current.CancellationToken);
                Assert.Throws<IOException>(() => store.Read(Customers.Id(other), ref reader));
                failed.Set();
            }
        });
    }

    [Fact]
    public void Upsert_DeviceFailsToReadOnce_IsTriedAgain()
    {
        FailingLogDevice? device = null;
        using CustomerStore store = Customers.Store(device: directory => device = new FailingLogDevice(directory));
        for (int i = 0; i < 20_000; i++)
        {
            store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
        }
        int reads = 0;
        device!.BeforeRead = _ =>
        {
            if (reads++ == 0)
            {
                throw new IOException("input/output error");
            }
        };

        Assert.False(store.Upsert(Customers.Id(0), [1], default).Created);

        KeepReader reader = default;
        Assert.True(store.Read(Customers.Id(0), ref reader));
        Assert.Equal([1], reader.Features!);
        Assert.Equal(20_000, store.Count);
    }

    private struct CheckReader(int first) : ICustomerBlockReader
    {
        public int Right;

        public void Read(int index, in CustomerView customer)
        {
            if (customer.Features.Length == 8 && !customer.Features.ContainsAnyExcept(first + index))
            {
                Right++;
            }
        }
    }
}
