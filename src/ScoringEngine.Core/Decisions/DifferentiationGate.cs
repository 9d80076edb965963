using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// The gate that something differentiated passes on its way to a customer of little value, compiled from the policy.
/// A customer whose profit is not known has no tier, and is not asked.
/// </summary>
internal sealed class DifferentiationGate
{
    private readonly GateTest? _test;
    private readonly ulong _salt;
    private readonly (long From, long Until) _days;

    public DifferentiationGate(GatePolicy policy, CalendarDays days)
    {
        PotentialThreshold = policy.PotentialThreshold;
        _test = policy.Test;
        if (_test is not null)
        {
            _salt = SeededRandom.Mix((ulong)_test.Salt + 0x9E37_79B9_7F4A_7C15);
            _days = (days.Start(_test.From), days.End(_test.Until));
        }
    }

    /// <summary>Potential from which the first door opens.</summary>
    public double PotentialThreshold { get; }

    /// <summary>Whether the gate is asked of customers of a tier.</summary>
    public static bool IsFor(Tier? tier) => tier is Tier.ValueDestroyer or Tier.Marginal;

    /// <summary>Whether a customer is in the test's share while it runs and has money left.</summary>
    public bool IsInTest(in DecisionInput input)
        => _test is not null && input.TimeUnixMs >= _days.From && input.TimeUnixMs < _days.Until && input.GateTestSpent < _test.Budget
            && input.UnitHash != DecisionInput.NoUnit && CustomerHash.Share(SeededRandom.Mix(input.UnitHash ^ _salt)) < _test.Share;

    /// <summary>The door through which a differentiated proposition passes.</summary>
    /// <param name="potential">The customer's; NaN where not known.</param>
    /// <param name="evidence">Lower bound of the proposition's incremental value in the tier; NaN where not measured.</param>
    /// <param name="inTest">Whether the customer <see cref="IsInTest"/>.</param>
    /// <param name="spent">What the test has cost so far.</param>
    /// <param name="cost">What an offer may cost.</param>
    public GateDoor DoorFor(double potential, double evidence, bool inTest, double spent, double cost)
        => potential >= PotentialThreshold ? GateDoor.Potential
            : evidence > 0 ? GateDoor.Evidence
            : inTest && spent + cost <= _test!.Budget ? GateDoor.Test
            : GateDoor.Closed;
}
