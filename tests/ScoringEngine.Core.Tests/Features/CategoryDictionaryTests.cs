using System.Text;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

public sealed class CategoryDictionaryTests
{
    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus"] },
        new Feature { Id = 2, Name = "tenure", Kind = FeatureKind.Numeric },
        new Feature { Id = 3, Name = "region", Kind = FeatureKind.Categorical },
    ]);

    [Fact]
    public void Constructor_SchemaWithCategories_GivesThemTheFirstCodes()
    {
        CategoryDictionary dictionary = new(Schema);
        Assert.Equal([0, 1, -1], new[] { "basic", "plus", "pro" }.Select(name => dictionary.CodeOf(0, name)));
        Assert.Equal(["basic", "plus"], dictionary.NamesOf(0).ToArray());
        Assert.True(dictionary.NamesOf(2).IsEmpty);
        Assert.Same(Schema, dictionary.Schema);
    }

    [Fact]
    public void GetOrAdd_NewNames_AppendsAndKeepsEveryCode()
    {
        CategoryDictionary dictionary = new(Schema);
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(i, dictionary.GetOrAdd(2, $"region {i}"));
            Assert.Equal($"region {i}", dictionary.NameOf(2, i));
        }
        Assert.Equal(Enumerable.Range(0, 1000), Enumerable.Range(0, 1000).Select(i => dictionary.GetOrAdd(2, $"region {i}")));
        Assert.Equal(2, dictionary.GetOrAdd(0, "pro"));
        Assert.Equal(0, dictionary.GetOrAdd(0, "basic"));
        Assert.Equal(3, dictionary.GetOrAdd(0, "Basic"));
        Assert.Equal(["basic", "plus", "pro", "Basic"], dictionary.NamesOf(0).ToArray());
    }

    [Fact]
    public void NamesOf_TakenBeforeAnAppend_DoesNotChange()
    {
        CategoryDictionary dictionary = new(Schema);
        ReadOnlySpan<string> before = dictionary.NamesOf(0);
        dictionary.GetOrAdd(0, "pro");
        Assert.Equal(["basic", "plus"], before.ToArray());
    }

    [Fact]
    public void NameOf_UnknownCode_IsNull()
    {
        CategoryDictionary dictionary = new(Schema);
        Assert.Null(dictionary.NameOf(0, 2));
        Assert.Null(dictionary.NameOf(0, -1));
        Assert.Null(dictionary.NameOf(0, int.MaxValue));
    }

    [Fact]
    public void GetOrAdd_FeatureThatIsNotCategorical_IsRefused()
    {
        CategoryDictionary dictionary = new(Schema);
        ArgumentException error = Assert.Throws<ArgumentException>(() => dictionary.GetOrAdd(1, "x"));
        Assert.StartsWith("feature 'tenure' is not categorical", error.Message);
        Assert.Throws<ArgumentException>(() => { dictionary.NamesOf(1); });
        Assert.Throws<ArgumentException>(() => dictionary.GetOrAdd(1, "x"u8));
    }

    public static TheoryData<string> Names =>
    [
        "a", "north west", "Zürich", "東京", "🙂", "", new string('x', 127), new string('x', 128), new string('x', 129),
        new string('ü', 128), new string('ü', 129), string.Concat(Enumerable.Repeat("🙂", 64)), string.Concat(Enumerable.Repeat("🙂", 65)),
        new string('漢', 5000),
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public void GetOrAdd_TextAndUtf8_Agree(string name)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(name);
        CategoryDictionary textFirst = new(Schema);
        int code = textFirst.GetOrAdd(2, name);
        Assert.Equal(code, textFirst.GetOrAdd(2, utf8));
        CategoryDictionary utf8First = new(Schema);
        code = utf8First.GetOrAdd(2, utf8);
        Assert.Equal(code, utf8First.GetOrAdd(2, utf8));
        Assert.Equal(code, utf8First.CodeOf(2, name));
        Assert.Equal(name, utf8First.NameOf(2, code));
    }

    [Fact]
    public void GetOrAdd_ManyThreadsAddTheSameNames_AllGetTheSameCodes()
    {
        const int Threads = 8;
        const int Categories = 2000;
        CategoryDictionary dictionary = new(Schema);
        int[][] codes = new int[Threads][];
        using Barrier barrier = new(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            codes[t] = new int[Categories];
            barrier.SignalAndWait();
            for (int i = 0; i < Categories; i++)
            {
                int name = (i + (t * 250)) % Categories;
                int code = (i + t) % 2 == 0 ? dictionary.GetOrAdd(2, $"n{name}") : dictionary.GetOrAdd(2, Encoding.UTF8.GetBytes($"n{name}"));
                codes[t][name] = code;
                if (dictionary.NameOf(2, code) != $"n{name}")
                {
                    codes[t][name] = -1;
                }
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.All(codes, c => Assert.Equal(codes[0], c));
        Assert.Equal(Enumerable.Range(0, Categories), codes[0].Order());
        Assert.Equal(Enumerable.Range(0, Categories).Select(i => $"n{i}").Order(StringComparer.Ordinal), dictionary.NamesOf(2).ToArray().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void GetOrAdd_MoreThanTheLimit_IsRefusedAndKnownOnesStillWork()
    {
        CategoryDictionary dictionary = new(Schema);
        for (int i = 0; i < CategoryCodes.MaxCategories; i++)
        {
            dictionary.GetOrAdd(2, i.ToString());
            Assert.Equal(i + 1, dictionary.NamesOf(2).Length); // as cheap after every addition
        }
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => dictionary.GetOrAdd(2, "one more"));
        Assert.Equal("feature 'region' has 1000000 categories already, 'one more' does not fit", error.Message);
        Assert.Equal(999_999, dictionary.GetOrAdd(2, "999999"u8));
        Assert.Equal(-1, dictionary.CodeOf(2, "one more"));
    }
}
