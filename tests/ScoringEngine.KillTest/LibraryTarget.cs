using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Storage;

namespace ScoringEngine.KillTest;

/// <summary>A database of this process. Records have different lengths from version to version.</summary>
internal sealed class LibraryTarget(CustomerDatabase database) : ITarget
{
    private const int IdBytes = 8;
    private const int Features = 40;

    /// <summary>The schema of the customers; the lengths of the records need not follow it.</summary>
    public static FeatureSchema Schema { get; } = new(Enumerable.Range(1, Features).Select(f => new Feature { Id = f, Name = $"x{f}", Kind = FeatureKind.Numeric }));

    public async Task UpsertAsync(ReadOnlyMemory<int> keys, ReadOnlyMemory<int> versions)
    {
        ulong sequence = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            sequence = Upsert(keys.Span[i], versions.Span[i]);
        }
        await database.CommittedAsync(sequence);
    }

    public async Task DeleteAsync(int key)
    {
        if (database.Customers.Delete(Id(key), out ulong sequence))
        {
            await database.CommittedAsync(sequence);
        }
    }

    public Task<int[]> ReadAllAsync()
    {
        int[] read = new int[Audit.Keys];
        for (int key = 0; key < read.Length; key++)
        {
            VersionReader reader = new(key);
            read[key] = database.Customers.Read(Id(key), ref reader) ? reader.Version : Stored.Nothing;
        }
        VersionVisitor visitor = new(new int[Audit.Keys]);
        database.Customers.Scan(ref visitor);
        if (!visitor.Versions.AsSpan().SequenceEqual(read))
        {
            int key = Enumerable.Range(0, Audit.Keys).First(k => visitor.Versions[k] != read[k]);
            throw new InvalidDataException($"key {key} is {read[key]} when read and {visitor.Versions[key]} in a scan");
        }
        if (database.Customers.Count != read.Count(version => version != Stored.Nothing))
        {
            throw new InvalidDataException($"{database.Customers.Count} customers are counted, {read.Count(version => version != Stored.Nothing)} are stored");
        }
        return Task.FromResult(read);
    }

    private ulong Upsert(int key, int version)
    {
        Span<float> features = stackalloc float[FeaturesOf(key, version)];
        features.Fill(version);
        return database.Customers.Upsert(Id(key), features, new CustomerAttributes(version)).Sequence;
    }

    private static byte[] Id(int key) => Encoding.UTF8.GetBytes(key.ToString($"D{IdBytes}", CultureInfo.InvariantCulture));

    private static int FeaturesOf(int key, int version) => 1 + ((key + (version * 7)) % Features);

    private static int VersionOf(int key, in CustomerView customer)
    {
        int version = Stored.VersionOf(customer.Features, customer.Features.Length);
        return version == customer.UpdatedAtUnixMs && customer.Features.Length == FeaturesOf(key, version) ? version : Stored.Torn;
    }

    private struct VersionReader(int key) : ICustomerReader
    {
        public int Version;

        public void Read(in CustomerView customer) => Version = VersionOf(key, in customer);
    }

    private readonly struct VersionVisitor(int[] versions) : ICustomerVisitor
    {
        public int[] Versions => versions;

        public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
        {
            if (id.Length != IdBytes || !int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int key) || key >= Audit.Keys)
            {
                throw new InvalidDataException($"nobody stored a customer {Encoding.UTF8.GetString(id)}");
            }
            versions[key] = VersionOf(key, in customer);
        }
    }
}
