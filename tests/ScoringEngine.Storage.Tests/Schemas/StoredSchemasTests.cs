using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Schemas;
using static ScoringEngine.Storage.Tests.Schemas.Columns;

namespace ScoringEngine.Storage.Tests.Schemas;

public sealed class StoredSchemasTests
{
    private static readonly FeatureSchema First = Schema(
        Number(1, "tenure"), Category(2, "plan", "basic", "plus"), Flag(3, "has_app"), Category(4, "channel", "web", "phone") with { Context = true });

    [Fact]
    public void Adopt_FirstSchema_IsVersionOneAndItsCategoriesHaveTheSchemasCodes()
    {
        StoredSchemas schemas = new();

        Assert.Equal(1, schemas.Adopt(First));

        Assert.Equal(1, schemas.VersionCount);
        Assert.Equal([new(1, FeatureKind.Numeric, "tenure"), new(2, FeatureKind.Categorical, "plan"), new(3, FeatureKind.Boolean, "has_app")], schemas.FeaturesOf(1));
        Assert.Equal(["basic", "plus"], schemas.CategoriesOf(2).Names.ToArray());
        Assert.Throws<ArgumentException>(() => schemas.CategoriesOf(1));
        Assert.Throws<ArgumentException>(() => schemas.CategoriesOf(4));
        Assert.Throws<InvalidDataException>(() => schemas.FeaturesOf(0));
        Assert.Throws<InvalidDataException>(() => schemas.FeaturesOf(2));
    }

    [Fact]
    public void Adopt_SameColumns_IsTheSameVersionWithTheFurtherCategories()
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);
        schemas.CategoriesOf(2).GetOrAdd("of a customer");

        ushort version = schemas.Adopt(Schema(Number(1, "tenure") with { Unit = "months", Maximum = 480, Formerly = ["age"] },
            Category(2, "plan", "premium", "plus", "basic"), Flag(3, "has_app") with { Personal = true }));

        Assert.Equal(1, version);
        Assert.Equal(["basic", "plus", "of a customer", "premium"], schemas.CategoriesOf(2).Names.ToArray());
    }

    public static TheoryData<string, FeatureSchema> Changes => new()
    {
        { "added", Schema(Number(1, "tenure"), Category(2, "plan"), Flag(3, "has_app"), Number(9, "spend")) },
        { "removed", Schema(Number(1, "tenure"), Flag(3, "has_app")) },
        { "reordered", Schema(Flag(3, "has_app"), Number(1, "tenure"), Category(2, "plan")) },
        { "renamed", Schema(Number(1, "months") with { Formerly = ["age", "tenure"] }, Category(2, "plan"), Flag(3, "has_app")) },
        { "replaced", Schema(Number(1, "tenure"), Category(7, "plan"), Flag(3, "has_app")) },
        { "names swapped", Schema(Number(1, "has_app") with { Formerly = ["tenure"] }, Category(2, "plan"), Flag(3, "tenure") with { Formerly = ["has_app"] }) },
        { "only in interactions now", Schema(Number(1, "tenure"), Flag(3, "has_app"), Category(2, "plan", "x") with { Context = true }) },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Adopt_OtherColumns_IsANewVersionAndTheWayBackIsTheOldOne(string change, FeatureSchema next)
    {
        StoredSchemas schemas = new();
        schemas.Adopt(First);

        Assert.Equal((change, 2), (change, schemas.Adopt(next)));
        Assert.Equal((change, 2), (change, schemas.Adopt(next)));
        Assert.Equal((change, 1), (change, schemas.Adopt(First)));
        Assert.Equal(next.CustomerCount, schemas.FeaturesOf(2).Length);
        Assert.Equal(2, schemas.VersionCount);
    }

    [Fact]
    public void Adopt_AnotherLineage_IsRefusedNamingEveryFeatureAndChangesNothing()
    {
        SchemaRecords log = new();
        StoredSchemas schemas = new() { Log = log };
        schemas.Adopt(First);
        schemas.Adopt(Schema(Number(1, "months") with { Formerly = ["tenure"] }, Category(2, "plan"), Flag(3, "has_app")));
        int kept = log.Payloads.Count;
        FeatureSchema other = Schema(Category(1, "months", "many"), Category(2, "tariff") with { Formerly = ["product"] }, Number(5, "new"), Flag(3, "app") with { Context = true });

        InvalidDataException error = Assert.Throws<InvalidDataException>(() => schemas.Adopt(other));

        Assert.Equal("another schema lineage: "
            + "feature id 1 is categorical 'months' and was numeric 'months': restore the kind, or give the feature a new id; "
            + "feature id 2 is 'tariff' and was 'plan': restore the name, declare 'formerly: plan' if it is the same feature, or give it a new id; "
            + "feature id 3 is 'app' and was 'has_app': restore the name, declare 'formerly: has_app' if it is the same feature, or give it a new id", error.Message);
        Assert.Equal(error.Message, Assert.Throws<InvalidDataException>(() => schemas.MapTo(other)).Message);
        Assert.Equal((2, kept), (schemas.VersionCount, log.Payloads.Count));
    }

    [Fact]
    public void Adopt_MoreFeaturesThanACustomerHas_IsRefused()
    {
        InvalidDataException error = Assert.Throws<InvalidDataException>(
            () => new StoredSchemas().Adopt(new FeatureSchema(Enumerable.Range(1, CustomerStore.MaxFeatures + 1).Select(i => Number(i, $"f{i}")))));
        Assert.Equal("4097 features, a store takes at most 4096", error.Message);
    }

    [Fact]
    public void Adopt_NameThatIsNotUnicode_IsRefusedBeforeAnythingChanges()
    {
        StoredSchemas schemas = new() { Log = new SchemaRecords() };
        Assert.Throws<InvalidDataException>(() => schemas.Adopt(Schema(Number(1, "\uD800"))));
        Assert.Equal(0, schemas.VersionCount);
        schemas.Adopt(First);
        Assert.Throws<InvalidDataException>(() => schemas.CategoriesOf(2).GetOrAdd("\uDC00"));
        Assert.Equal(-1, schemas.CategoriesOf(2).CodeOf("\uDC00"));
    }

    [Fact]
    public void Log_Fails_NothingIsAddedAndALaterTrySucceeds()
    {
        SchemaRecords log = new() { Fails = true };
        StoredSchemas schemas = new() { Log = log };
        Assert.Throws<IOException>(() => schemas.Adopt(First));
        Assert.Equal(0, schemas.VersionCount);
        log.Fails = false;
        schemas.Adopt(First);
        log.Fails = true;

        Assert.Throws<IOException>(() => schemas.CategoriesOf(2).GetOrAdd("premium"));
        Assert.Equal(-1, schemas.CategoriesOf(2).CodeOf("premium"));
        Assert.Equal(2, schemas.CategoriesOf(2).Names.Length);
        Assert.Equal(1, schemas.CategoriesOf(2).GetOrAdd("plus"));
        log.Fails = false;
        Assert.Equal(2, schemas.CategoriesOf(2).GetOrAdd("premium"));
        AssertSame(schemas, log.Replay());
    }

    [Fact]
    public void GetOrAdd_ManyThreads_LogsEachCategoryOnceInOrderBeforeItsCodeIsSeen()
    {
        const int Categories = 2000;
        SchemaRecords log = new();
        StoredSchemas schemas = new() { Log = log };
        schemas.Adopt(Schema(Category(1, "a"), Category(2, "b")));
        int unlogged = 0;

        Customers.Parallel(4, thread =>
        {
            for (int i = 0; i < Categories; i++)
            {
                int feature = 1 + ((i + thread) % 2);
                int name = (i + (thread * 500)) % Categories;
                CategoryCodes codes = schemas.CategoriesOf(feature);
                int code = thread % 2 == 0 ? codes.GetOrAdd($"n{name}") : codes.GetOrAdd(Encoding.UTF8.GetBytes($"n{name}"));
                if (codes.NameOf(code) != $"n{name}" || codes.Names[code] != $"n{name}" || log.Payloads.Count < 2 + code)
                {
                    Interlocked.Increment(ref unlogged);
                }
            }
        });

        Assert.Equal(0, unlogged);
        Assert.Equal(1 + schemas.CategoriesOf(1).Names.Length + schemas.CategoriesOf(2).Names.Length, log.Payloads.Count);
        AssertSame(schemas, log.Replay());
    }

    [Fact]
    public void Write_IntoAnEmptyStore_IsTheSameAndReplayingTheJournalChangesNothing()
    {
        SchemaRecords journal = new();
        StoredSchemas schemas = Evolved(journal);
        SchemaRecords snapshot = new();
        schemas.Write(snapshot);

        StoredSchemas recovered = snapshot.Replay();

        AssertSame(schemas, recovered);
        AssertSame(schemas, journal.Replay());
        AssertSame(schemas, journal.Replay(onto: recovered));
        Assert.Equal(2, recovered.Adopt(Schema(Number(5, "東京 🙂"), Category(2, "tariff", "plus") with { Formerly = ["plan"] })));
        Assert.Throws<InvalidDataException>(() => recovered.Adopt(Schema(Number(2, "plan"))));
    }

    [Fact]
    public async Task Write_DuringAnAddition_HasWhatTheLogWasToldBefore()
    {
        StoredSchemas schemas = new();
        List<Task<SchemaRecords>> snapshots = [];
        SchemaRecords journal = new()
        {
            Added = () => snapshots.Add(Task.Run(() =>
            {
                SchemaRecords snapshot = new();
                schemas.Write(snapshot);
                return snapshot;
            })),
        };
        schemas.Log = journal;
        schemas.Adopt(First);
        for (int i = 0; i < 200; i++)
        {
            schemas.CategoriesOf(2).GetOrAdd($"{i}");
        }
        schemas.Adopt(Schema(Number(5, "spend")));

        SchemaRecords[] written = await Task.WhenAll(snapshots);

        Assert.Equal(journal.Payloads.Count, written.Length);
        Assert.All(written, (snapshot, i) => Assert.Contains(snapshot.Payloads, p => p.Payload.AsSpan().SequenceEqual(journal.Payloads[i].Payload)));
    }

    [Fact]
    public void Load_WhatDoesNotFollow_IsRefused()
    {
        StoredSchemas schemas = Evolved(new SchemaRecords());
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(0, [])));
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(4, [])));
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(2, [new(1, FeatureKind.Numeric, "tenure")])));
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(3, [new(2, FeatureKind.Numeric, "tariff")])));
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(3, [new(8, FeatureKind.Numeric, "a"), new(8, FeatureKind.Numeric, "b")])));
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(3, [new(8, FeatureKind.Numeric, "a"), new(9, FeatureKind.Numeric, "a")])));
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(3, [new(0, FeatureKind.Numeric, "a")])));
        AssertRefused(() => schemas.LoadVersion(SchemaPayload.OfVersion(3, [new(8, (FeatureKind)3, "a")])));
        AssertRefused(() => schemas.LoadCategory(SchemaPayload.OfCategory(2, 5, "skips a code")));
        AssertRefused(() => schemas.LoadCategory(SchemaPayload.OfCategory(2, -1, "below")));
        AssertRefused(() => schemas.LoadCategory(SchemaPayload.OfCategory(2, 0, "other name")));
        AssertRefused(() => schemas.LoadCategory(SchemaPayload.OfCategory(2, 1, "basic")));
        AssertRefused(() => schemas.LoadCategory(SchemaPayload.OfCategory(2, 4, "basic")));
        AssertRefused(() => schemas.LoadCategory(SchemaPayload.OfCategory(1, 0, "of a number")));
        AssertRefused(() => schemas.LoadCategory(SchemaPayload.OfCategory(77, 0, "of nothing")));
        AssertSame(Evolved(new SchemaRecords()), schemas);
    }

    [Fact]
    public void Load_AnyBitFlippedOrEndCut_IsRefusedOrReadsAsSomethingElse()
    {
        SchemaRecords log = new();
        Evolved(log);
        for (int at = 0; at < log.Payloads.Count; at++)
        {
            (bool isVersion, byte[] payload) = log.Payloads[at];
            for (int bit = 0; bit < 8 * payload.Length; bit++)
            {
                byte[] flipped = [.. payload];
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                LoadAfter(log, at, isVersion, flipped);
            }
            for (int length = 0; length < payload.Length; length++)
            {
                LoadAfter(log, at, isVersion, payload[..length]);
            }
        }
    }

    /// <summary>Whatever is not refused is what the bytes say, and nothing else.</summary>
    private static void LoadAfter(SchemaRecords log, int count, bool isVersion, byte[] damaged)
    {
        SchemaRecords before = new();
        before.Payloads.AddRange(log.Payloads.Take(count));
        StoredSchemas schemas = before.Replay();
        try
        {
            if (isVersion)
            {
                schemas.LoadVersion(damaged);
            }
            else
            {
                schemas.LoadCategory(damaged);
            }
        }
        catch (InvalidDataException)
        {
            return;
        }
        SchemaRecords after = new();
        schemas.Write(after);
        Assert.Contains(after.Payloads, p => p.IsVersion == isVersion && p.Payload.AsSpan().SequenceEqual(damaged));
    }

    private static StoredSchemas Evolved(SchemaRecords log)
    {
        StoredSchemas schemas = new() { Log = log };
        schemas.Adopt(First);
        schemas.CategoriesOf(2).GetOrAdd("");
        schemas.Adopt(Schema(Number(5, "東京 🙂"), Category(2, "tariff", "plus", "Zürich") with { Formerly = ["plan"] }));
        return schemas;
    }

    private static void AssertRefused(Action load) => Assert.Throws<InvalidDataException>(load);

    private static void AssertSame(StoredSchemas expected, StoredSchemas actual)
    {
        Assert.Equal(expected.VersionCount, actual.VersionCount);
        for (ushort v = 1; v <= expected.VersionCount; v++)
        {
            Assert.Equal(expected.FeaturesOf(v).ToArray(), actual.FeaturesOf(v).ToArray());
            foreach (StoredFeature feature in expected.FeaturesOf(v).ToArray().Where(f => f.Kind == FeatureKind.Categorical))
            {
                Assert.Equal(expected.CategoriesOf(feature.Id).Names.ToArray(), actual.CategoriesOf(feature.Id).Names.ToArray());
            }
        }
    }
}
