using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Tests.Files;
using ScoringEngine.Storage.Tests.Journals;

namespace ScoringEngine.Storage.Tests.Databases;

/// <summary>Small databases on simulated files.</summary>
internal static class DatabaseFixtures
{
    public const string Folder = "/data/db";

    public static FeatureSchema Schema { get; } = new(
    [
        new Feature { Id = 1, Name = "amount", Kind = FeatureKind.Numeric },
        new Feature { Id = 2, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus"] },
    ]);

    public static CustomerDatabaseOptions Options { get; } = new()
    {
        Directory = Folder,
        Store = new CustomerStoreOptions { ExpectedCustomers = 1000, MemoryBytes = 1 << 20, PageBytes = 1 << 16, MaxContactEvents = 4 },
        RecoveryThreads = 2,
        RecentRequests = 100,
        JournalSegmentBytes = 16 << 10,
    };

    public static CustomerDatabase Open(FaultyFiles files, CustomerDatabaseOptions? options = null, ManualTime? time = null)
        => CustomerDatabase.Open(options ?? Options, Schema, time ?? new ManualTime(), files, held: null);

    public static byte[] Id(string id) => Encoding.UTF8.GetBytes(id);

    /// <summary>All customers: id, features, consent and contacts, as text, so that a difference can be read.</summary>
    public static SortedDictionary<string, string> Contents(CustomerDatabase database)
    {
        ContentsVisitor visitor = new(new SortedDictionary<string, string>(StringComparer.Ordinal));
        database.Customers.Scan(ref visitor);
        return visitor.Contents;
    }

    public static string Describe(ReadOnlySpan<float> features, ushort consent, IEnumerable<ContactEvent> contacts)
        => FormattableString.Invariant($"{string.Join(' ', features.ToArray())} consent {consent} contacts {string.Join(' ', contacts.Select(c => c.Seconds))}");

    private readonly struct ContentsVisitor(SortedDictionary<string, string> contents) : ICustomerVisitor
    {
        public SortedDictionary<string, string> Contents => contents;

        public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
            => contents.Add(Encoding.UTF8.GetString(id), Describe(customer.Features, customer.Consent, customer.Contacts.ToArray()));
    }
}
