using System.Collections.Concurrent;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Storage.Tests.Journals.JournalFixtures;

namespace ScoringEngine.Storage.Tests.Journals;

public class JournalFaultTests
{
    private readonly FaultyFiles _files = new();
    private readonly ManualTime _time = new();

    public static TheoryData<FileOperation, bool> Sites
    {
        get
        {
            TheoryData<FileOperation, bool> sites = [];
            foreach (FileOperation operation in Enum.GetValues<FileOperation>().Except([FileOperation.Open, FileOperation.Read, FileOperation.CreateDirectory, FileOperation.Delete]))
            {
                sites.Add(operation, true);
                sites.Add(operation, false);
            }
            return sites;
        }
    }

    /// <summary>The n-th operation of each kind fails, for every n there is.</summary>
    [Theory]
    [MemberData(nameof(Sites))]
    public void AnyOperationFails_NothingAcknowledgedIsLostAndServiceResumes(FileOperation operation, bool outOfSpace)
    {
        JournalUnavailableReason reason = outOfSpace ? JournalUnavailableReason.OutOfSpace : JournalUnavailableReason.InputOutput;
        int faults = 1;
        int sites = -1;
        for (int nth = 1; faults > 0; nth++, sites++)
        {
            FaultyFiles files = new();
            List<Entry> appended = [];
            faults = 0;
            using (Journal journal = Open(files, time: _time))
            {
                files.Fail(operation, nth, count: 2, outOfSpace);
                for (int i = 0; i < 40; i++)
                {
                    byte[] payload = Payload(i, 400);
                    try
                    {
                        ulong sequence = journal.Append(1, payload);
                        appended.Add(Entry.Of(sequence, 1, payload));
                        Wait(journal.CommittedAsync(sequence));
                        if (i % 15 == 14)
                        {
                            journal.Rotate();
                        }
                    }
                    catch (JournalUnavailableException e)
                    {
                        Assert.Equal(reason, e.Reason);
                        Assert.Equal(reason, journal.Fault?.Reason);
                        ulong next = journal.NextSequence;
                        Assert.Throws<JournalUnavailableException>(() => { journal.Append(1, [1]); });
                        Assert.Throws<JournalUnavailableException>(() => { journal.Rotate(); });
                        Assert.Throws<JournalUnavailableException>(journal.Flush);
                        Assert.Equal(next, journal.NextSequence);
                        faults++;
                        Resume(journal);
                        // What was told to have failed is durable by now.
                        Wait(journal.CommittedAsync(next - 1));
                    }
                }
                files.CrashAfter(0);
            }
            files.Crash();
            Assert.Equal(appended, Read(files).Entries);
        }
        Assert.True(sites > 2);
    }

    [Fact]
    public void FlushFails_TheFileIsNeverFlushedAgainAndItsTailIsSuperseded()
    {
        ConcurrentQueue<(FileOperation Operation, string Path)> operations = [];
        _files.Before = (operation, path) => operations.Enqueue((operation, path));
        JournalPosition closed;
        using (Journal journal = Open(_files, time: _time))
        {
            Wait(journal.CommittedAsync(journal.Append(1, Payload(1, 100))));
            operations.Clear();
            _files.Fail(FileOperation.Flush);
            ulong lost = journal.Append(1, Payload(2, 100));
            Assert.Throws<JournalUnavailableException>(() => Wait(journal.CommittedAsync(lost)));
            Resume(journal);
            Assert.Equal(lost, journal.CommittedSequence);
            Wait(journal.CommittedAsync(journal.Append(1, Payload(3, 100))));
            closed = journal.Close();
        }

        Assert.Equal(1, operations.Count(o => o.Operation == FileOperation.Flush && o.Path.StartsWith(PathOf(1), StringComparison.Ordinal)));
        Assert.Equal([JournalFormat.FileName(1), JournalFormat.FileName(2)], _files.List(Folder));
        Assert.Contains(Convert.ToHexString(Payload(2, 100)), Convert.ToHexString(_files.Contents(PathOf(1))), StringComparison.Ordinal);
        Assert.Equal([1ul, 2ul, 3ul], Read(_files, closed: closed).Entries.Select(entry => entry.Sequence));
    }

    /// <summary>A record that says that all before it was flushed must not reach the new segment before that is true there too.</summary>
    [Fact]
    public void FlushFails_SeveralGroupsPending_EachIsFlushedBeforeTheNext()
    {
        using ManualResetEventSlim flushing = new();
        using ManualResetEventSlim go = new();
        ConcurrentQueue<FileOperation> rewritten = [];
        using Journal journal = Open(_files, time: _time);
        _files.Before = (operation, path) =>
        {
            if (operation == FileOperation.Flush)
            {
                flushing.Set();
                go.Wait();
            }
            if (path.StartsWith(PathOf(2), StringComparison.Ordinal) && (operation is FileOperation.Write or FileOperation.Flush))
            {
                rewritten.Enqueue(operation);
            }
        };
        Wait(journal.CommittedAsync(Released(journal.Append(1, [1]))));
        flushing.Reset();
        go.Reset();
        journal.Append(1, [2]);
        flushing.Wait();
        ulong last = journal.Append(1, [3]);
        _files.Fail(FileOperation.Flush);
        Assert.Throws<JournalUnavailableException>(() => Wait(journal.CommittedAsync(Released(last))));
        Resume(journal);

        Assert.Equal(last, journal.CommittedSequence);
        Assert.Equal([FileOperation.Write, FileOperation.Flush, FileOperation.Write, FileOperation.Flush, FileOperation.Write, FileOperation.Flush], rewritten);

        ulong Released(ulong sequence)
        {
            go.Set();
            return sequence;
        }
    }

    [Fact]
    public void DiskFull_UntilSpaceIsFreed_RefusesThenGoesOn()
    {
        _files.SetContents("/data/other", new byte[100_000]);
        _files.FreeBytes = 10_000;
        ulong taken = 0;
        using Journal journal = Open(_files, time: _time);
        void Fill()
        {
            while (taken < 1000)
            {
                taken = journal.Append(1, Payload(1, 200));
                Wait(journal.CommittedAsync(taken));
            }
        }

        JournalUnavailableException full = Assert.Throws<JournalUnavailableException>(Fill);
        Assert.Equal(JournalUnavailableReason.OutOfSpace, full.Reason);
        for (int i = 0; i < 3; i++)
        {
            // Tried again, and still full.
            int changes = _files.Changes;
            Assert.True(SpinWait.SpinUntil(() =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return _files.Changes >= changes + 3;
            }, TimeSpan.FromSeconds(30)));
        }
        Assert.Equal(JournalUnavailableReason.OutOfSpace, journal.Fault?.Reason);

        _files.Delete("/data/other");
        Resume(journal);

        Assert.Equal(taken, journal.CommittedSequence);
        Assert.Equal(taken + 1, journal.Append(1, [1]));
        JournalPosition closed = journal.Close();
        Assert.Equal((int)taken + 1, Read(_files, closed: closed).Entries.Count);
    }

    [Fact]
    public void Interval_FlushFails_WhatWasWrittenSinceTheLastFlushIsWrittenOnceMore()
    {
        JournalOptions options = Small with { Durability = Durability.Interval };
        using (Journal journal = Open(_files, options: options, time: _time))
        {
            journal.Append(1, Payload(1, 100));
            journal.Flush();
            for (int i = 2; i <= 5; i++)
            {
                ulong sequence = journal.Append(1, Payload(i, 100));
                Assert.True(journal.CommittedAsync(sequence).IsCompletedSuccessfully);
            }
            _files.Fail(FileOperation.Flush);
            Assert.Throws<JournalUnavailableException>(journal.Flush);
            Assert.Equal(1ul, journal.CommittedSequence);
            Assert.Throws<JournalUnavailableException>(() => Wait(journal.CommittedAsync(5)));
            Resume(journal);
            Assert.Equal(5ul, journal.CommittedSequence);
            _files.CrashAfter(0);
        }
        _files.Crash();
        Assert.Equal(5, Read(_files).Entries.Count);
    }

    [Fact]
    public void Interval_Passes_FlushesByItself()
    {
        using Journal journal = Open(_files, options: Small with { Durability = Durability.Interval }, time: _time);
        journal.Append(1, [1]);

        Until(() => journal.CommittedSequence >= 1);
        _files.CrashAfter(0);
        journal.Dispose();
        _files.Crash();
        Assert.Single(Read(_files).Entries);
    }

    [Fact]
    public void Idle_ForASecond_LeavesOneMarkThatProvesTheLastRecord()
    {
        using (Journal journal = Open(_files, time: _time))
        {
            journal.Append(1, Payload(1, 100));
            Until(() => journal.CommittedSequence == 2);
            for (int i = 0; i < 5; i++)
            {
                _time.Advance(TimeSpan.FromSeconds(2));
                journal.Flush();
            }
            Assert.Equal(3ul, journal.NextSequence);
            _files.CrashAfter(0);
        }
        _files.Crash();
        byte[] bytes = _files.Contents(PathOf(1));
        bytes[JournalFormat.HeaderBytes + 60] ^= 1;
        _files.SetContents(PathOf(1), bytes);

        Assert.Throws<StorageCorruptionException>(() => Read(_files));
        Assert.Equal(3ul, Read(_files, repair: true).Extent.NextSequence);
    }

    [Fact]
    public void Append_MoreThanMayBePending_WaitsForTheDisk()
    {
        const int Record = 1000;
        JournalOptions options = Small with { SegmentBytes = 1 << 20 };
        long most = 0;
        using Journal journal = Open(_files, options: options, time: _time);
        _files.Before = (_, _) => most = Math.Max(most, ((long)(journal.NextSequence - 1 - journal.CommittedSequence)) * Record);

        Customers.Parallel(2, _ =>
        {
            for (int i = 0; i < 1000; i++)
            {
                journal.Append(1, new byte[Record - JournalFormat.RecordHeaderBytes]);
            }
        });
        journal.Flush();

        Assert.InRange(most, Record, options.PendingBytes);
        Assert.Equal(2000ul, journal.CommittedSequence);
    }

    [Fact]
    public void Append_WaitingForRoomWhenTheDiskFails_Throws()
    {
        using ManualResetEventSlim go = new();
        using Journal journal = Open(_files, time: _time);
        _files.Before = (_, _) => go.Wait();
        _files.Fail(FileOperation.Write);
        Task appender = Task.Run(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                journal.Append(1, new byte[1000]);
            }
        });
        Assert.True(SpinWait.SpinUntil(() => journal.Bytes > Small.PendingBytes - 2000, TimeSpan.FromSeconds(30)));
        go.Set();

        Assert.Throws<JournalUnavailableException>(() => appender.GetAwaiter().GetResult());
        Resume(journal);
        ulong last = journal.NextSequence - 1;
        Assert.Equal(last, journal.CommittedSequence);
    }

    [Fact]
    public void Close_WhenTheDiskFails_SaysSoAndDisposeDoesNot()
    {
        Journal journal = Open(_files, time: _time);
        journal.Append(1, [1]);
        journal.Flush();
        _files.Fail(FileOperation.Write, count: int.MaxValue);
        journal.Append(1, [2]);

        Assert.Throws<JournalUnavailableException>(() => { journal.Close(); });
        Assert.Throws<JournalUnavailableException>(() => { journal.Close(); });
        journal.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { journal.Append(1, [3]); });
        _files.Heal();
        Assert.Single(Read(_files).Entries);
    }

    [Fact]
    public void Close_AtFaultWhenTheDiskWorksAgain_KeepsEverything()
    {
        using Journal journal = Open(_files, time: _time);
        _files.Fail(FileOperation.Flush);
        journal.Append(1, [1]);
        Assert.Throws<JournalUnavailableException>(() => Wait(journal.CommittedAsync(1)));

        JournalPosition closed = journal.Close();

        Assert.Null(journal.Fault);
        Assert.Single(Read(_files, closed: closed).Entries);
    }

    [Theory]
    [InlineData(FileOperation.Create)]
    [InlineData(FileOperation.Write)]
    [InlineData(FileOperation.Flush)]
    [InlineData(FileOperation.Move)]
    [InlineData(FileOperation.FlushDirectory)]
    public void Open_WhenTheDiskFails_Throws(FileOperation operation)
    {
        _files.Fail(operation);

        Assert.Throws<JournalUnavailableException>(() => Open(_files));
        using Journal journal = Open(_files);
        Assert.Equal(1ul, journal.NextSequence);
        Assert.Equal([JournalFormat.FileName(1)], _files.List(Folder));
    }

    private static void Wait(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    private void Resume(Journal journal) => Until(() => journal.Fault is null);

    /// <summary>Lets time pass until something has happened.</summary>
    private void Until(Func<bool> happened) => Assert.True(SpinWait.SpinUntil(() =>
    {
        if (happened())
        {
            return true;
        }
        _time.Advance(TimeSpan.FromSeconds(1));
        return false;
    }, TimeSpan.FromSeconds(30)));
}
