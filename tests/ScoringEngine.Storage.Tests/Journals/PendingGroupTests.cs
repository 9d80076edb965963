using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;

namespace ScoringEngine.Storage.Tests.Journals;

public sealed class PendingGroupTests
{
    // Thousands of groups of a record or two wait for a flush together when the journal is flushed at intervals.
    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(10_000)]
    public void Add_AnyNumberOfRecords_TakesMemoryInProportion(int records)
    {
        PendingGroup group = new();
        group.Start(1);
        byte[] payload = new byte[150];
        for (int i = 0; i < records; i++)
        {
            payload.AsSpan().Fill((byte)i);
            group.Add(1, 0, payload, default);
        }

        Assert.InRange(group.MemoryBytes, group.Bytes, Math.Max(8192, 2 * group.Bytes));
        FaultyFiles files = new();
        files.CreateDirectory("/data");
        using IStorageFile file = files.Create("/data/group");
        group.WriteTo(file, 0);
        Assert.Equal(group.Bytes, file.Length);
        byte[] last = new byte[payload.Length];
        file.Read(last, file.Length - last.Length);
        Assert.Equal(payload, last);
    }
}
