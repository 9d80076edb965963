using System.Numerics;

namespace ScoringEngine.Storage.Tests.Linearizability;

/// <summary>
/// Decides whether a history is linearizable: whether each operation can be given one moment between its call and its
/// return such that, in the order of those moments, every answer is right. Registers are independent, so each key is
/// checked by itself (Herlihy and Wing 1990, locality).
/// </summary>
/// <remarks>
/// Just-in-time linearization (Lowe 2017, "Testing for linearizability"): the history is walked once while the set of all
/// configurations - a state and which of the running operations have had their moment - is kept. Only when an operation
/// returns must it have had its moment, so only then are moments given. A read leaves the state alone and is therefore
/// given its moment as soon as one fits. At a quiescent point each configuration is a bare state, hence the cost is
/// linear in the length of the history and exponential only in the number of writes of one key that overlap.
/// </remarks>
internal sealed class LinearizabilityChecker
{
    private readonly Operation[] _running = new Operation[64];
    private readonly HashSet<Configuration> _reached = [];
    private readonly Stack<Configuration> _open = [];
    private ulong _runningSlots;
    private List<Configuration> _configurations = [new(Operation.Absent, 0)];
    private List<Configuration> _next = [];

    private LinearizabilityChecker()
    {
    }

    /// <summary>The first operation, by return, that no order explains; null when the history is linearizable.</summary>
    /// <param name="history">In any order; keys are absent in the beginning.</param>
    /// <param name="keys">Number of registers.</param>
    public static Operation? FirstViolation(ReadOnlySpan<Operation> history, int keys)
    {
        long[] events = new long[2 * history.Length];
        for (int i = 0; i < history.Length; i++)
        {
            events[2 * i] = ((long)history[i].Invoked << 32) | (uint)(2 * i);
            events[(2 * i) + 1] = ((long)history[i].Returned << 32) | (uint)((2 * i) + 1);
        }
        Array.Sort(events);
        LinearizabilityChecker[] checkers = [.. Enumerable.Range(0, keys).Select(_ => new LinearizabilityChecker())];
        foreach (long e in events)
        {
            Operation operation = history[(int)(uint)e / 2];
            if ((e & 1) == 0)
            {
                checkers[operation.Key].Invoke(in operation);
            }
            else if (!checkers[operation.Key].Return(operation.Slot))
            {
                return operation;
            }
        }
        return null;
    }

    private void Invoke(in Operation operation)
    {
        ulong bit = 1UL << operation.Slot;
        if ((_runningSlots & bit) != 0)
        {
            throw new ArgumentException($"two operations of slot {operation.Slot} overlap on key {operation.Key}");
        }
        _running[operation.Slot] = operation;
        _runningSlots |= bit;
        for (int i = 0; i < _configurations.Count; i++)
        {
            _configurations[i] = WithReads(_configurations[i]);
        }
    }

    /// <summary>Keeps the configurations in which the operation can have had its moment; false when there are none.</summary>
    private bool Return(int slot)
    {
        ulong bit = 1UL << slot;
        _next.Clear();
        _reached.Clear();
        foreach (Configuration configuration in _configurations)
        {
            Reach(configuration);
        }
        while (_open.TryPop(out Configuration configuration))
        {
            if ((configuration.Done & bit) != 0)
            {
                _next.Add(configuration with { Done = configuration.Done & ~bit });
                continue;
            }
            for (ulong left = _runningSlots & ~configuration.Done; left != 0; left &= left - 1)
            {
                int other = BitOperations.TrailingZeroCount(left);
                if (_running[other].Applies(configuration.State, out int state))
                {
                    Reach(WithReads(new Configuration(state, configuration.Done | (1UL << other))));
                }
            }
        }
        _runningSlots &= ~bit;
        (_configurations, _next) = (_next, _configurations);
        return _configurations.Count > 0;
    }

    private void Reach(Configuration configuration)
    {
        if (_reached.Add(configuration))
        {
            _open.Push(configuration);
        }
    }

    private Configuration WithReads(Configuration configuration)
    {
        for (ulong left = _runningSlots & ~configuration.Done; left != 0; left &= left - 1)
        {
            int slot = BitOperations.TrailingZeroCount(left);
            if (_running[slot].Kind == OperationKind.Read && _running[slot].Value == configuration.State)
            {
                configuration = configuration with { Done = configuration.Done | (1UL << slot) };
            }
        }
        return configuration;
    }

    /// <summary>What a register may hold, with the slots whose running operations have had their moment.</summary>
    private readonly record struct Configuration(int State, ulong Done);
}
