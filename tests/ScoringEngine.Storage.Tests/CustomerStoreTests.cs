namespace ScoringEngine.Storage.Tests;

public class CustomerStoreTests
{
    private static readonly CustomerAttributes Attributes = new(1_700_000_000_123, SchemaVersion: 7, Consent: 0b101);

    [Fact]
    public void Read_EveryIdAndFeatureLength_ReturnsWhatWasStored()
    {
        using CustomerStore store = Customers.MemoryStore();
        for (int i = 1; i <= 128; i++)
        {
            Assert.True(store.Upsert(Customers.IdOfLength(i), Customers.Features(i % 40, i), Attributes).Created);
        }
        for (int count = 0; count <= 300; count++)
        {
            float[] features = [.. Enumerable.Range(0, count).Select(i => i % 5 == 0 ? float.NaN : i + count)];
            store.Upsert(Customers.Id(count), features, Attributes);
        }

        KeepReader reader = default;
        for (int i = 1; i <= 128; i++)
        {
            Assert.True(store.Read(Customers.IdOfLength(i), ref reader));
            Assert.Equal(Customers.Features(i % 40, i), reader.Features);
            Assert.Equal(Attributes, reader.Attributes);
        }
        for (int count = 0; count <= 300; count++)
        {
            Assert.True(store.Read(Customers.Id(count), ref reader));
            Assert.Equal([.. Enumerable.Range(0, count).Select(i => i % 5 == 0 ? float.NaN : i + count)], reader.Features!);
        }
        Assert.Equal(128 + 301, store.Count);
    }

    [Fact]
    public void Read_AbsentCustomer_ReturnsFalse()
    {
        using CustomerStore store = Customers.MemoryStore();
        store.Upsert(Customers.Id(1), [1], default);
        KeepReader reader = default;
        Assert.False(store.Read(Customers.Id(2), ref reader));
        Assert.Null(reader.Features);
    }

    [Theory]
    [InlineData(28, 28)]
    [InlineData(28, 10)]
    [InlineData(10, 28)]
    [InlineData(0, 300)]
    [InlineData(300, 0)]
    public void Upsert_StoredCustomer_ReplacesIt(int before, int after)
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[] id = Customers.Id(1);
        store.Upsert(id, Customers.Features(before, 1), default);
        KeepReader reader = default;
        store.Read(id, ref reader);
        ulong first = reader.Sequence;

        Assert.False(store.Upsert(id, Customers.Features(after, 2), Attributes).Created);

        Assert.True(store.Read(id, ref reader));
        Assert.Equal(Customers.Features(after, 2), reader.Features);
        Assert.Equal(Attributes, reader.Attributes);
        Assert.True(reader.Sequence > first);
        Assert.Equal(1, store.Count);
    }

    [Fact]
    public void Delete_ThenUpsert_InsertsAgain()
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[] id = Customers.Id(1);
        KeepReader reader = default;
        Assert.False(store.Delete(id, out _));
        for (int round = 0; round < 3; round++)
        {
            Assert.True(store.Upsert(id, [round], default).Created);
            Assert.Equal(1, store.Count);
            Assert.True(store.Delete(id, out _));
            Assert.False(store.Delete(id, out _));
            Assert.False(store.Read(id, ref reader));
            Assert.Equal(0, store.Count);
        }
    }

    [Fact]
    public void UpsertMany_AndReadMany_HandleABlock()
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[] bytes = [.. Customers.Id(1), .. Customers.Id(2), .. Customers.Id(1)];
        IdBlock ids = new(bytes, [8, 16, 24]);

        Assert.Equal(2, store.UpsertMany(ids, [1, 1, 2, 2, 3, 3], Attributes).Created);

        IdBlock asked = new([.. Customers.Id(2), .. Customers.Id(9), .. Customers.Id(1)], [8, 16, 24]);
        BlockReader reader = new(new float[3]);
        Assert.Equal(2, store.ReadMany(asked, ref reader));
        Assert.Equal([2, 0, 3], reader.FirstFeatures);
        Assert.Equal(2, store.Count);
    }

    [Fact]
    public void Members_IdOfWrongLength_Throw()
    {
        using CustomerStore store = Customers.MemoryStore();
        foreach (byte[] id in new byte[][] { [], new byte[129] })
        {
            KeepReader reader = default;
            BlockReader blockReader = new(new float[1]);
            Assert.Throws<ArgumentException>(() => store.Upsert(id, [1], default));
            Assert.Throws<ArgumentException>(() => store.Delete(id, out _));
            Assert.Throws<ArgumentException>(() => store.Read(id, ref reader));
            Assert.Throws<ArgumentException>(() => store.UpsertMany(new IdBlock(id, [id.Length]), [1], default));
            Assert.Throws<ArgumentException>(() => store.ReadMany(new IdBlock(id, [id.Length]), ref blockReader));
        }
        Assert.Equal(0, store.Count);
    }

    [Fact]
    public void Upsert_ArgumentOutOfRange_Throws()
    {
        using CustomerStore store = Customers.MemoryStore();
        Assert.Throws<ArgumentException>(() => store.Upsert(Customers.Id(1), new float[CustomerStore.MaxFeatures + 1], default));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Upsert(Customers.Id(1), [], new CustomerAttributes(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Upsert(Customers.Id(1), [], new CustomerAttributes(1L << 48)));
        Assert.Throws<ArgumentException>(() => store.UpsertMany(new IdBlock([.. "ab"u8], [1, 2]), [1, 2, 3], default));
        Assert.Throws<ArgumentException>(() => new IdBlock([.. "ab"u8], [2, 1]).Count);
        Assert.Throws<ArgumentException>(() => new IdBlock([.. "ab"u8], [1]).Count);
    }

    [Fact]
    public void Read_ReaderThrows_TheExceptionArrivesAndTheStoreGoesOn()
    {
        using CustomerStore store = Customers.MemoryStore();
        store.Upsert(Customers.Id(1), [1], default);
        ThrowingReader throwing = default;
        Assert.Throws<TimeoutException>(() => store.Read(Customers.Id(1), ref throwing));
        CallingReader calling = new(store);
        Assert.Throws<InvalidOperationException>(() => store.Read(Customers.Id(1), ref calling));

        KeepReader reader = default;
        Assert.True(store.Read(Customers.Id(1), ref reader));
        Assert.False(store.Upsert(Customers.Id(1), [2], default).Created);
    }

    [Fact]
    public void Read_SteadyState_AllocatesNothing()
    {
        using CustomerStore store = Customers.MemoryStore();
        byte[][] ids = [.. Enumerable.Range(0, 100).Select(Customers.Id)];
        float[] features = Customers.Features(28, 1);
        foreach (byte[] id in ids)
        {
            store.Upsert(id, features, default);
        }
        SumReader reader = default;
        long allocated = 0;
        // The thread may change its processor and so make a session on the way; then once more.
        for (int attempt = 0; attempt < 20; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                store.Read(ids[i % ids.Length], ref reader);
                store.Upsert(ids[i % ids.Length], features, default);
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated == 0)
            {
                break;
            }
        }
        Assert.Equal(0, allocated);
        Assert.True(reader.Sum > 0);
    }

    [Fact]
    public void Statistics_CountOutgrowsTheIndex_SaysSo()
    {
        using CustomerStore store = Customers.MemoryStore(expected: 1);
        int capacity = (int)(store.Statistics.IndexBytes / 12);
        for (int i = 0; i < capacity; i++)
        {
            store.Upsert(Customers.Id(i), [i], default);
            if (i % 100 == 0 && Math.Abs(i - (capacity * 0.8)) > 100)
            {
                Assert.Equal(i > capacity * 0.8, store.Statistics.IndexFillsUp);
            }
        }
        Assert.False(store.Statistics.IndexOutgrown);
        store.Upsert(Customers.Id(capacity), [1], default);
        Assert.True(store.Statistics.IndexOutgrown);
        Assert.Equal(capacity + 1, store.Statistics.Customers);
    }

    [Theory]
    [InlineData(1L << 19, 1, 1 << 16, "MemoryBytes")]
    [InlineData(1L << 20, 1, 1 << 19, "MemoryBytes")]
    [InlineData(1L << 20, 0, 1 << 16, "ExpectedCustomers")]
    [InlineData(1L << 20, 1, 1 << 15, "PageBytes")]
    public void Options_OutOfRange_Throw(long memoryBytes, long expected, int pageBytes, string name)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => new CustomerStore(
            new CustomerStoreOptions { MemoryBytes = memoryBytes, ExpectedCustomers = expected, PageBytes = pageBytes }));
        Assert.Equal(name, e.ParamName);
    }

    [Fact]
    public void Files_HaveNoNamesWhereTheSystemAllowsIt_AndAreGoneAfterwards()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("store-test-");
        try
        {
            CustomerStoreOptions options = new() { Directory = directory.FullName, MemoryBytes = 1 << 20, PageBytes = 1 << 16 };
            using (CustomerStore store = new(options))
            using (CustomerStore other = new(options))
            {
                for (int i = 0; i < 20_000; i++)
                {
                    store.Upsert(Customers.Id(i), Customers.Features(28, i), default);
                }
                Assert.True(store.Statistics.DiskBytes > 0);
                Assert.Equal(OperatingSystem.IsWindows(), directory.GetFiles().Length > 0);
                KeepReader reader = default;
                Assert.True(store.Read(Customers.Id(0), ref reader));
                Assert.False(other.Read(Customers.Id(0), ref reader));
            }
            Assert.Empty(directory.GetFileSystemInfos());
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private readonly struct BlockReader(float[] firstFeatures) : ICustomerBlockReader
    {
        public float[] FirstFeatures => firstFeatures;

        public void Read(int index, in CustomerView customer) => firstFeatures[index] = customer.Features[0];
    }

    private struct SumReader : ICustomerReader
    {
        public double Sum;

        public void Read(in CustomerView customer) => Sum += customer.Features[0];
    }

    private struct ThrowingReader : ICustomerReader
    {
        public void Read(in CustomerView customer) => throw new TimeoutException();
    }

    private readonly struct CallingReader(CustomerStore store) : ICustomerReader
    {
        public void Read(in CustomerView customer) => store.Delete(Customers.Id(1), out _);
    }
}
