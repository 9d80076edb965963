using System.Diagnostics.CodeAnalysis;

namespace Grpc.Core;

/// <summary>The status a call ended with: a code and words for people. The default value is OK without words.</summary>
public readonly struct Status : IEquatable<Status>
{
    /// <summary>OK, without words.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    /// <summary>Cancelled, without words.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "");

    private readonly string? _detail;

    /// <summary>A status as it travels between the peers.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">Words for people; a null that slips past the compiler is read as empty.</param>
    public Status(StatusCode statusCode, string detail)
        : this(statusCode, detail, null)
    {
    }

    /// <summary>A status that also carries its local cause.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">Words for people.</param>
    /// <param name="debugException">The local cause, never sent to the peer; null when there is none.</param>
    public Status(StatusCode statusCode, string detail, Exception? debugException)
    {
        StatusCode = statusCode;
        _detail = detail;
        DebugException = debugException;
    }

    /// <summary>The code.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>Words for people; empty when there are none.</summary>
    public string Detail => _detail ?? "";

    /// <summary>The local cause, for diagnosis only; null when there is none or when the status came from the peer.</summary>
    public Exception? DebugException { get; }

    /// <summary>Whether code, words and cause (by reference) are equal.</summary>
    public bool Equals(Status other) =>
        StatusCode == other.StatusCode && Detail == other.Detail && ReferenceEquals(DebugException, other.DebugException);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Status other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(StatusCode, Detail, DebugException);

    /// <summary>Same as <see cref="Equals(Status)"/>.</summary>
    public static bool operator ==(Status left, Status right) => left.Equals(right);

    /// <summary>The negation of <see cref="Equals(Status)"/>.</summary>
    public static bool operator !=(Status left, Status right) => !left.Equals(right);

    /// <summary>For logs, such as <c>Status(StatusCode="NotFound", Detail="no such model")</c>.</summary>
    public override string ToString() => DebugException is null
        ? $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")"
        : $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\", DebugException=\"{DebugException.GetType()}: {DebugException.Message}\")";
}
