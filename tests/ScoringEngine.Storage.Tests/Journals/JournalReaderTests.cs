using System.Buffers.Binary;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;
using static ScoringEngine.Storage.Tests.Journals.JournalFixtures;

namespace ScoringEngine.Storage.Tests.Journals;

public class JournalReaderTests
{
    private readonly FaultyFiles _files = new();

    [Fact]
    public void Read_OfNoJournal_IsEmpty()
    {
        Assert.Equal(1ul, Read(_files).Extent.NextSequence);
        Assert.Throws<StorageCorruptionException>(() => Read(_files, from: 5));
        Assert.Throws<StorageCorruptionException>(() => Read(_files, closed: new JournalPosition(5, "", 0)));
    }

    [Fact]
    public void Read_CutAtEveryByteOfTheLast64KiB_EndsWithTheLastWholeRecord()
    {
        const int Tail = 64 << 10;
        List<(long End, uint Digest)> records = [];
        Digest written = new();
        using (Journal journal = Open(_files, options: Small with { SegmentBytes = 128 << 10 }))
        {
            Random random = new(1);
            while (journal.Bytes < Tail + 5000)
            {
                byte[] payload = Payload(records.Count, 8 + random.Next(300));
                written.Record(journal.Append(3, payload), 3, payload);
                records.Add((JournalFormat.HeaderBytes + journal.Bytes, written.Value));
                if (records.Count % 3 == 0)
                {
                    journal.Flush();
                }
            }
            journal.Flush();
            _files.CrashAfter(0);
        }
        _files.Crash();
        using IStorageFile file = _files.Open(PathOf(1), write: true);
        int whole = records.Count;
        for (long length = records[^1].End; length >= records[^1].End - Tail; length--)
        {
            file.SetLength(length);
            while (records[whole - 1].End > length)
            {
                whole--;
            }
            Digest read = new();

            JournalExtent extent = JournalReader.Read(Folder, _files, Lineage, 1, null, read);

            Assert.Equal((ulong)whole + 1, extent.NextSequence);
            Assert.Equal(records[whole - 1].Digest, read.Value);
            Assert.True(extent.TornBytes <= length - records[whole - 1].End);
        }
    }

    [Fact]
    public void Read_AnyBitFlippedInAClosedJournal_IsRefusedAndRepairKeepsTheRest()
    {
        JournalPosition closed = Write(12, rotateEvery: 5);
        List<Entry> expected = Read(_files, closed: closed).Entries;
        foreach (string name in _files.List(Folder))
        {
            string path = Path.Combine(Folder, name);
            byte[] bytes = _files.Contents(path);
            for (int bit = 0; bit < bytes.Length * 8; bit++)
            {
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
                _files.SetContents(path, bytes);

                StorageCorruptionException damage = Assert.Throws<StorageCorruptionException>(() => Read(_files, closed: closed));
                (JournalExtent extent, List<Entry> kept) = Read(_files, closed: closed, repair: true);

                Assert.Equal(path, damage.File);
                Assert.InRange(damage.Offset, 0, bit / 8);
                Assert.Single(extent.Damages);
                Assert.Equal(closed.Sequence, extent.NextSequence);
                Assert.InRange(kept.Count, expected.Count - 1, expected.Count);
                Assert.Subset(expected.ToHashSet(), kept.ToHashSet());
                bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            }
            _files.SetContents(path, bytes);
        }
    }

    [Fact]
    public void Read_AnyBitFlippedAfterACrash_NeverHidesWhatALaterFlushProves()
    {
        using (Journal journal = Open(_files))
        {
            for (int i = 0; i < 6; i++)
            {
                journal.Append(1, Payload(i, 20));
                journal.Flush();
            }
            _files.CrashAfter(0);
        }
        _files.Crash();
        byte[] bytes = _files.Contents(PathOf(1));
        long last = JournalFormat.HeaderBytes + (5 * (JournalFormat.RecordHeaderBytes + 20));
        for (int bit = 0; bit < last * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            _files.SetContents(PathOf(1), bytes);
            Assert.Throws<StorageCorruptionException>(() => Read(_files));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Read_HoleWithinOneGroup_IsATornTailUnlessClosedBehindIt()
    {
        // Unflushed writes reach the device in any order.
        JournalPosition position = WriteOneGroup(10, 200);
        Overwrite(PathOf(1), JournalFormat.HeaderBytes + (4 * 220), [.. Enumerable.Repeat((byte)0, 220)]);

        (JournalExtent extent, List<Entry> entries) = Read(_files);

        Assert.Equal(4, entries.Count);
        Assert.Equal(5ul, extent.NextSequence);
        Assert.Equal(6 * 220, extent.TornBytes);
        StorageCorruptionException damage = Assert.Throws<StorageCorruptionException>(() => Read(_files, closed: position));
        Assert.StartsWith("sequence 5:", damage.Affected, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_HoleOfSeveralRecords_IsReportedAndRepairDeliversBothSides()
    {
        JournalPosition closed = Write(12);
        List<Entry> expected = Read(_files, closed: closed).Entries;
        int record = JournalFormat.RecordHeaderBytes + 24;
        Overwrite(PathOf(1), JournalFormat.HeaderBytes + (3 * record), [.. Enumerable.Repeat((byte)0xAA, (4 * record) - 7)]);

        StorageCorruptionException damage = Assert.Throws<StorageCorruptionException>(() => Read(_files));
        (JournalExtent extent, List<Entry> kept) = Read(_files, repair: true);

        Assert.Equal(PathOf(1), damage.File);
        Assert.Equal(JournalFormat.HeaderBytes + (3 * record), damage.Offset);
        Assert.StartsWith("sequences 4 to 7:", damage.Affected, StringComparison.Ordinal);
        Assert.Equal([.. expected[..3], .. expected[7..]], kept);
        JournalDamage reported = Assert.Single(extent.Damages);
        Assert.Equal((4ul, 8ul), (reported.FirstSequence, reported.EndSequence));
    }

    [Fact]
    public void Read_SegmentMissing_IsRefusedAndRepairGoesOnBehindIt()
    {
        JournalPosition closed = Write(12, rotateEvery: 4);
        List<Entry> expected = Read(_files, closed: closed).Entries;
        byte[] first = _files.Contents(PathOf(1));
        _files.Delete(PathOf(5));

        StorageCorruptionException damage = Assert.Throws<StorageCorruptionException>(() => Read(_files, closed: closed));
        Assert.StartsWith("sequences 5 to 8:", damage.Affected, StringComparison.Ordinal);
        Assert.Equal([.. expected[..4], .. expected[8..]], Read(_files, closed: closed, repair: true).Entries);
        Assert.Equal(expected[8..], Read(_files, 9, closed).Entries);

        _files.Delete(PathOf(1));
        damage = Assert.Throws<StorageCorruptionException>(() => Read(_files, 3, closed));
        Assert.StartsWith("sequences 3 to 8:", damage.Affected, StringComparison.Ordinal);
        Assert.Equal(expected[8..], Read(_files, 3, closed, repair: true).Entries);

        _files.SetContents(PathOf(1), first);
        foreach (string name in _files.List(Folder).Skip(1))
        {
            _files.Delete(Path.Combine(Folder, name));
        }
        Assert.Throws<StorageCorruptionException>(() => Read(_files, closed: closed));
        Assert.Throws<StorageCorruptionException>(() => Read(_files, from: 9));
        Assert.Equal(9ul, Read(_files, from: 9, repair: true).Extent.NextSequence);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(4096)]
    public void Read_LastSegmentJustCreated_IsFine(int length)
    {
        JournalPosition closed = Write(3);
        _files.SetContents(PathOf(closed.Sequence), new byte[length]);

        (JournalExtent extent, List<Entry> entries) = Read(_files, closed: closed);

        Assert.Equal(3, entries.Count);
        Assert.Equal(closed.Sequence, extent.NextSequence);
        using Journal journal = Open(_files, extent.NextSequence);
        Assert.Equal(closed.Sequence, journal.Append(1, [1]));
        journal.Flush();
        Assert.Equal(4, Read(_files).Entries.Count);
    }

    [Fact]
    public void Read_WhatIsNotThisJournal_IsRefusedEvenForRepair()
    {
        Write(3);
        Collector handler = new();
        InvalidDataException lineage = Assert.Throws<InvalidDataException>(() => JournalReader.Read(Folder, _files, Guid.Empty, 1, null, handler, repair: true));
        Assert.Contains("belongs to data directory", lineage.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => JournalReader.Read(Folder, _files, Lineage, 1, null, handler, repair: true, kind: 2));

        byte[] bytes = _files.Contents(PathOf(1));
        _files.SetContents(PathOf(2), bytes);
        _files.Delete(PathOf(1));
        Assert.Contains("renamed", Assert.Throws<InvalidDataException>(() => Read(_files, 2, repair: true)).Message, StringComparison.Ordinal);

        _files.Delete(PathOf(2));
        bytes[8] = 2;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(60), Crc32C.Compute(bytes.AsSpan(0, 60)));
        _files.SetContents(PathOf(1), bytes);
        Assert.Contains("format version 2", Assert.Throws<InvalidDataException>(() => Read(_files, repair: true)).Message, StringComparison.Ordinal);
        Assert.Empty(handler.Entries);
    }

    [Fact]
    public void Read_RecordInsideAPayload_IsNotTakenForOne()
    {
        // A record of another lineage, with the sequence that would prove a loss.
        byte[] forged = new byte[JournalFormat.RecordHeaderBytes];
        uint type = 1 | JournalFormat.AfterFlush;
        uint crc = JournalFormat.Seal(JournalFormat.Seed(Guid.Empty, 1), 0, 9, type);
        JournalFormat.WriteRecordHeader(forged, 0, crc, 9, type);
        using (Journal journal = Open(_files))
        {
            journal.Append(1, [1]);
            journal.Flush();
            journal.Append(1, [.. new byte[400], .. forged]);
            journal.Flush();
            _files.CrashAfter(0);
        }
        _files.Crash();
        Overwrite(PathOf(1), JournalFormat.HeaderBytes + JournalFormat.RecordHeaderBytes + 1, [0xFF]);

        (JournalExtent extent, List<Entry> entries) = Read(_files);

        Assert.Single(entries);
        Assert.Equal(2ul, extent.NextSequence);
    }

    [Fact]
    public void Read_UnreadableFile_Throws()
    {
        Write(3);
        _files.Fail(FileOperation.Read);

        Assert.IsType<IOException>(Assert.ThrowsAny<IOException>(() => Read(_files)));
    }

    /// <summary>The bytes were made from FORMAT.md by another program.</summary>
    [Fact]
    public void Bytes_OfASmallJournal_AreThoseOfTheFormat()
    {
        using (Journal journal = Open(_files, 258))
        {
            journal.Append(5, "ab"u8, "c"u8);
            journal.Close();
        }

        byte[] bytes = _files.Contents(PathOf(258));

        string[] expected =
        [
            "53454a524e4c0d0a01000000010000000f8fad5bd9cb469fa16570867728950e",
            "020100000000000000000000000000000000000000000000000000001db42d92",
            "03000000dfc0f4fa020100000000000005000080616263",
            "00000000afd1f5a1030100000000000000000080",
        ];
        Assert.Equal(string.Concat(expected), Convert.ToHexStringLower(bytes));
    }

    /// <summary>Writes records of 24 bytes, each flushed, and closes the journal.</summary>
    private JournalPosition Write(int records, int rotateEvery = int.MaxValue)
    {
        using Journal journal = Open(_files);
        for (int i = 0; i < records; i++)
        {
            journal.Append(2, Payload(i, 24));
            journal.Flush();
            if ((i + 1) % rotateEvery == 0)
            {
                journal.Rotate();
            }
        }
        return journal.Close();
    }

    /// <summary>Writes records that are flushed together, and returns a position behind them.</summary>
    private JournalPosition WriteOneGroup(int records, int length)
    {
        using (Journal journal = Open(_files, options: Small with { Durability = Durability.None }))
        {
            for (int i = 0; i < records; i++)
            {
                journal.Append(2, Payload(i, length));
            }
            journal.Flush();
            _files.CrashAfter(0);
        }
        _files.Crash();
        return new JournalPosition((ulong)records + 1, JournalFormat.FileName(1), _files.Contents(PathOf(1)).Length);
    }

    private void Overwrite(string path, int offset, ReadOnlySpan<byte> bytes)
    {
        byte[] contents = _files.Contents(path);
        bytes.CopyTo(contents.AsSpan(offset));
        _files.SetContents(path, contents);
    }

    private sealed class Digest : IJournalHandler
    {
        public uint Value { get; private set; }

        public void Record(ulong sequence, uint type, ReadOnlySpan<byte> payload)
            => Value = Crc32C.Append(Crc32C.Append(Crc32C.Append(Value, sequence), type), payload);
    }
}
