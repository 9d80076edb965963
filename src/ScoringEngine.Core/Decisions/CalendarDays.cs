using NodaTime;

namespace ScoringEngine.Core.Decisions;

/// <summary>When calendar days begin and end in a time zone, by the engine's own copy of the zone database.</summary>
internal sealed class CalendarDays(string timeZone)
{
    private readonly DateTimeZone _zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(timeZone)
        ?? throw new ArgumentException($"no time zone '{timeZone}'", nameof(timeZone));

    /// <summary>First instant of a day in unix milliseconds; the lowest there is for no day.</summary>
    public long Start(DateOnly? day) => day is { } d ? _zone.AtStartOfDay(LocalDate.FromDateOnly(d)).ToInstant().ToUnixTimeMilliseconds() : long.MinValue;

    /// <summary>First instant after a day in unix milliseconds; the highest there is for no day.</summary>
    public long End(DateOnly? day) => day is { } d
        ? _zone.AtStartOfDay(LocalDate.FromDateOnly(d).PlusDays(1)).ToInstant().ToUnixTimeMilliseconds() : long.MaxValue;
}
