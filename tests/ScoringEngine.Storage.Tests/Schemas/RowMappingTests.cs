using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Storage.Schemas;
using static ScoringEngine.Storage.Tests.Schemas.Columns;

namespace ScoringEngine.Storage.Tests.Schemas;

public sealed class RowMappingTests
{
    private const float Missing = float.NaN;

    private static readonly FeatureSchema First = Schema(Number(1, "tenure"), Category(2, "plan", "basic", "plus"), Flag(3, "has_app"));

    [Fact]
    public void Map_SameColumnsAndCodes_CopiesTheCustomer()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);

        Assert.Equal([12, 1, Missing], Row(schemas.MapTo(First), 1, 12, 1, Missing));
    }

    [Fact]
    public void Map_LongerRow_SetsTheCustomerFeaturesOnly()
    {
        StoredSchemas schemas = new();
        FeatureSchema target = Schema([.. First.Features, Category(8, "channel", "web") with { Context = true, Default = 0 }]);
        schemas.Adopt(target);
        float[] row = [-1, -1, -1, -1];

        schemas.MapTo(target).Map(1, [12, 1, Missing], row);

        Assert.Equal([12, 1, Missing, -1], row);
    }

    [Fact]
    public void Map_FeaturesAddedRemovedReorderedRenamed_GoesById()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        FeatureSchema now = Schema(Flag(3, "app") with { Formerly = ["has_app"] }, Number(9, "tenure"), Category(2, "plan", "basic", "plus"));
        schemas.Adopt(now);

        Assert.Equal([1, Missing, 0], Row(schemas.MapTo(now), 1, 12, 0, 1));
        Assert.Equal([1, 7, 0], Row(schemas.MapTo(now), 2, 1, 7, 0));
        Assert.Equal([Missing, 0, 1], Row(schemas.MapTo(First), 2, 1, 7, 0));
    }

    [Fact]
    public void Map_CategoriesInOtherOrder_GoesByName()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        RowMapping mapping = schemas.MapTo(Schema(Number(1, "tenure"), Category(2, "plan", "plus", "premium", "basic"), Flag(3, "has_app")));

        Assert.Equal([0, 2, 1], Row(mapping, 1, 0, 0, 1));
        Assert.Equal([0, 0, 1], Row(mapping, 1, 0, 1, 1));
        Assert.Equal([0, Missing, 1], Row(mapping, 1, 0, Missing, 1));
    }

    [Fact]
    public void Map_CategoryTheModelDoesNotKnow_IsMissingForItAndReadByOneThatDoes()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        RowMapping first = schemas.MapTo(First);
        float premium = schemas.CategoriesOf(2).GetOrAdd("premium");
        FeatureSchema other = Schema(Category(2, "plan", "basic"));

        Assert.Equal([5, Missing, 0], Scored(First, Row(first, 1, 5, premium, 0)));
        Assert.Equal([Missing], Row(schemas.MapTo(other), 1, 5, premium, 0));

        FeatureSchema next = Schema(Number(1, "tenure"), Category(2, "plan", "plus", "basic", "premium"), Flag(3, "has_app"));
        schemas.Adopt(next);
        Assert.Equal([5, 2, 0], Row(schemas.MapTo(next), 1, 5, premium, 0));
        Assert.Equal([5, Missing, 0], Scored(First, Row(first, 1, 5, premium, 0)));
    }

    [Fact]
    public void Map_CategoryAddedLater_IsFoundByName()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        RowMapping mapping = schemas.MapTo(Schema(Category(2, "plan", "late", "plus")));
        Assert.Equal([1], Row(mapping, 1, 0, 1, 0));

        for (int i = 0; i < 100; i++)
        {
            float other = schemas.CategoriesOf(2).GetOrAdd(i.ToString(CultureInfo.InvariantCulture));
            Assert.Equal([Missing], Row(mapping, 1, 0, other, 0));
        }

        Assert.Equal([0], Row(mapping, 1, 0, schemas.CategoriesOf(2).GetOrAdd("late"), 0));
    }

    [Fact]
    public void Map_VersionAdoptedLater_IsRead()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        RowMapping mapping = schemas.MapTo(First);
        Row(mapping, 1, 1, 1, 1);

        ushort later = schemas.Adopt(Schema(Flag(3, "has_app"), Category(2, "plan", "premium", "plus"), Number(6, "spend")));

        Assert.Equal([Missing, 1, 0], Row(mapping, later, 0, 1, 9));
        Assert.Equal([Missing, Missing, 0], Scored(First, Row(mapping, later, 0, 2, 9)));
    }

    [Fact]
    public void Map_TwoTargetsOverOneStore_EachHasItsOwnRow()
    {
        StoredSchemas schemas = new();
        FeatureSchema second = Schema(Category(2, "plan", "plus", "basic"), Number(4, "spend"));
        ushort one = schemas.Adopt(First);
        ushort two = schemas.Adopt(second);
        RowMapping toFirst = schemas.MapTo(First);
        RowMapping toSecond = schemas.MapTo(second);
        float basic = schemas.CategoriesOf(2).CodeOf("basic");

        Assert.Equal([3, 0, 1], Row(toFirst, one, 3, basic, 1));
        Assert.Equal([1, Missing], Row(toSecond, one, 3, basic, 1));
        Assert.Equal([Missing, 0, Missing], Row(toFirst, two, basic, 8));
        Assert.Equal([1, 8], Row(toSecond, two, basic, 8));
    }

    [Fact]
    public void LayoutOf_AVersion_KeepsTheStoresCodes()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        float premium = schemas.CategoriesOf(2).GetOrAdd("premium");
        ushort version = schemas.Adopt(Schema(Number(6, "spend"), Category(2, "plan", "plus"), Number(1, "tenure")));
        StoredLayout mapping = schemas.LayoutOf(version);

        Assert.Equal((3, version), (mapping.Count, mapping.SchemaVersion));
        Assert.Equal([Missing, premium, 24], Row(mapping, 1, 24, premium, 1));
        Assert.Equal([1, premium, 24], Row(mapping, version, 1, premium, 24));
        Assert.Equal([24, premium, Missing], Row(schemas.LayoutOf(1), version, 1, premium, 24));
        Assert.Throws<InvalidDataException>(() => schemas.LayoutOf(3));
    }

    [Fact]
    public void Map_DamagedRecord_IsRefused()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        RowMapping identity = schemas.MapTo(First);
        RowMapping other = schemas.MapTo(Schema(Category(2, "plan", "plus")));

        AssertRefused("no schema version 0, the store has 1", identity, 0, 1, 1, 1);
        AssertRefused("no schema version 2, the store has 1", identity, 2, 1, 1, 1);
        AssertRefused("a record of schema version 1 has 2 features, expected 3", identity, 1, 1, 1);
        AssertRefused("a record of schema version 1 has 4 features, expected 3", other, 1, 1, 1, 1, 1);
        foreach (float code in new[] { 2, -1, 0.5f, float.PositiveInfinity, float.MaxValue })
        {
            AssertRefused(FormattableString.Invariant($"a record has category code {code} in feature 'plan', expected one of 2"), other, 1, 1, code, 1);
        }
        Assert.ThrowsAny<ArgumentException>(() => identity.Map(1, [1, 1, 1], new float[2]));
        Assert.ThrowsAny<ArgumentException>(() => other.Map(1, [1, 1, 1], []));
    }

    [Fact]
    public void Map_InAReader_ReadsTheStoredCustomer()
    {
        using CustomerStore store = Customers.MemoryStore();
        StoredSchemas schemas = new();
        FeatureSchema second = Schema(Number(4, "spend"), Number(1, "tenure"));
        store.Upsert("a"u8, [7, 1, 0], new CustomerAttributes(5, schemas.Adopt(First)));
        store.Upsert("b"u8, [3, 9], new CustomerAttributes(6, schemas.Adopt(second)));
        store.Upsert("c"u8, [3, 9], new CustomerAttributes(6, SchemaVersion: 9));
        MapReader reader = new(schemas.MapTo(second));

        Assert.True(store.Read("a"u8, ref reader));
        Assert.Equal([Missing, 7], reader.Row);
        Assert.True(store.Read("b"u8, ref reader));
        Assert.Equal([3, 9], reader.Row);
        Assert.Throws<InvalidDataException>(() => store.Read("c"u8, ref reader));
    }

    [Fact]
    public void LayoutOf_TheVersionOfNow_IsWhatAPatchBringsACustomerTo()
    {
        using CustomerStore store = Customers.MemoryStore();
        StoredSchemas schemas = new();
        store.Upsert("a"u8, [7, 1, 0], new CustomerAttributes(5, schemas.Adopt(First), Consent: 3));
        StoredLayout now = schemas.LayoutOf(schemas.Adopt(Schema(Number(4, "spend"), Flag(3, "has_app"), Category(2, "plan", "plus"))));

        Assert.True(store.Patch("a"u8, [0], [99], 6, now, out _));
        Assert.True(store.Patch("a"u8, [1], [1], 7, now, out _));

        KeepReader reader = default;
        Assert.True(store.Read("a"u8, ref reader));
        Assert.Equal([99, 1, 1], reader.Features!);
        Assert.Equal(new CustomerAttributes(7, 2, 3), reader.Attributes);
        store.Upsert("b"u8, [7], new CustomerAttributes(5, 1));
        Assert.Throws<InvalidDataException>(() => store.Patch("b"u8, [0], [99], 6, now, out _));
    }

    [Fact]
    public void Map_AnyHistory_EqualsTheNaiveTwin()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            new History(seed).Run();
        }
    }

    [Fact]
    public void Map_CategoriesArriveMeanwhile_EveryThreadReadsThemByName()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(Schema(Category(1, "city")));
        string[] names = [.. Enumerable.Range(0, 3000).Select(i => $"city {i}")];
        RowMapping mapping = schemas.MapTo(Schema(Category(1, "city", [.. names.Reverse().Take(2000)])));

        Customers.Parallel(4, thread =>
        {
            float[] row = new float[1];
            for (int i = 0; i < names.Length; i++)
            {
                int name = (i + (thread * 700)) % names.Length;
                mapping.Map(1, [schemas.CategoriesOf(1).GetOrAdd(names[name])], row);
                Assert.Equal(name < 1000 ? Missing : names.Length - 1 - name, row[0]);
            }
        });
    }

    [Fact]
    public void Map_AgainAndAgain_AllocatesNothing()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        float[] row = new float[3];
        float[] stored = [1, 1, 1];
        RowMapping[] mappings = [schemas.MapTo(First), schemas.LayoutOf(1), schemas.MapTo(Schema(Category(2, "plan", "plus"), Number(7, "spend"), Number(1, "tenure")))];
        long Bytes()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (RowMapping mapping in mappings)
            {
                mapping.Map(1, stored, row);
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Bytes();

        Assert.Equal(0, Bytes());
        Assert.Equal([0, Missing, 1], row);
    }

    private static float[] Row(RowMapping mapping, ushort version, params float[] stored)
    {
        float[] row = new float[mapping.Count];
        mapping.Map(version, stored, row);
        return row;
    }

    private static float[] Scored(FeatureSchema schema, float[] row)
    {
        schema.DropUnknownCategories(row);
        return row;
    }

    private static void AssertRefused(string message, RowMapping mapping, ushort version, params float[] stored)
        => Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Row(mapping, version, stored)).Message);

    private struct MapReader(RowMapping mapping) : ICustomerReader
    {
        public float[] Row { get; } = new float[mapping.Count];

        public void Read(in CustomerView customer) => mapping.Map(in customer, Row);
    }

    /// <summary>
    /// A store that lives through random schemas: customers are written under the schema of the day and, beside it, kept as
    /// values by feature id and category name. Whoever reads them must find the latter.
    /// </summary>
    private sealed class History(int seed)
    {
        private static readonly string[] Names = [.. "abcdefgh".Select(c => $"{c}")];

        private readonly StoredSchemas _schemas = new();
        private readonly List<(ushort Version, float[] Stored, Dictionary<int, object> Values)> _customers = [];
        private readonly List<(FeatureSchema Target, RowMapping Mapping)> _models = [];
        private SeededRandom _random = new(seed);

        public void Run()
        {
            for (int day = 0; day < 8; day++)
            {
                FeatureSchema schema = AnySchema();
                ushort version = _schemas.Adopt(schema);
                _models.Add((schema, _schemas.MapTo(schema)));
                for (int i = 0; i < 10; i++)
                {
                    _customers.Add(AnyCustomer(version, schema));
                }
                foreach ((FeatureSchema target, RowMapping mapping) in _models)
                {
                    foreach ((ushort written, float[] stored, Dictionary<int, object> values) in _customers)
                    {
                        Assert.Equal(Naive(target, values), Scored(target, Row(mapping, written, stored)));
                    }
                }
            }
        }

        // Odd ids are categorical. Half of the schemas keep the order of ids and of categories, so that the short way is taken, too.
        private FeatureSchema AnySchema()
        {
            int[] ids = [.. Enumerable.Range(1, 6).Where(_ => _random.Next(3) > 0)];
            string[] categories = Names[..(2 + _random.Next(5))];
            if (_random.Next(2) == 0)
            {
                _random.Shuffle<int>(ids);
                _random.Shuffle<string>(categories);
            }
            return Schema([.. ids.Select(id => id % 2 == 1 ? Category(id, $"f{id}", categories) : Number(id, $"f{id}"))]);
        }

        private (ushort, float[], Dictionary<int, object>) AnyCustomer(ushort version, FeatureSchema schema)
        {
            Dictionary<int, object> values = [];
            float[] stored = new float[schema.Count];
            for (int f = 0; f < stored.Length; f++)
            {
                Feature feature = schema.Features[f];
                if (_random.Next(4) == 0)
                {
                    stored[f] = Missing;
                }
                else if (feature.Kind == FeatureKind.Categorical)
                {
                    string name = Names[_random.Next(Names.Length)];
                    values[feature.Id] = name;
                    stored[f] = _schemas.CategoriesOf(feature.Id).GetOrAdd(name);
                }
                else
                {
                    values[feature.Id] = stored[f] = _random.Next(1000);
                }
            }
            return (version, stored, values);
        }

        private static float[] Naive(FeatureSchema target, Dictionary<int, object> values) => [.. target.Features.Select(f =>
            !values.TryGetValue(f.Id, out object? value) ? Missing
                : value is string name ? (f.Categories.IndexOf(name) is >= 0 and int code ? code : Missing) : (float)value)];
    }
}
