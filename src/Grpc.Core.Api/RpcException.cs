namespace Grpc.Core;

/// <summary>
/// A call that did not end with OK. A client gets it from the call; a server method throws it to choose the status.
/// </summary>
public class RpcException : Exception
{
    /// <summary>A status without trailers.</summary>
    public RpcException(Status status)
        : this(status, Metadata.Empty)
    {
    }

    /// <summary>A status without trailers, with a message of its own.</summary>
    public RpcException(Status status, string message)
        : this(status, Metadata.Empty, message)
    {
    }

    /// <summary>A status with the trailers that travel beside it.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="trailers"/> is null.</exception>
    public RpcException(Status status, Metadata trailers)
        : this(status, trailers, status.ToString())
    {
    }

    /// <summary>A status with trailers and a message of its own.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="trailers"/> is null.</exception>
    public RpcException(Status status, Metadata trailers, string message)
        : base(message, status.DebugException)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Status = status;
        Trailers = trailers;
    }

    /// <summary>The status.</summary>
    public Status Status { get; }

    /// <summary>The status's code.</summary>
    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>The trailers; empty when there are none.</summary>
    public Metadata Trailers { get; }
}
