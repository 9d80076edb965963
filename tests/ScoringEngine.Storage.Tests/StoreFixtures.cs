using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ScoringEngine.Storage.Tests;

/// <summary>Small stores and customers whose features can be told from their number.</summary>
internal static class Customers
{
    public static byte[] Id(int number) => Encoding.UTF8.GetBytes(number.ToString("D8", CultureInfo.InvariantCulture));

    public static int Number(ReadOnlySpan<byte> id) => int.Parse(id, CultureInfo.InvariantCulture);

    /// <summary>An id of a given length.</summary>
    public static byte[] IdOfLength(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)('a' + ((i + length) % 26)))];

    public static float[] Features(int count, float value)
    {
        float[] features = new float[count];
        features.AsSpan().Fill(value);
        return features;
    }

    public static CustomerStore Store(int expected = 10_000, Func<string, LogDevice>? device = null, long memoryBytes = 1 << 20)
        => new(new CustomerStoreOptions { ExpectedCustomers = expected, MemoryBytes = memoryBytes, PageBytes = 1 << 16 },
            new MemoryWriteLog(), device ?? (directory => new LogDevice(directory)));

    /// <summary>A store whose records are all in memory.</summary>
    public static CustomerStore MemoryStore(int expected = 10_000) => Store(expected, memoryBytes: 64 << 20);

    /// <summary>Runs <paramref name="work"/> with 0 to <paramref name="threads"/> - 1 on as many threads, and throws what they throw.</summary>
    public static void Parallel(int threads, Action<int> work)
    {
        ConcurrentQueue<Exception> failures = new();
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(t => new Thread(() =>
        {
            try
            {
                work(t);
            }
            catch (Exception e)
            {
                failures.Enqueue(e);
            }
        }))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }
        foreach (Thread worker in workers)
        {
            worker.Join();
        }
        if (!failures.IsEmpty)
        {
            throw new AggregateException(failures);
        }
    }
}

/// <summary>Keeps copies of what it reads.</summary>
internal struct KeepReader : ICustomerReader
{
    public float[]? Features;
    public ulong Sequence;
    public CustomerAttributes Attributes;

    public void Read(in CustomerView customer)
    {
        Features = customer.Features.ToArray();
        Sequence = customer.Sequence;
        Attributes = new CustomerAttributes(customer.UpdatedAtUnixMs, customer.SchemaVersion, customer.Consent);
    }
}

/// <summary>Counts the visits by customer number and checks that each record is of one write.</summary>
internal struct CountVisitor(int[] visits) : ICustomerVisitor
{
    public int Torn;

    public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
    {
        visits[Customers.Number(id)]++;
        if (customer.Features.ContainsAnyExcept(customer.Features[0]))
        {
            Torn++;
        }
    }
}

/// <summary>A device that fails on command.</summary>
internal sealed class FailingLogDevice(string directory) : LogDevice(directory)
{
    public volatile bool FailWrites;
    public volatile bool FailReads;
    public volatile bool ShortReads;
    public volatile bool FlipReads;

    /// <summary>Called before each read with its offset in the segment; may wait or throw.</summary>
    public volatile Action<long>? BeforeRead;

    protected override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        if (FailWrites)
        {
            throw new IOException("no space left on device");
        }
        base.Write(file, bytes, offset);
    }

    protected override int Read(SafeFileHandle file, Span<byte> bytes, long offset)
    {
        if (FailReads)
        {
            throw new IOException("input/output error");
        }
        BeforeRead?.Invoke(offset);
        int read = ShortReads ? 0 : base.Read(file, bytes, offset);
        if (FlipReads && read > 0)
        {
            bytes[Random.Shared.Next(read)] ^= (byte)(1 << Random.Shared.Next(8));
        }
        return read;
    }
}
