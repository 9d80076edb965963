using System.Globalization;

namespace ScoringEngine.Core.Workspaces;

/// <summary>The way spans of time are written in files: 90s, 30m, 12h, 7d.</summary>
public static class Duration
{
    private static readonly (char Unit, long Ticks)[] Units =
    [
        ('d', TimeSpan.TicksPerDay),
        ('h', TimeSpan.TicksPerHour),
        ('m', TimeSpan.TicksPerMinute),
        ('s', TimeSpan.TicksPerSecond),
    ];

    /// <summary>The text of a span, in the largest unit of which it is a whole number, else in seconds.</summary>
    public static string Of(TimeSpan span)
    {
        (char unit, long ticks) = Array.Find(Units, u => span.Ticks % u.Ticks == 0) is { Ticks: > 0 } whole ? whole : Units[^1];
        return ((decimal)span.Ticks / ticks).ToString(CultureInfo.InvariantCulture) + unit;
    }

    /// <summary>Reads a number and one of the units s, m, h and d.</summary>
    public static bool TryParse(string text, out TimeSpan span)
    {
        ArgumentNullException.ThrowIfNull(text);
        span = default;
        (_, long ticks) = text.Length > 1 ? Array.Find(Units, u => u.Unit == text[^1]) : default;
        if (ticks == 0
            || !decimal.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
            || Math.Abs(number) > long.MaxValue / ticks / 2)
        {
            return false;
        }
        span = new TimeSpan((long)(number * ticks));
        return true;
    }
}
