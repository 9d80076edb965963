using System.CommandLine.Parsing;
using System.Globalization;

namespace ScoringEngine.Server.Commands;

/// <summary>Whole numbers within bounds on the command line.</summary>
internal static class WholeNumber
{
    /// <summary>A parser of an option's argument; what is no number, or out of bounds, becomes an error of the command line.</summary>
    public static Func<ArgumentResult, long> Within(long least, long most) => argument =>
    {
        string text = argument.Tokens[0].Value;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most)
        {
            return number;
        }
        argument.AddError(string.Create(CultureInfo.InvariantCulture, $"{argument.Argument.Name}: '{text}', expected a number from {least:N0} to {most:N0}"));
        return least;
    };
}
