using ScoringEngine.Core.Numerics;

namespace ScoringEngine.KillTest;

/// <summary>What is killed: something that stores customers durably.</summary>
internal interface ITarget
{
    /// <summary>Stores versions of some keys and completes when all are acknowledged.</summary>
    Task UpsertAsync(ReadOnlyMemory<int> keys, ReadOnlyMemory<int> versions);

    /// <summary>Deletes a key, which may have nothing, and completes when that is acknowledged.</summary>
    Task DeleteAsync(int key);

    /// <summary>What is stored, by key; see <see cref="Stored"/>.</summary>
    /// <exception cref="InvalidDataException">There is a customer under another key.</exception>
    Task<int[]> ReadAllAsync();
}

/// <summary>Writers that each have keys of their own and write them in the order of chance, one call at a time.</summary>
internal sealed class Writers(ITarget target, Audit audit, int seed)
{
    public const int Count = 24;

    private const int MostKeysOfABlock = 40;

    /// <summary>Writes until it is cancelled or the target fails.</summary>
    public Task RunAsync(CancellationToken cancellation)
        => Task.WhenAll(Enumerable.Range(0, Count).Select(writer => Task.Run(() => WriteAsync(writer, cancellation), CancellationToken.None)));

    private async Task WriteAsync(int writer, CancellationToken cancellation)
    {
        SeededRandom random = new(seed, writer);
        int[] keys = new int[MostKeysOfABlock];
        int[] versions = new int[MostKeysOfABlock];
        int ownKeys = Audit.Keys / Count;
        while (!cancellation.IsCancellationRequested)
        {
            // Mostly single writes, half of them to few keys that are rewritten all the time.
            int block = random.Next(8) == 0 ? MostKeysOfABlock : 1;
            int first = random.Next(random.Next(2) == 0 ? ownKeys : 50);
            int count = 0;
            for (int i = 0; i < block; i++)
            {
                int key = writer + (Count * ((first + i) % ownKeys));
                int version = audit.Send(key);
                if (Audit.IsDeletion(version))
                {
                    await target.DeleteAsync(key);
                    audit.Acknowledge(key);
                }
                else
                {
                    keys[count] = key;
                    versions[count++] = version;
                }
            }
            if (count > 0)
            {
                await target.UpsertAsync(keys.AsMemory(0, count), versions.AsMemory(0, count));
            }
            for (int i = 0; i < count; i++)
            {
                audit.Acknowledge(keys[i]);
            }
        }
    }
}
