using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Storage.Tests.Journals.JournalFixtures;

namespace ScoringEngine.Storage.Tests.Journals;

/// <summary>Several lives of a journal that end in crashes, against a plain list of what was appended and what was acknowledged.</summary>
public class JournalCrashTests
{
    private const int Seeds = 400;

    [Theory]
    [InlineData(Durability.Commit, false)]
    [InlineData(Durability.Commit, true)]
    [InlineData(Durability.Interval, false)]
    [InlineData(Durability.Interval, true)]
    [InlineData(Durability.None, false)]
    public void Read_AfterCrashes_GivesWhatWasAcknowledgedAndNothingElse(Durability durability, bool faults)
        => Customers.Parallel(2, thread =>
        {
            for (int seed = thread; seed < Seeds; seed += 2)
            {
                try
                {
                    new Simulation(seed, durability, faults).Run();
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
                }
            }
        });

    /// <summary>The only segment has no records, and is made anew.</summary>
    [Fact]
    public void Open_CrashAtAnyPoint_NeverLeavesTheJournalWithoutItsEnd()
    {
        for (int changes = 0; changes < 10; changes++)
        {
            for (int seed = 0; seed < 10; seed++)
            {
                FaultyFiles files = new();
                using (Journal journal = Open(files))
                {
                    journal.Append(1, [1]);
                    journal.Rotate();
                    journal.RemoveBefore(2);
                    files.CrashAfter(0);
                }
                files.Crash();
                files.CrashAfter(changes);
                try
                {
                    Open(files, 2).Dispose();
                }
                catch (JournalUnavailableException)
                {
                    // It came to its end before.
                }
                files.CrashAfter(0);
                files.Crash(new Random(seed));

                Assert.Equal(2ul, Read(files, 2).Extent.NextSequence);
            }
        }
    }

    /// <summary>A killed process leaves records that can be read but are not on the device. What follows them is acknowledged, so they must get there first.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_AfterAKill_MakesDurableWhatItGoesOnFrom(bool flushFailed)
    {
        FaultyFiles files = new();
        using (Journal journal = Open(files, options: Small with { Durability = flushFailed ? Durability.Commit : Durability.None }))
        {
            if (flushFailed)
            {
                files.Fail(FileOperation.Flush);
            }
            journal.Append(1, Payload(1, 1000));
            Assert.True(SpinWait.SpinUntil(() => flushFailed ? journal.Fault is not null : journal.CommittedSequence == 1, TimeSpan.FromSeconds(10)));
            files.CrashAfter(0);
        }
        files.Kill();
        Assert.Equal(2ul, Read(files).Extent.NextSequence);
        using (Journal journal = Open(files, 2))
        {
            journal.Append(1, Payload(2, 1000));
            journal.Flush();
            files.CrashAfter(0);
        }
        files.Crash();

        Assert.Equal([Entry.Of(1, 1, Payload(1, 1000)), Entry.Of(2, 1, Payload(2, 1000))], Read(files).Entries);
    }

    private sealed class Simulation(int seed, Durability durability, bool faults)
    {
        private readonly Random _random = new(seed);
        private readonly FaultyFiles _files = new();
        private readonly SortedDictionary<ulong, Entry> _appended = [];
        private ulong _acknowledged;
        private ulong _removedBefore = 1;
        private JournalPosition? _closed;
        private ulong _next = 1;

        public void Run()
        {
            for (int life = 0; life < 4; life++)
            {
                Live();
                Recover();
            }
        }

        private void Live()
        {
            ManualTime time = new();
            _files.CrashAfter(_random.Next(60));
            try
            {
                using Journal journal = Open(_files, _next, Small with { Durability = durability }, time, _closed);
                // What was found is on the device from here on, also after a kill.
                _acknowledged = _next - 1;
                _closed = null;
                int actions = _random.Next(40);
                for (int i = 0; i < actions; i++)
                {
                    Act(journal, time);
                }
                if (_random.Next(4) == 0)
                {
                    _closed = journal.Close();
                    _acknowledged = Math.Max(_acknowledged, _closed.Value.Sequence - 1);
                }
                // What ends here does not close its journal.
                _files.CrashAfter(0);
            }
            catch (JournalUnavailableException)
            {
                _files.CrashAfter(0);
            }
            if (_random.Next(3) == 0)
            {
                _files.Kill();
            }
            else
            {
                _files.Crash(_random.Next(10) == 0 ? null : _random);
            }
        }

        private void Act(Journal journal, ManualTime time)
        {
            try
            {
                switch (_random.Next(faults ? 10 : 8))
                {
                    case <= 3:
                        for (int count = _random.Next(8); count >= 0; count--)
                        {
                            byte[] payload = Payload(_random.Next(), 8 + _random.Next(_random.Next(10) == 0 ? 3000 : 300));
                            ulong sequence = journal.Append(7, payload);
                            _appended[sequence] = Entry.Of(sequence, 7, payload);
                        }
                        break;
                    case 4 when _appended.Count > 0:
                        ulong last = _appended.Keys.Last();
                        journal.CommittedAsync(last).AsTask().GetAwaiter().GetResult();
                        _acknowledged = durability == Durability.Commit ? Math.Max(_acknowledged, last) : _acknowledged;
                        break;
                    case 5:
                        ulong end = journal.NextSequence;
                        journal.Flush();
                        _acknowledged = Math.Max(_acknowledged, end - 1);
                        break;
                    case 6:
                        ulong first = journal.Rotate();
                        Assert.True(first <= journal.NextSequence);
                        break;
                    case 7 when _acknowledged > 0:
                        ulong before = 1 + (ulong)_random.NextInt64((long)_acknowledged);
                        _removedBefore = Math.Max(_removedBefore, before);
                        journal.RemoveBefore(before);
                        break;
                    case 8:
                        _files.Fail((FileOperation)_random.Next((int)FileOperation.FlushDirectory + 1), 1 + _random.Next(3), 1 + _random.Next(3), _random.Next(2) == 0);
                        break;
                    default:
                        time.Advance(TimeSpan.FromSeconds(1));
                        break;
                }
            }
            catch (IOException)
            {
                // Refused, or not acknowledged: nothing is known of it.
            }
        }

        private void Recover()
        {
            (JournalExtent extent, List<Entry> entries) = Read(_files, _removedBefore, _closed);
            Assert.True(extent.NextSequence > _acknowledged, $"{extent.NextSequence} after {_acknowledged}");
            Assert.Empty(extent.Damages);
            Assert.Equal(_appended.Values.Where(entry => entry.Sequence >= _removedBefore && entry.Sequence < extent.NextSequence), entries);
            // What was not acknowledged is gone, and its numbers are given out anew.
            foreach (ulong sequence in _appended.Keys.Where(sequence => sequence >= extent.NextSequence).ToList())
            {
                _appended.Remove(sequence);
            }
            _next = extent.NextSequence;
        }
    }
}
