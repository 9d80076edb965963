using ScoringEngine.Core.Decisions;

namespace ScoringEngine.Core.Tests.Decisions;

public sealed class NumberingTests
{
    [Fact]
    public void Of_Names_AreNumberedInOrdinalOrder()
    {
        Numbering numbering = Numbering.Of(["b", "a", "B", "b"]);
        Assert.Equal(["B", "a", "b"], numbering.Names);
        Assert.Equal(3, numbering.Count);
        Assert.Equal([1, 2, 3, 0], [numbering.NumberOf("B"), numbering.NumberOf("a"), numbering.NumberOf("b"), numbering.NumberOf("A")]);
        Assert.Equal(("B", "b"), (numbering.NameOf(1), numbering.NameOf(3)));
        Assert.Null(numbering.NameOf(0));
        Assert.Null(numbering.NameOf(4));
    }

    [Fact]
    public void With_FurtherNames_KeepsNumbersAndAddsToThem()
    {
        Numbering numbering = new(["z", "m"]);
        Assert.Equal(["z", "m", "a", "b"], numbering.With(["b", "m", "a"]).Names);
        Assert.Same(numbering, numbering.With(["m", "z"]));
        Assert.Equal(["z", "m"], numbering.Names);
    }

    [Fact]
    public void Constructor_NamesNotUsable_IsRefused()
    {
        Assert.StartsWith("'a' has numbers 1 and 3", Assert.Throws<ArgumentException>(() => new Numbering(["a", "b", "a"])).Message, StringComparison.Ordinal);
        Assert.StartsWith("number 2 has no name", Assert.Throws<ArgumentException>(() => new Numbering(["a", ""])).Message, StringComparison.Ordinal);
        Assert.Equal(0, new Numbering(default).Count);
        Assert.Throws<ArgumentException>(() => Numbering.Empty.With([""]));
    }
}
