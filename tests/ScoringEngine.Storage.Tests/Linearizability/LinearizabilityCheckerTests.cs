using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Storage.Tests.Linearizability;

public class LinearizabilityCheckerTests
{
    [Fact]
    public void FirstViolation_ReadBesideAnUpsert_MayGoEitherWay()
    {
        Operation upsert = Upsert(slot: 0, value: 2, existed: true, 2, 5);
        Assert.Null(Check(Upsert(0, 1, false, 0, 1), upsert, Read(1, 1, 3, 4)));
        Assert.Null(Check(Upsert(0, 1, false, 0, 1), upsert, Read(1, 2, 3, 4)));
        Assert.Null(Check(Upsert(0, 1, false, 0, 1), upsert, Read(1, 1, 3, 6), Read(2, 2, 4, 7)));
    }

    [Fact]
    public void FirstViolation_StaleRead_IsFound()
    {
        Operation stale = Read(1, 1, 4, 5);
        Assert.Equal(stale, Check(Upsert(0, 1, false, 0, 1), Upsert(0, 2, true, 2, 3), stale));
    }

    [Fact]
    public void FirstViolation_ReadsThatGoBackInTime_AreFound()
    {
        // Both beside the upsert, but the first has seen it.
        Operation back = Read(1, 1, 5, 6);
        Assert.Equal(back, Check(Upsert(0, 1, false, 0, 1), Upsert(0, 2, true, 2, 7), Read(1, 2, 3, 4), back));
    }

    [Fact]
    public void FirstViolation_LostUpdate_IsFound()
    {
        // Two upserts beside each other, both of which created the customer.
        Operation second = Upsert(1, 2, existed: false, 1, 3);
        Assert.Equal(second, Check(Upsert(0, 1, false, 0, 2), second));
        Operation never = Read(0, Operation.Absent, 4, 5);
        Assert.Equal(never, Check(Upsert(0, 1, false, 0, 1), Upsert(1, 2, true, 2, 3), never));
    }

    [Fact]
    public void FirstViolation_ResurrectedDelete_IsFound()
    {
        Operation resurrected = Read(1, 1, 4, 5);
        Assert.Equal(resurrected, Check(Upsert(0, 1, false, 0, 1), Delete(0, true, 2, 3), resurrected));
        Operation twice = Delete(1, existed: true, 4, 5);
        Assert.Equal(twice, Check(Upsert(0, 1, false, 0, 1), Delete(0, true, 2, 3), twice));
    }

    [Fact]
    public void FirstViolation_ValueNobodyWrote_IsFound()
    {
        Operation phantom = Read(1, 7, 2, 3);
        Assert.Equal(phantom, Check(Upsert(0, 1, false, 0, 1), phantom));
    }

    [Fact]
    public void FirstViolation_RandomHistories_AgreesWithTryingEveryOrder()
    {
        SeededRandom random = new(seed: 1);
        int linearizable = 0;
        const int histories = 20_000;
        for (int i = 0; i < histories; i++)
        {
            Operation[] history = RandomHistory(ref random);
            bool expected = HasOrder(history, Operation.Absent, (1 << history.Length) - 1);
            Assert.Equal(expected, Check(history) is null);
            linearizable += expected ? 1 : 0;
        }
        Assert.InRange(linearizable, histories / 50, histories / 2);
    }

    /// <summary>The definition: some operation that none of the others precedes comes first, then the rest.</summary>
    private static bool HasOrder(Operation[] history, int state, int left)
    {
        for (int i = 0; i < history.Length; i++)
        {
            if ((left >> i & 1) != 0
                && !history.Where((other, o) => (left >> o & 1) != 0 && other.Returned < history[i].Invoked).Any()
                && history[i].Applies(state, out int next)
                && HasOrder(history, next, left & ~(1 << i)))
            {
                return true;
            }
        }
        return left == 0;
    }

    /// <summary>Five operations of three slots, with answers of which many are possible.</summary>
    private static Operation[] RandomHistory(ref SeededRandom random)
    {
        List<Operation> history = [];
        Operation?[] running = new Operation?[3];
        int moment = 0;
        for (int started = 0; started < 5 || running.Any(o => o is not null);)
        {
            int slot = random.Next(3);
            if (running[slot] is Operation operation)
            {
                history.Add(operation with { Returned = moment++ });
                running[slot] = null;
            }
            else if (started < 5)
            {
                started++;
                OperationKind kind = (OperationKind)random.Next(3);
                int value = kind switch { OperationKind.Upsert => started, OperationKind.Read => random.Next(started + 1), _ => 0 };
                running[slot] = new Operation(0, slot, kind, value, random.Next(2) == 0, moment++, 0);
            }
        }
        return [.. history];
    }

    private static Operation? Check(params Operation[] history) => LinearizabilityChecker.FirstViolation(history, keys: 1);

    private static Operation Upsert(int slot, int value, bool existed, int invoked, int returned)
        => new(0, slot, OperationKind.Upsert, value, existed, invoked, returned);

    private static Operation Delete(int slot, bool existed, int invoked, int returned)
        => new(0, slot, OperationKind.Delete, Operation.Absent, existed, invoked, returned);

    private static Operation Read(int slot, int value, int invoked, int returned)
        => new(0, slot, OperationKind.Read, value, false, invoked, returned);
}
