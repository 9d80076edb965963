using System.Text;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Server.Services;

/// <summary>Customer ids between messages (strings) and the store (UTF-8).</summary>
internal static class CustomerId
{
    /// <summary>Writes the id as UTF-8; an id that is none becomes a violation and the result is empty.</summary>
    /// <param name="id">From a request.</param>
    /// <param name="field">Path of the field.</param>
    /// <param name="buffer"><see cref="FeatureSchema.MaxIdBytes"/> bytes.</param>
    /// <param name="violations">Receives what is wrong.</param>
    public static ReadOnlySpan<byte> Encode(string id, string field, Span<byte> buffer, scoped ref Violations violations)
    {
        if (!Encoding.UTF8.TryGetBytes(id, buffer, out int length))
        {
            violations.Add(field, $"{Encoding.UTF8.GetByteCount(id)} bytes long, expected at most {FeatureSchema.MaxIdBytes}");
            return default;
        }
        if (length == 0)
        {
            violations.Add(field, "empty, expected a customer id");
        }
        else if (Text.Violation(id) is { } violation)
        {
            violations.Add(field, violation);
        }
        return buffer[..length];
    }
}
