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
        Assert.True(files.List(Folder).Count > 5);
        Assert.Equal(closed.Segment, files.List(Folder)[^1]);
        Assert.Equal(closed.Bytes, files.Contents(Path.Combine(Folder, closed.Segment)).Length);
        Assert.Equal(expected[200..], Read(files, 201, closed).Entries);
    }
}
