using System.CommandLine.Parsing;
using System.Globalization;

namespace ScoringEngine.Server.Commands;

/// <summary>Sizes on the command line: 512MB, 4GB (powers of 1024), or plain bytes.</summary>
internal static class ByteSize
{
    private static readonly (string Suffix, long Factor)[] Units = [("KB", 1L << 10), ("MB", 1L << 20), ("GB", 1L << 30), ("TB", 1L << 40)];

    /// <summary>Parses an option's argument; what is no size becomes an error of the command line.</summary>
    public static long? Parse(ArgumentResult argument)
    {
        string text = argument.Tokens[0].Value.ToUpperInvariant();
        (string suffix, long factor) = Units.FirstOrDefault(u => text.EndsWith(u.Suffix, StringComparison.Ordinal), ("", 1));
        if (decimal.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
            && number <= long.MaxValue / factor)
        {
            return (long)(number * factor);
        }
        argument.AddError($"'{argument.Tokens[0].Value}' is no size, expected something like 512MB or 4GB");
        return null;
    }
}
