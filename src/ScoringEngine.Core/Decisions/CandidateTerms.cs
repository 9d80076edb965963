using System.Collections.Immutable;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Decisions;

/// <summary>What a decision asks of a proposition over and over, compiled.</summary>
internal sealed class CandidateTerms
{
    private readonly long _from; // unix milliseconds
    private readonly long _until; // exclusive
    private readonly bool[]? _channels; // null for all

    public CandidateTerms(Proposition proposition, ImmutableArray<string> channels, CalendarDays days)
    {
        _from = days.Start(proposition.ValidFrom);
        _until = days.End(proposition.ValidUntil);
        _channels = proposition.Channels.IsEmpty ? null : [.. channels.Select(c => proposition.Channels.Contains(c))];
        Mandatory = proposition.Kind == PropositionKind.Mandatory;
        Gated = proposition.Differentiated && !Mandatory;
        NeedsAcceptance = proposition.NeedsAcceptance;
        Prior = proposition.PriorPropensity;
        MinimumCustomerValue = proposition.MinimumCustomerValue ?? double.NegativeInfinity;
    }

    /// <summary>Must be made: exempt from contact policy, gate and hold-out.</summary>
    public bool Mandatory { get; }

    /// <summary>Whether the differentiation gate is asked.</summary>
    public bool Gated { get; }

    /// <summary>Whether the propensity is asked.</summary>
    public bool NeedsAcceptance { get; }

    /// <summary>Acceptance rate believed before there is evidence.</summary>
    public double Prior { get; }

    /// <summary>Customer value below which it is not offered.</summary>
    public double MinimumCustomerValue { get; }

    /// <summary>Why it is not to be had now, or in this channel at all.</summary>
    public FallReason WhyNotValid(in DecisionInput input)
        => input.TimeUnixMs < _from ? FallReason.NotYetValid
            : input.TimeUnixMs >= _until ? FallReason.Expired
            : _channels is not null && (input.Channel < 0 || !_channels[input.Channel]) ? FallReason.OtherChannel
            : FallReason.None;

    /// <summary>The same in figures.</summary>
    public Fall FallOf(FallReason reason, in DecisionInput input) => reason switch
    {
        FallReason.NotYetValid => new Fall(reason, 0, input.TimeUnixMs / 1000, _from / 1000),
        FallReason.Expired => new Fall(reason, 0, input.TimeUnixMs / 1000, _until / 1000),
        _ => new Fall(reason, input.Channel),
    };
}
