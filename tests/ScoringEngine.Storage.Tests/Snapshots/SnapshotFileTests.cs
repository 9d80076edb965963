using System.Text;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;
using ScoringEngine.Storage.Tests.Files;

namespace ScoringEngine.Storage.Tests.Snapshots;

public sealed class SnapshotFileTests
{
    private const string Path = "/data/a.snapshot";
    private static readonly Guid Lineage = new("0f8fad5b-d9cb-469f-a165-70867728950e");

    [Fact]
    public void Read_OfWhatWasWritten_GivesEveryCustomer()
    {
        FaultyFiles files = new();
        SnapshotInfo info = Write(files, customers: 5000);

        using SnapshotReader reader = new(files, Path, Lineage, info);
        List<string> ids = [];
        byte[] buffer = [];
        int requests = 0;
        while (reader.Read(ref buffer, out SnapshotBlockHeader block))
        {
            ReadOnlySpan<byte> payload = buffer.AsSpan(0, block.Length);
            if (block.Type == SnapshotBlock.Requests)
            {
                requests += block.Count;
                continue;
            }
            while (SnapshotReader.TakeCustomer(ref payload, out ReadOnlySpan<byte> id, out ReadOnlySpan<byte> record))
            {
                CustomerView customer = new(record);
                Assert.Equal(customer.Features[0], float.Parse(Encoding.UTF8.GetString(id), System.Globalization.CultureInfo.InvariantCulture));
                ids.Add(Encoding.UTF8.GetString(id));
            }
        }

        Assert.Equal(Enumerable.Range(0, 5000).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)), ids);
        Assert.Equal(1, requests);
        Assert.Equal(5000UL, reader.Totals.LastSequence);
        Assert.True(reader.Totals.Blocks > 2);
    }

    [Fact]
    public void Read_WithAnyBitFlipped_IsCorruption()
    {
        FaultyFiles files = new();
        SnapshotInfo info = Write(files, customers: 3);
        byte[] bytes = files.Contents(Path);
        Assert.Equal(info.Bytes, bytes.Length);
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            files.SetContents(Path, bytes);
            Assert.Throws<StorageCorruptionException>(() => DirectoryCheck.Read(files, Path, Lineage, info, TestContext.Current.CancellationToken));
            // Its own checksums suffice where the manifest is gone.
            Assert.Throws<StorageCorruptionException>(() => DirectoryCheck.Read(files, Path, Lineage, expected: null, TestContext.Current.CancellationToken));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Read_OfACutFile_IsCorruption()
    {
        FaultyFiles files = new();
        SnapshotInfo info = Write(files, customers: 3);
        byte[] bytes = files.Contents(Path);
        for (int length = 0; length < bytes.Length; length++)
        {
            files.SetContents(Path, bytes.AsSpan(0, length));
            Assert.Throws<StorageCorruptionException>(() => DirectoryCheck.Read(files, Path, Lineage, info, TestContext.Current.CancellationToken));
        }
        files.SetContents(Path, [.. bytes, 0]);
        Assert.Throws<StorageCorruptionException>(() => DirectoryCheck.Read(files, Path, Lineage, info, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void SkipDamage_GoesOnWithTheNextBlock()
    {
        FaultyFiles files = new();
        SnapshotInfo info = Write(files, customers: 5000);
        byte[] bytes = files.Contents(Path);
        bytes[SnapshotHeader.Bytes + SnapshotBlockHeader.Bytes + 10] ^= 1;
        files.SetContents(Path, bytes);

        using SnapshotReader reader = new(files, Path, Lineage, info);
        byte[] buffer = [];
        Assert.Throws<StorageCorruptionException>(() => reader.Read(ref buffer, out _));
        Assert.True(reader.SkipDamage());
        int customers = 0;
        while (reader.Read(ref buffer, out SnapshotBlockHeader block))
        {
            customers += block.Type == SnapshotBlock.Customers ? block.Count : 0;
        }

        Assert.InRange(customers, 1, 4999);
        Assert.Equal(5000, reader.Totals.Customers);
    }

    [Fact]
    public void Manifest_WithAnyBitFlipped_IsCorruption()
    {
        Manifest manifest = new()
        {
            Lineage = Lineage,
            ErasureSalt = new string('a', 64),
            Erasures = 3,
            Generations = [new SnapshotInfo("a", 1, "00000000", 2, 3, 4, DateTimeOffset.UnixEpoch)],
            Closed = new JournalPosition(7, "b", 8),
        };
        byte[] bytes = manifest.Encode();
        Manifest read = Manifest.Decode(bytes, "MANIFEST");
        Assert.Equal(manifest.Generations, read.Generations);
        Assert.Equal(manifest, read with { Generations = manifest.Generations });
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<StorageCorruptionException>(() => Manifest.Decode(bytes, "MANIFEST"));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<StorageCorruptionException>(() => Manifest.Decode(bytes.AsSpan(0, length), "MANIFEST"));
        }
    }

    [Fact]
    public void Manifest_OfANewerFormat_IsRefusedAsSuch()
    {
        byte[] bytes = new Manifest { Format = Manifest.CurrentFormat + 1, Lineage = Lineage, ErasureSalt = "" }.Encode();

        Assert.Equal(DataDirectoryProblem.NewerFormat, Assert.Throws<DataDirectoryException>(() => Manifest.Decode(bytes, "MANIFEST")).Problem);
    }

    [Fact]
    public void ErasureRegister_WithAnyBitFlipped_IsCorruption()
    {
        FaultyFiles files = new();
        files.CreateDirectory("/data");
        byte[] salt = [.. Enumerable.Range(0, ErasureRegister.SaltBytes).Select(i => (byte)i)];
        ErasureRegister register = new(files, "/data/erasures", salt);
        register.Add("anna"u8, 5);
        register.Add("bert"u8, 4);
        Assert.Equal(2, register.Save(journal: null));
        register.Add("bert"u8, 4);
        Assert.Equal(2, register.Save(journal: null));
        Assert.Equal([new Erasure(ErasureRegister.HashOf("bert"u8, salt), 4), new Erasure(ErasureRegister.HashOf("anna"u8, salt), 5)],
            ErasureRegister.Read(files, "/data/erasures", salt));

        byte[] bytes = files.Contents("/data/erasures");
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            files.SetContents("/data/erasures", bytes);
            Assert.Throws<StorageCorruptionException>(() => ErasureRegister.Read(files, "/data/erasures", salt));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    private static SnapshotInfo Write(IStorageFiles files, int customers)
    {
        files.CreateDirectory("/data");
        using SnapshotWriter writer = new(files, Path, new SnapshotHeader(Lineage, 10_000, 20_000, 1));
        byte[] record = new byte[CustomerRecord.Bytes(28)];
        for (int i = 0; i < customers; i++)
        {
            float[] features = new float[28];
            features.AsSpan().Fill(i);
            CustomerRecord.Write(record, (ulong)i + 1, default, features);
            writer.Visit(Encoding.UTF8.GetBytes(i.ToString(System.Globalization.CultureInfo.InvariantCulture)), new CustomerView(record));
        }
        writer.Add(SnapshotBlock.Requests, 1, new byte[RecentRequests.EntryBytes]);
        return writer.Finish();
    }
}
