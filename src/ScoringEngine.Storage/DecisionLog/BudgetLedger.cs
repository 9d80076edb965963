using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ScoringEngine.Storage;

/// <summary>What may be used of a budget in all.</summary>
/// <param name="Number">Number of the proposition; <see cref="BudgetLedger.GateTest"/> for the gate test.</param>
/// <param name="Money">Currency; positive infinity for no limit.</param>
/// <param name="Volume">Offers; positive infinity for no limit.</param>
public readonly record struct BudgetLimit(int Number, double Money, double Volume);

/// <summary>What an offer may use of its budget.</summary>
/// <param name="Number">Number of the proposition, 1 or more; 0, do nothing, uses nothing.</param>
/// <param name="Contact">Cost of making the offer, in currency, 0 or more.</param>
/// <param name="Fulfilment">Cost of an acceptance, in currency, 0 or more.</param>
/// <param name="IsGateTest">Whether it passed the gate by the test, whose budget it then uses as well.</param>
public readonly record struct BudgetClaim(int Number, double Contact, double Fulfilment, bool IsGateTest = false);

/// <summary>
/// What is spent and reserved of the propositions' budgets and volumes. Counts in whole millionths of the currency, so that no order of
/// additions changes a sum. Thread-safe.
/// </summary>
public sealed class BudgetLedger
{
    /// <summary>Number under which the gate test's money is counted.</summary>
    public const int GateTest = 0;

    private const double Micros = 1e6;

    // Sums of many stay far below overflow.
    private const double Most = 1e12;

    private readonly Lock _lock = new();
    private Account[] _accounts = new Account[1];

    internal BudgetLedger()
    {
        _accounts[0] = new Account();
    }

    /// <summary>Currency that the gate test has cost so far, reserved included.</summary>
    public double GateTestSpent
    {
        get
        {
            lock (_lock)
            {
                return _accounts[GateTest].Money / Micros;
            }
        }
    }

    /// <summary>Sets what may be used in all; what is not in the list has no limit. What was used stays used.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number or an amount is negative or not a number.</exception>
    public void SetLimits(IEnumerable<BudgetLimit> limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        BudgetLimit[] all = [.. limits];
        foreach (BudgetLimit limit in all)
        {
            CheckNumber(limit.Number);
            ArgumentOutOfRangeException.ThrowIfNegative(limit.Money);
            ArgumentOutOfRangeException.ThrowIfNegative(limit.Volume);
            if (double.IsNaN(limit.Money) || double.IsNaN(limit.Volume))
            {
                throw new ArgumentOutOfRangeException(nameof(limits), "expected numbers, found NaN");
            }
        }
        lock (_lock)
        {
            foreach (Account account in _accounts)
            {
                account.MoneyLimit = long.MaxValue;
                account.VolumeLimit = long.MaxValue;
            }
            foreach (BudgetLimit limit in all)
            {
                Account account = Of(limit.Number);
                account.MoneyLimit = limit.Money > Most ? long.MaxValue : ToMicros(limit.Money);
                account.VolumeLimit = limit.Volume > Most ? long.MaxValue : (long)limit.Volume;
            }
        }
    }

    /// <summary>What is left of each budget at one moment.</summary>
    /// <param name="numbers">Numbers of the propositions.</param>
    /// <param name="money">Receives the currency left, 0 or more; positive infinity without a limit.</param>
    /// <param name="volume">Receives the offers left, 0 or more; positive infinity without a limit.</param>
    /// <exception cref="ArgumentException">The spans are not equally long.</exception>
    public void Left(ReadOnlySpan<int> numbers, Span<double> money, Span<double> volume)
    {
        if (money.Length != numbers.Length || volume.Length != numbers.Length)
        {
            throw new ArgumentException($"expected room for {numbers.Length} amounts, found {money.Length} and {volume.Length}");
        }
        lock (_lock)
        {
            for (int i = 0; i < numbers.Length; i++)
            {
                Account? account = (uint)numbers[i] < (uint)_accounts.Length ? _accounts[numbers[i]] : null;
                money[i] = account is null || account.MoneyLimit == long.MaxValue ? double.PositiveInfinity : Math.Max(0, account.MoneyLimit - account.Money) / Micros;
                volume[i] = account is null || account.VolumeLimit == long.MaxValue ? double.PositiveInfinity : Math.Max(0, account.VolumeLimit - account.Volume);
            }
        }
    }

    /// <summary>Reserves contact and fulfilment and one offer of each claim, or nothing.</summary>
    /// <param name="claims">One for each slot in their order; the same proposition may be there more than once.</param>
    /// <returns>What was reserved, to be handed to <see cref="DecisionLog.Append"/> or disposed; null when a budget does not have enough left.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number or an amount is out of range.</exception>
    public BudgetReservation? TryReserve(ReadOnlySpan<BudgetClaim> claims)
    {
        foreach (ref readonly BudgetClaim claim in claims)
        {
            CheckNumber(claim.Number);
            CheckAmount(claim.Contact);
            CheckAmount(claim.Fulfilment);
        }
        lock (_lock)
        {
            int done = 0;
            while (done < claims.Length && TryHold(in claims[done]))
            {
                done++;
            }
            if (done == claims.Length)
            {
                return new BudgetReservation(this, claims.ToArray());
            }
            foreach (ref readonly BudgetClaim claim in claims[..done])
            {
                Hold(in claim, -1);
            }
            return null;
        }
    }

    /// <summary>Currency to millionths.</summary>
    internal static long ToMicros(double amount) => (long)Math.Round(Math.Clamp(amount, 0, Most) * Micros);

    /// <summary>Lets go of what is reserved but belongs to no decision.</summary>
    internal void Release(ReadOnlySpan<BudgetClaim> claims)
    {
        lock (_lock)
        {
            foreach (ref readonly BudgetClaim claim in claims)
            {
                Hold(in claim, -1);
            }
        }
    }

    /// <summary>Changes what decisions have used.</summary>
    internal void Change(int number, bool isGateTest, in SlotUse before, in SlotUse after)
    {
        lock (_lock)
        {
            Account account = Of(number);
            account.Spent += after.Spent - before.Spent;
            account.Reserved += after.Reserved - before.Reserved;
            account.Offers += after.Offers - before.Offers;
            account.ReservedOffers += after.ReservedOffers - before.ReservedOffers;
            if (isGateTest)
            {
                Account test = Of(GateTest);
                test.Spent += after.Spent - before.Spent;
                test.Reserved += after.Reserved - before.Reserved;
            }
        }
    }

    /// <summary>What decisions have used, by number; what belongs to no decision yet is left out.</summary>
    internal List<(int Number, SlotUse Use)> Entries()
    {
        lock (_lock)
        {
            return [.. _accounts.Select((account, number) => (number, new SlotUse(account.Spent, account.Reserved, account.Offers, account.ReservedOffers)))
                .Where(entry => entry.Item2 != default)];
        }
    }

    private bool TryHold(ref readonly BudgetClaim claim)
    {
        Hold(in claim, 1);
        if (Of(claim.Number).IsWithin && (!claim.IsGateTest || Of(GateTest).IsWithin))
        {
            return true;
        }
        Hold(in claim, -1);
        return false;
    }

    private void Hold(ref readonly BudgetClaim claim, int sign)
    {
        if (claim.Number == 0)
        {
            return;
        }
        long money = sign * (ToMicros(claim.Contact) + ToMicros(claim.Fulfilment));
        Account account = Of(claim.Number);
        account.Held += money;
        account.HeldOffers += sign;
        if (claim.IsGateTest)
        {
            Of(GateTest).Held += money;
        }
    }

    private Account Of(int number)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread);
        if (number >= _accounts.Length)
        {
            int known = _accounts.Length;
            Array.Resize(ref _accounts, Math.Max(number + 1, 2 * known));
            for (int i = known; i < _accounts.Length; i++)
            {
                _accounts[i] = new Account();
            }
        }
        return _accounts[number];
    }

    private static void CheckNumber(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, ushort.MaxValue);
    }

    private static void CheckAmount(double amount)
    {
        if (!(amount >= 0 && amount <= Most))
        {
            throw new ArgumentOutOfRangeException(nameof(amount), amount, $"expected 0 to {Most}");
        }
    }

    private sealed class Account
    {
        public long MoneyLimit = long.MaxValue;
        public long VolumeLimit = long.MaxValue;
        public long Spent;
        public long Reserved; // by decisions
        public long Held; // by decisions that are not in the log yet
        public long Offers;
        public long ReservedOffers;
        public long HeldOffers;

        public long Money => Spent + Reserved + Held;

        public long Volume => Offers + ReservedOffers + HeldOffers;

        public bool IsWithin => Money <= MoneyLimit && Volume <= VolumeLimit;
    }
}

/// <summary>Budget that is reserved until a decision in the log takes it over; disposing it before releases it.</summary>
public sealed class BudgetReservation : IDisposable
{
    private readonly BudgetClaim[] _claims;
    private BudgetLedger? _ledger;

    internal BudgetReservation(BudgetLedger ledger, BudgetClaim[] claims)
    {
        _ledger = ledger;
        _claims = claims;
    }

    /// <summary>What is reserved, a claim for each slot.</summary>
    public ReadOnlySpan<BudgetClaim> Claims => _claims;

    /// <summary>Releases what no decision has taken over; a second call does nothing.</summary>
    public void Dispose() => Interlocked.Exchange(ref _ledger, null)?.Release(_claims);
}

/// <summary>What a slot uses of its budget, money in millionths of the currency.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SlotUse(long Spent, long Reserved, long Offers, long ReservedOffers);
