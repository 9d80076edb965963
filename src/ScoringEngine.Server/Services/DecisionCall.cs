using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using NodaTime;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using Direction = ScoringEngine.Core.Decisions.Direction;

namespace ScoringEngine.Server.Services;

/// <summary>What a request of Decide asks for, checked and in the terms of the model that answers it.</summary>
internal readonly record struct DecisionCall
{
    /// <summary>Longest text that names somebody or something, in UTF-8 bytes.</summary>
    public const int MaxNameBytes = 128;

    /// <summary>Longest reason, in UTF-8 bytes.</summary>
    public const int MaxReasonBytes = 256;

    private const int MaxSlots = 100;
    private const int MaxExplainFeatures = 100;

    // What eight bytes of a contact event can tell.
    private static readonly DateTimeOffset Earliest = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Latest = new(2156, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>When, in unix milliseconds.</summary>
    public long TimeUnixMs { get; private init; }

    /// <summary>Index among the workspace's channels, -1 when not told.</summary>
    public int Channel { get; private init; }

    /// <summary>Who started the interaction.</summary>
    public Direction Direction { get; private init; }

    /// <summary>Index among the policy's roles, -1 for none.</summary>
    public int Role { get; private init; }

    /// <summary>How many propositions to choose.</summary>
    public int Slots { get; private init; }

    /// <summary>Reads everything but customer and features; what is wrong becomes violations.</summary>
    public static DecisionCall Read(DecideRequest request, ServedModel model, TimeProvider time, ref Violations violations)
    {
        if (RequestIds.Violation(request.RequestId) is { } wrong)
        {
            violations.Add("request_id", wrong);
        }
        Text.Check(request.HouseholdId, "household_id", FeatureSchema.MaxIdBytes, ref violations);
        Text.Check(request.Reason, "reason", MaxReasonBytes, ref violations);
        Text.Check(request.InteractionId, "interaction_id", MaxNameBytes, ref violations);
        Text.Check(request.AgentId, "agent_id", MaxNameBytes, ref violations);
        Text.Check(request.TeamId, "team_id", MaxNameBytes, ref violations);
        Text.Check(request.Language, "language", MaxNameBytes, ref violations);
        if (request.TimeZone.Length > 0 && DateTimeZoneProviders.Tzdb.GetZoneOrNull(request.TimeZone) is null)
        {
            violations.Add("time_zone", $"{Failure.Quote(request.TimeZone)}, expected an IANA time zone such as Europe/Berlin");
        }
        if (request.MaxPropositions > MaxSlots)
        {
            violations.Add("max_propositions", $"{request.MaxPropositions}, expected 0 to {MaxSlots}");
        }
        CheckExplainFeatures(request.ExplainFeatures, ref violations);
        return new DecisionCall
        {
            TimeUnixMs = TimeOf(request.Time, "time", time, ref violations),
            Channel = IndexOf(request.Channel, "channel", model.ChannelIndexes, ref violations),
            Direction = request.Direction switch
            {
                Protocol.V1.Direction.Inbound => Direction.Inbound,
                Protocol.V1.Direction.Outbound => Direction.Outbound,
                _ => Direction.Unspecified,
            },
            Role = IndexOf(request.Role, "role", model.RoleIndexes, ref violations),
            Slots = request.MaxPropositions == 0 ? 1 : (int)request.MaxPropositions,
        };
    }

    /// <summary>The call that a decision was an answer to.</summary>
    public static DecisionCall Of(in DecisionInput input) => new()
    {
        TimeUnixMs = input.TimeUnixMs,
        Channel = input.Channel,
        Direction = input.Direction,
        Role = input.Role,
        Slots = input.Slots,
    };

    /// <summary>Checks how many features are to be named in explanations.</summary>
    public static void CheckExplainFeatures(uint features, ref Violations violations)
    {
        if (features > MaxExplainFeatures)
        {
            violations.Add("explain_features", $"{features}, expected 0 to {MaxExplainFeatures}");
        }
    }

    /// <summary>A time that a request tells, in unix milliseconds; now where it tells none.</summary>
    public static long TimeOf(Timestamp? told, string field, TimeProvider time, ref Violations violations)
    {
        if (told is null)
        {
            return time.GetUtcNow().ToUnixTimeMilliseconds();
        }
        if (told.Nanos is < 0 or > 999_999_999 || told.Seconds < Earliest.ToUnixTimeSeconds() || told.Seconds >= Latest.ToUnixTimeSeconds())
        {
            violations.Add(field, string.Create(CultureInfo.InvariantCulture,
                $"{told.Seconds} seconds and {told.Nanos} nanoseconds since 1970, expected a time from {Earliest:yyyy} to {Latest.Year - 1}"));
            return 0;
        }
        return (told.Seconds * 1000) + (told.Nanos / 1_000_000);
    }

    private static int IndexOf(string name, string field, IReadOnlyDictionary<string, int> indexes, ref Violations violations)
    {
        if (name.Length == 0)
        {
            return -1;
        }
        if (indexes.TryGetValue(name, out int index))
        {
            return index;
        }
        string hint = name.Length > MaxNameBytes ? "" : NearestName.Hint(name, indexes.Keys);
        violations.Add(field, indexes.Count == 0 ? $"{Failure.Quote(name)}, but the workspace has none"
            : $"{Failure.Quote(name)}{hint}, expected one of {string.Join(", ", indexes.Keys)}");
        return -1;
    }
}
