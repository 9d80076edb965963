using FASTER.core;

namespace ScoringEngine.Storage.Tests;

public unsafe class LogLayoutTests
{
    /// <summary>What this project believes of FASTER's memory, against FASTER's own iterator.</summary>
    [Fact]
    public void Records_EveryIdAndValueLength_AreWhereFasterSaysTheyAre()
    {
        using LogDevice device = new(Path.GetTempPath());
        using FasterKV<SpanByte, SpanByte> faster = new(new FasterKVSettings<SpanByte, SpanByte>
        {
            LogDevice = device,
            IndexSize = 1 << 20,
            MemorySize = 1 << 24,
            PageSize = 1 << 16,
            SegmentSize = 1 << 20,
            ConcurrencyControlMode = ConcurrencyControlMode.None,
        });
        using var session = faster.For(new SpanByteFunctions<Empty>()).NewSession<SpanByteFunctions<Empty>>();
        for (int i = 0; i < 5_000; i++)
        {
            byte[] id = [.. BitConverter.GetBytes(i), .. new byte[i % 125]];
            byte[] record = new byte[i % 611];
            record.AsSpan().Fill((byte)i);
            fixed (byte* idBytes = id, recordBytes = record)
            {
                session.Upsert(SpanByte.FromPointer(idBytes, id.Length), SpanByte.FromPointer(recordBytes, record.Length));
                if (i % 7 == 0)
                {
                    session.Delete(SpanByte.FromPointer(idBytes, id.Length));
                }
            }
        }

        Func<long, long> physicalAddress = LogLayout.PhysicalAddresses(faster);
        using IFasterScanIterator<SpanByte, SpanByte> iterator = faster.Log.Scan(faster.Log.BeginAddress, faster.Log.TailAddress);
        int records = 0;
        for (; iterator.GetNext(out RecordInfo info); records++)
        {
            byte* record = (byte*)physicalAddress(iterator.CurrentAddress);
            Assert.Equal(iterator.NextAddress - iterator.CurrentAddress, LogLayout.SizeOf(record));
            Assert.Equal(LogLayout.SizeOf(record), LogLayout.SizeOf(iterator.GetKey().Length, iterator.GetValue().Length));
            Assert.Equal(iterator.GetKey().AsReadOnlySpan(), LogLayout.Id(record));
            Assert.Equal(iterator.GetValue().AsReadOnlySpan(), LogLayout.Record(record));
            Assert.Equal(!info.Tombstone, LogLayout.HoldsCustomer(record));
        }
        Assert.Equal(5_000, records);
    }

    [Fact]
    public void IndexPrefetch_InMostCases_FindsTheRecord()
    {
        const int keys = 10_000;
        using LogDevice device = new(Path.GetTempPath());
        using FasterKV<SpanByte, SpanByte> faster = new(new FasterKVSettings<SpanByte, SpanByte>
        {
            LogDevice = device,
            IndexSize = 1 << 18,
            MemorySize = 1 << 24,
            PageSize = 1 << 16,
            SegmentSize = 1 << 20,
            EqualityComparer = new IdComparer(),
            ConcurrencyControlMode = ConcurrencyControlMode.None,
        });
        using var session = faster.For(new SpanByteFunctions<Empty>()).NewSession<SpanByteFunctions<Empty>>();
        Func<long, long> physicalAddress = LogLayout.PhysicalAddresses(faster);
        IndexPrefetch prefetch = new(faster, physicalAddress);
        int found = 0;
        for (int i = 0; i < keys; i++)
        {
            byte[] id = Customers.Id(i);
            Assert.Equal(0, Found(id));
            fixed (byte* idBytes = id)
            {
                session.Upsert(SpanByte.FromPointer(idBytes, id.Length), SpanByte.FromPointer(idBytes, id.Length));
            }
            found += Found(id);
        }
        Assert.InRange(found, keys * 9 / 10, keys);

        int Found(byte[] id)
        {
            long address = prefetch.Find(IdComparer.Hash(id));
            return address > 0 && LogLayout.Id((byte*)physicalAddress(address)).SequenceEqual(id) ? 1 : 0;
        }
    }
}
