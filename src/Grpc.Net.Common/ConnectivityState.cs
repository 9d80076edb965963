namespace Grpc.Core;

/// <summary>What a client's channel is doing about its connection.</summary>
public enum ConnectivityState
{
    /// <summary>Nothing: no call needs it.</summary>
    Idle,

    /// <summary>Connecting.</summary>
    Connecting,

    /// <summary>Connected.</summary>
    Ready,

    /// <summary>The connection failed; it will be tried again.</summary>
    TransientFailure,

    /// <summary>Closed for good.</summary>
    Shutdown,
}
