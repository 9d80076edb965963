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
}
