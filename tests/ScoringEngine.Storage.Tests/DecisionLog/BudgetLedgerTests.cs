namespace ScoringEngine.Storage.Tests.Decisions;

public sealed class BudgetLedgerTests
{
    [Fact]
    public void TryReserve_From64Threads_NeverExceedsMoneyOrVolume()
    {
        BudgetLedger ledger = new();
        ledger.SetLimits([new BudgetLimit(1, 100.05, double.PositiveInfinity), new BudgetLimit(2, double.PositiveInfinity, 777)]);
        int[] taken = new int[3];
        Thread[] threads = [.. Enumerable.Range(0, 64).Select(i => new Thread(() =>
        {
            for (int n = 0; n < 100; n++)
            {
                int number = 1 + ((i + n) % 2);
                using BudgetReservation? trial = ledger.TryReserve([new BudgetClaim(number, 0.02, 0.08)]);
                // Half are let go at once: what is left must not drift.
                if (trial is not null && n % 4 < 2)
                {
                    trial.Dispose();
                }
                BudgetReservation? kept = ledger.TryReserve([new BudgetClaim(number, 0.02, 0.08)]);
                if (kept is not null)
                {
                    Interlocked.Increment(ref taken[number]);
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        // What trials held meanwhile may have stood in the way.
        while (ledger.TryReserve([new BudgetClaim(1, 0.02, 0.08)]) is not null)
        {
            taken[1]++;
        }
        while (ledger.TryReserve([new BudgetClaim(2, 0.02, 0.08)]) is not null)
        {
            taken[2]++;
        }

        Assert.Equal(1000, taken[1]);
        Assert.Equal(777, taken[2]);
        double[] money = new double[3];
        double[] volume = new double[3];
        ledger.Left([1, 2, 3], money, volume);
        Assert.Equal([0.05, double.PositiveInfinity, double.PositiveInfinity], money);
        Assert.Equal([double.PositiveInfinity, 0, double.PositiveInfinity], volume);
    }

    [Fact]
    public void TryReserve_WhenOneOfSeveralHasNothingLeft_ReservesNone()
    {
        BudgetLedger ledger = new();
        ledger.SetLimits([new BudgetLimit(1, 10, 10), new BudgetLimit(2, 5, 10)]);

        Assert.Null(ledger.TryReserve([new BudgetClaim(1, 1, 9), new BudgetClaim(0, 0, 0), new BudgetClaim(2, 1, 9)]));
        Assert.NotNull(ledger.TryReserve([new BudgetClaim(1, 1, 9)]));
    }

    [Fact]
    public void TryReserve_OfTheGateTest_UsesItsBudgetToo()
    {
        BudgetLedger ledger = new();
        ledger.SetLimits([new BudgetLimit(BudgetLedger.GateTest, 15, double.PositiveInfinity)]);

        using BudgetReservation? first = ledger.TryReserve([new BudgetClaim(1, 1, 9, IsGateTest: true)]);
        Assert.NotNull(first);
        Assert.Equal(10, ledger.GateTestSpent);
        Assert.Null(ledger.TryReserve([new BudgetClaim(2, 1, 9, IsGateTest: true)]));
        Assert.NotNull(ledger.TryReserve([new BudgetClaim(2, 1, 9)]));
        first.Dispose();
        first.Dispose();
        Assert.Equal(0, ledger.GateTestSpent);
    }

    [Theory]
    [InlineData(-1, 0, 0)]
    [InlineData(70_000, 0, 0)]
    [InlineData(1, -1, 0)]
    [InlineData(1, 0, double.NaN)]
    [InlineData(1, double.PositiveInfinity, 0)]
    public void TryReserve_OutOfRange_Throws(int number, double contact, double fulfilment)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new BudgetLedger().TryReserve([new BudgetClaim(number, contact, fulfilment)]));
}
