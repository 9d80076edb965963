using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Storage.Tests.Journals.JournalFixtures;

namespace ScoringEngine.Storage.Tests.Journals;

public class JournalTests
{
    [Theory]
    [InlineData(Durability.Commit)]
    [InlineData(Durability.Interval)]
    [InlineData(Durability.None)]
    public async Task Append_ThenClose_ReadsBack(Durability durability)
    {
        FaultyFiles files = new();
        List<Entry> expected = [];
        JournalPosition closed;
        using (Journal journal = Open(files, options: Small with { Durability = durability }))
        {
            for (int i = 0; i < 300; i++)
            {
                byte[] payload = Payload(i, 8 + i);
                ulong sequence = journal.Append((uint)(1 + (i % 5)), payload.AsSpan(0, i / 2), payload.AsSpan(i / 2));
                Assert.Equal((ulong)(i + 1), sequence);
                await journal.CommittedAsync(sequence);
                expected.Add(Entry.Of(sequence, (uint)(1 + (i % 5)), payload));
            }
            closed = journal.Close();
        }

        (JournalExtent extent, List<Entry> entries) = Read(files, closed: closed);

        Assert.Equal(expected, entries);
        Assert.Equal(closed.Sequence, extent.NextSequence);
        Assert.Equal(302ul, extent.NextSequence); // and a mark
        Assert.Equal(0, extent.TornBytes);
        // Without waiting for the disk the groups are as large as it happens, and a segment has whole groups.
        Assert.True(durability != Durability.Commit || files.List(Folder).Count > 5);
        Assert.Equal(closed.Segment, files.List(Folder)[^1]);
        Assert.Equal(closed.Bytes, files.Contents(Path.Combine(Folder, closed.Segment)).Length);
        Assert.Equal(expected[200..], Read(files, 201, closed).Entries);
    }
    [Fact]
    public void Append_FromSeveralThreadsOnDisk_KeepsEachThreadsOrder()
    {
        const int Threads = 4;
        const int Each = 3000;
        string folder = Directory.CreateTempSubdirectory("scoring-engine-tests-").FullName;
        try
        {
            string directory = Path.Combine(folder, "journal");
            using Journal journal = Journal.Open(directory, DiskFiles.Instance, new JournalOptions { SegmentBytes = 256 << 10 }, Lineage, 1, TimeProvider.System);
            Customers.Parallel(Threads, thread =>
            {
                for (int i = 0; i < Each; i++)
                {
                    ulong sequence = journal.Append(1 + (uint)thread, Payload(i, 8 + (i % 100)));
                    if (i % 100 == 0)
                    {
                        journal.CommittedAsync(sequence).AsTask().GetAwaiter().GetResult();
                        Assert.True(journal.CommittedSequence >= sequence);
                    }
                }
            });
            JournalPosition closed = journal.Close();

            Collector collector = new();
            JournalReader.Read(directory, DiskFiles.Instance, Lineage, 1, closed, collector);

            Assert.True(Directory.GetFiles(directory).Length > 1);
            Assert.Equal(Threads * Each, collector.Entries.Count);
            for (uint thread = 0; thread < Threads; thread++)
            {
                Assert.Equal(Enumerable.Range(0, Each).Select(i => Convert.ToHexString(Payload(i, 8 + (i % 100)))),
                    collector.Entries.Where(entry => entry.Type == 1 + thread).Select(entry => entry.Payload));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Append_LargestPayloadAndWithoutPayload_ReadBack()
    {
        FaultyFiles files = new();
        byte[] large = new byte[JournalFormat.MaximumPayloadBytes];
        new Random(1).NextBytes(large);
        using Journal journal = Open(files);
        journal.Append(1, large);
        journal.Append(JournalFormat.AfterFlush - 1, []);
        journal.Flush();

        Assert.Equal([Entry.Of(1, 1, large), Entry.Of(2, int.MaxValue, [])], Read(files).Entries);
        Assert.Throws<ArgumentOutOfRangeException>(() => { journal.Append(1, large, [1]); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { journal.Append(0, [1]); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { journal.Append(JournalFormat.AfterFlush, [1]); });
        Assert.Equal(3ul, journal.NextSequence);
    }

    [Fact]
    public async Task CommittedAsync_WithoutDurability_WaitsForTheOperatingSystem()
    {
        FaultyFiles files = new();
        using ManualResetEventSlim go = new();
        using Journal journal = Open(files, options: Small with { Durability = Durability.None });
        files.Before = (_, _) => go.Wait();
        ulong sequence = journal.Append(1, [1]);

        Task committed = journal.CommittedAsync(sequence).AsTask();
        bool early = committed.IsCompleted;
        go.Set();
        await committed;
        Assert.False(early);
        Assert.Equal(sequence, Read(files).Entries[^1].Sequence);
    }

    [Fact]
    public async Task CommittedAsync_WhileOthersWait_IsOneFlushForAll()
    {
        FaultyFiles files = new();
        using ManualResetEventSlim go = new();
        int flushes = 0;
        using Journal journal = Open(files);
        files.Before = (operation, _) =>
        {
            go.Wait();
            flushes += operation == FileOperation.Flush ? 1 : 0;
        };
        ulong[] sequences = [.. Enumerable.Range(0, 50).Select(i => journal.Append(1, Payload(i, 10)))];
        Task[] waiting = [.. sequences.Select(sequence => journal.CommittedAsync(sequence).AsTask())];
        Assert.All(waiting, task => Assert.False(task.IsCompleted));
        go.Set();

        await Task.WhenAll(waiting);

        Assert.InRange(flushes, 1, 2); // the first may have gone alone
        Assert.Equal(50ul, journal.CommittedSequence);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => journal.CommittedAsync(51).AsTask());
    }

    [Fact]
    public async Task CommittedAsync_Cancelled_LeavesTheRecord()
    {
        FaultyFiles files = new();
        using ManualResetEventSlim go = new();
        using CancellationTokenSource source = new();
        using Journal journal = Open(files);
        files.Before = (_, _) => go.Wait();
        Task waiting = journal.CommittedAsync(journal.Append(1, [1]), source.Token).AsTask();
        source.Cancel();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        go.Set();
        journal.Flush();
        Assert.Single(Read(files).Entries);
    }

    [Fact]
    public void Rotate_AndRemoveBefore_LeaveTheSegmentsThatAreNeeded()
    {
        FaultyFiles files = new();
        using Journal journal = Open(files);
        Assert.Equal(1ul, journal.Rotate());
        for (ulong first = 1; first < 30; first += 10)
        {
            for (int i = 0; i < 10; i++)
            {
                journal.Append(1, Payload(i, 10));
            }
            Assert.Equal(first + 10, journal.Rotate());
            Assert.Equal(first + 10, journal.Rotate());
        }
        Assert.Equal([1ul, 11, 21, 31], JournalReader.Segments(Folder, files).Select(segment => segment.First));

        journal.RemoveBefore(20);
        Assert.Equal([11ul, 21, 31], JournalReader.Segments(Folder, files).Select(segment => segment.First));
        journal.RemoveBefore(21);
        Assert.Equal([21ul, 31], JournalReader.Segments(Folder, files).Select(segment => segment.First));
        journal.RemoveBefore(ulong.MaxValue);
        Assert.Equal([31ul], JournalReader.Segments(Folder, files).Select(segment => segment.First));
        files.Fail(FileOperation.Delete);
        journal.Append(1, [1]);
        journal.Rotate();
        Assert.Throws<IOException>(() => journal.RemoveBefore(32));
        Assert.Null(journal.Fault);
    }

    [Fact]
    public void Open_WhereRecordsAre_IsRefused()
    {
        FaultyFiles files = new();
        using (Journal journal = Open(files))
        {
            journal.Append(1, [1]);
            journal.Rotate();
            journal.Append(1, [1]);
            journal.Close();
        }

        Assert.Throws<ArgumentException>(() => Open(files, 1));
        Assert.Throws<ArgumentException>(() => Open(files, 2));
        Assert.Equal(2, Read(files).Entries.Count);
    }

    [Fact]
    public void Append_SteadyState_AllocatesNothing()
    {
        FaultyFiles files = new();
        using Journal journal = Open(files, options: Small with { Durability = Durability.None, SegmentBytes = 1 << 20 });
        byte[] payload = Payload(1, 100);
        for (int i = 0; i < 200; i++)
        {
            journal.Append(1, payload);
        }
        journal.Flush();
        long least = long.MaxValue;
        for (int round = 0; round < 20; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 200; i++)
            {
                journal.Append(1, payload);
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        // The array pool may lose a chunk to the garbage collector now and then.
        Assert.Equal(0, least);
    }

    [Theory]
    [InlineData(0, 4096, 4096)]
    [InlineData(1, 4095, 4096)]
    [InlineData(1, (1 << 30) + 1, 4096)]
    [InlineData(1, 4096, 4095)]
    [InlineData(1, 4096, (1 << 30) + 1)]
    public void Open_OptionOutsideItsRange_Throws(int intervalTicks, long segmentBytes, long pendingBytes)
        => Assert.Throws<ArgumentOutOfRangeException>(() => Open(new FaultyFiles(), options: new JournalOptions
        {
            CommitInterval = TimeSpan.FromTicks(intervalTicks),
            SegmentBytes = segmentBytes,
            PendingBytes = pendingBytes,
        }));
}
