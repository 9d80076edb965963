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
}
