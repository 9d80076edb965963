using System.Text;
using Grpc.Core;

namespace Grpc.Contracts.Tests;

public class MetadataTests
{
    [Theory]
    [InlineData("key", "key")]
    [InlineData("X-Request_Id.2", "x-request_id.2")]
    public void Entry_ValidKey_IsLowerCase(string key, string expected)
    {
        Metadata.Entry entry = new(key, "Value");

        Assert.Equal(expected, entry.Key);
        Assert.Equal("Value", entry.Value);
        Assert.False(entry.IsBinary);
        Assert.Equal(Encoding.ASCII.GetBytes("Value"), entry.ValueBytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData(":path")]
    [InlineData("größe")]
    [InlineData("a\n")]
    [InlineData("data-bin")]
    [InlineData("DATA-BIN")]
    public void Entry_KeyInvalidForText_Throws(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "value"));

    [Theory]
    [InlineData("data")]
    [InlineData("da ta-bin")]
    public void Entry_KeyInvalidForBytes_Throws(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, [1]));

    [Fact]
    public void Entry_Null_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry(null!, "value"));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("key", (string)null!));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("key-bin", (byte[])null!));
    }

    [Fact]
    public void Entry_Bytes_AreCopiedInAndOut()
    {
        byte[] bytes = [1, 2, 3];
        Metadata.Entry entry = new("data-bin", bytes);

        bytes[0] = 9;
        entry.ValueBytes[1] = 9;

        Assert.True(entry.IsBinary);
        Assert.Equal([1, 2, 3], entry.ValueBytes);
        Assert.Throws<InvalidOperationException>(() => entry.Value);
    }

    [Fact]
    public void Entry_ToString_ShowsTextButNotBytes()
    {
        Assert.Equal("[Entry: key=a, value=b]", new Metadata.Entry("a", "b").ToString());
        Assert.Equal("[Entry: key=a-bin, valueBytes=2 bytes]", new Metadata.Entry("a-bin", [1, 2]).ToString());
    }

    [Fact]
    public void Get_KeyTwice_AnswersTheLastAndGetAllBothInOrder()
    {
        Metadata metadata = new() { { "a", "1" }, { "b-bin", [7] }, { "a", "2" } };

        Assert.Equal("2", metadata.Get("a")?.Value);
        Assert.Equal("2", metadata.GetValue("a"));
        Assert.Equal([7], metadata.GetValueBytes("b-bin"));
        Assert.Equal(["1", "2"], metadata.GetAll("a").Select(entry => entry.Value));
    }

    [Fact]
    public void Get_KeyAbsent_AnswersNull()
    {
        Metadata metadata = [];

        Assert.Null(metadata.Get("a"));
        Assert.Null(metadata.GetValue("a"));
        Assert.Null(metadata.GetValueBytes("a"));
        Assert.Empty(metadata.GetAll("a"));
    }

    [Fact]
    public void List_EveryOperation_KeepsTheOrder()
    {
        Metadata.Entry a = new("a", "1");
        Metadata.Entry b = new("b", "2");
        Metadata.Entry c = new("c", "3");
        Metadata metadata = [a, c];

        metadata.Insert(1, b);
        Assert.Equal([a, b, c], metadata);
        metadata.RemoveAt(0);
        metadata[1] = a;
        Assert.Equal([b, a], metadata);
        Assert.Contains(a, metadata);
        Assert.Equal(1, metadata.IndexOf(a));
        Metadata.Entry[] copy = new Metadata.Entry[3];
        metadata.CopyTo(copy, 1);
        Assert.Equal([null!, b, a], copy);
        Assert.Equal(2, metadata.Count);
        Assert.True(metadata.Remove(b));
        Assert.False(metadata.Remove(b));
        metadata.Clear();
        Assert.Empty(metadata);
        Assert.False(metadata.IsReadOnly);
        Assert.Throws<ArgumentNullException>(() => metadata.Add(null!));
    }

    [Fact]
    public void Empty_AnyChange_Throws()
    {
        Metadata.Entry entry = new("a", "1");

        Assert.True(Metadata.Empty.IsReadOnly);
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add(entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("a", "1"));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("a-bin", [1]));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Insert(0, entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Remove(entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.RemoveAt(0));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty[0] = entry);
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Clear());
        Assert.Empty(Metadata.Empty);
    }
}
