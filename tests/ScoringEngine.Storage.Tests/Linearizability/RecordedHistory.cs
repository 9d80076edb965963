using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Storage.Tests.Linearizability;

/// <summary>Registers that threads work on; a value is 1 or more.</summary>
internal interface IRegisters
{
    /// <summary>Returns whether there was a value before.</summary>
    bool Upsert(int key, int value);

    /// <summary>Returns whether there was a value.</summary>
    bool Delete(int key);

    /// <summary>The value, or <see cref="Operation.Absent"/>.</summary>
    int Read(int key);

    void ReadMany(ReadOnlySpan<int> keys, Span<int> values);

    /// <summary>Keys and values, as visited.</summary>
    List<(int Key, int Value)> Scan();
}

/// <summary>Works on registers from several threads and writes down what each call answered, and when.</summary>
internal static class RecordedHistory
{
    private const int BlockKeys = 16;

    /// <summary>Reads, blocks of reads, upserts, deletes and now and then a scan, one after the other in each thread.</summary>
    /// <returns>The operations; those of a block of reads, or of a scan, count one by one.</returns>
    public static Operation[] Of(IRegisters registers, int keys, int threads, int callsOfAThread, int callsBetweenScans, int seed)
    {
        int moment = 0;
        List<Operation>[] histories = [.. Enumerable.Range(0, threads).Select(_ => new List<Operation>(3 * callsOfAThread))];
        Customers.Parallel(threads, thread =>
        {
            SeededRandom random = new(seed, thread);
            List<Operation> history = histories[thread];
            Span<int> blockKeys = stackalloc int[BlockKeys];
            Span<int> blockValues = stackalloc int[BlockKeys];
            // A scan may visit a customer twice that is deleted and inserted again meanwhile: a slot for each visit.
            int slot = 2 * thread;
            for (int i = 0; i < callsOfAThread; i++)
            {
                // Half the calls go to eight keys, so that they meet.
                int key = random.Next(random.Next(2) == 0 ? 8 : keys);
                int value = 1 + (i * threads) + thread;
                int draw = random.Next(20);
                bool scans = random.Next(callsBetweenScans) == 0;
                int invoked = Interlocked.Increment(ref moment);
                if (scans)
                {
                    List<(int Key, int Value)> visits = registers.Scan();
                    int returned = Interlocked.Increment(ref moment);
                    int[] visited = new int[keys];
                    foreach ((int visitedKey, int read) in visits)
                    {
                        history.Add(new Operation(visitedKey, slot + visited[visitedKey]++, OperationKind.Read, read, false, invoked, returned));
                    }
                    // A customer that is stored all the time is visited, so the others were absent at some moment.
                    history.AddRange(Enumerable.Range(0, keys).Where(k => visited[k] == 0)
                        .Select(k => new Operation(k, slot, OperationKind.Read, Operation.Absent, false, invoked, returned)));
                }
                else if (draw < 8)
                {
                    int read = registers.Read(key);
                    history.Add(new Operation(key, slot, OperationKind.Read, read, false, invoked, Interlocked.Increment(ref moment)));
                }
                else if (draw < 9)
                {
                    for (int k = 0; k < BlockKeys; k++)
                    {
                        blockKeys[k] = (key + k) % keys;
                    }
                    registers.ReadMany(blockKeys, blockValues);
                    int returned = Interlocked.Increment(ref moment);
                    for (int k = 0; k < BlockKeys; k++)
                    {
                        history.Add(new Operation(blockKeys[k], slot, OperationKind.Read, blockValues[k], false, invoked, returned));
                    }
                }
                else if (draw < 16)
                {
                    bool existed = registers.Upsert(key, value);
                    history.Add(new Operation(key, slot, OperationKind.Upsert, value, existed, invoked, Interlocked.Increment(ref moment)));
                }
                else
                {
                    bool existed = registers.Delete(key);
                    history.Add(new Operation(key, slot, OperationKind.Delete, Operation.Absent, existed, invoked, Interlocked.Increment(ref moment)));
                }
            }
        });
        return [.. histories.SelectMany(history => history)];
    }
}
