namespace Grpc.Core;

/// <summary>What a client asks of one call beside the request; immutable. The default value asks nothing.</summary>
public readonly struct CallOptions
{
    /// <summary>Options of a call.</summary>
    /// <param name="headers">Request headers; null for none.</param>
    /// <param name="deadline">Instant, in UTC, after which the call fails with DeadlineExceeded; null for never.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <param name="writeOptions">How requests are written; null for the default.</param>
    /// <param name="propagationToken">Ties the call to the server call it is made for; null for none.</param>
    /// <param name="credentials">Credentials of this call, added to the channel's; null for none.</param>
    public CallOptions(
        Metadata? headers = null,
        DateTime? deadline = null,
        CancellationToken cancellationToken = default,
        WriteOptions? writeOptions = null,
        ContextPropagationToken? propagationToken = null,
        CallCredentials? credentials = null)
    {
        Headers = headers;
        Deadline = deadline;
        CancellationToken = cancellationToken;
        WriteOptions = writeOptions;
        PropagationToken = propagationToken;
        Credentials = credentials;
    }

    /// <summary>Request headers; null for none.</summary>
    public Metadata? Headers { get; private init; }

    /// <summary>Instant, in UTC, after which the call fails with DeadlineExceeded; null for never.</summary>
    public DateTime? Deadline { get; private init; }

    /// <summary>Cancels the call.</summary>
    public CancellationToken CancellationToken { get; private init; }

    /// <summary>How requests are written; null for the default.</summary>
    public WriteOptions? WriteOptions { get; private init; }

    /// <summary>Ties the call to the server call it is made for; null for none.</summary>
    public ContextPropagationToken? PropagationToken { get; private init; }

    /// <summary>Credentials of this call, added to the channel's; null for none.</summary>
    public CallCredentials? Credentials { get; private init; }

    /// <summary>Whether the call waits for a connection that fails at the moment instead of failing with it.</summary>
    public bool IsWaitForReady { get; private init; }

    /// <summary>A copy with other headers.</summary>
    public CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    /// <summary>A copy with another deadline, in UTC.</summary>
    public CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    /// <summary>A copy with another cancellation token.</summary>
    public CallOptions WithCancellationToken(CancellationToken cancellationToken) =>
        this with { CancellationToken = cancellationToken };

    /// <summary>A copy with other write options.</summary>
    public CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };

    /// <summary>A copy with another propagation token.</summary>
    public CallOptions WithPropagationToken(ContextPropagationToken propagationToken) =>
        this with { PropagationToken = propagationToken };

    /// <summary>A copy with other credentials.</summary>
    public CallOptions WithCredentials(CallCredentials credentials) => this with { Credentials = credentials };

    /// <summary>A copy that waits for a connection, or does not.</summary>
    public CallOptions WithWaitForReady(bool waitForReady = true) => this with { IsWaitForReady = waitForReady };
}
