using System.Runtime.InteropServices;

namespace ScoringEngine.Core.Decisions;

/// <summary>What a contact with a customer was about.</summary>
public enum ContactKind : byte
{
    /// <summary>Nothing; no event has it.</summary>
    None = 0,

    /// <summary>A proposition was decided on and counts as presented until the reservation expires.</summary>
    Reserved = 1,

    /// <summary>The customer saw or heard the proposition.</summary>
    Presented = 2,

    /// <summary>The customer said yes.</summary>
    Accepted = 3,

    /// <summary>The customer said no.</summary>
    Declined = 4,

    /// <summary>The yes became business.</summary>
    Converted = 5,

    /// <summary>The customer complained about it.</summary>
    Complained = 6,
}

/// <summary>One contact with a customer, as it stands in the customer's record: eight bytes, little-endian, in this order.</summary>
/// <param name="Seconds">Seconds since 2020-01-01 UTC: when it happened; for <see cref="ContactKind.Reserved"/>, when it expires.</param>
/// <param name="Proposition">Number of the proposition.</param>
/// <param name="Channel">Number of the channel.</param>
/// <param name="Kind">What happened.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct ContactEvent(uint Seconds, ushort Proposition, byte Channel, ContactKind Kind)
{
    /// <summary>Bytes of an event.</summary>
    public const int Bytes = 8;

    /// <summary>Zero of <see cref="Seconds"/>: 2020-01-01 UTC in unix seconds.</summary>
    public const long EpochUnixSeconds = 1_577_836_800;
}
