using System.Text;
using System.Text.Unicode;

namespace ScoringEngine.Server.Services;

/// <summary>
/// Text that names something must be what the client meant. Protobuf replaces bytes that are not UTF-8 by U+FFFD when it
/// reads a string, which would make different names equal; so that character is refused wherever a name is stored.
/// </summary>
internal static class Text
{
    private const char Replacement = '\uFFFD';
    private const string NotUtf8 = "not valid UTF-8";

    /// <summary>Why a name is not one, or null when it is.</summary>
    public static string? Violation(string name) => name.Contains(Replacement, StringComparison.Ordinal) ? NotUtf8 : null;

    /// <summary>Why a name is not one, or null when it is.</summary>
    public static string? Violation(ReadOnlySpan<byte> name)
        => Utf8.IsValid(name) && name.IndexOf("\uFFFD"u8) < 0 ? null : NotUtf8;

    /// <summary>Checks text that may be empty.</summary>
    /// <param name="text">From a request.</param>
    /// <param name="field">Path of the field.</param>
    /// <param name="maxBytes">Most bytes of UTF-8.</param>
    /// <param name="violations">Receives what is wrong.</param>
    public static void Check(string text, string field, int maxBytes, ref Violations violations)
    {
        if (text.Length == 0)
        {
            return;
        }
        int bytes = Encoding.UTF8.GetByteCount(text);
        string? wrong = bytes > maxBytes ? $"{bytes} bytes long, expected at most {maxBytes}" : Violation(text);
        if (wrong is not null)
        {
            violations.Add(field, wrong);
        }
    }
}
