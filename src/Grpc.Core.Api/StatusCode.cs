namespace Grpc.Core;

/// <summary>The outcome of a call, with the numbers that travel in <c>grpc-status</c>.</summary>
public enum StatusCode
{
    /// <summary>Success.</summary>
    OK = 0,

    /// <summary>Cancelled, typically by the caller.</summary>
    Cancelled = 1,

    /// <summary>An error without a code of its own, such as an exception the server did not expect.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the system.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the call ended; the work may have been done all the same.</summary>
    DeadlineExceeded = 4,

    /// <summary>The requested thing does not exist.</summary>
    NotFound = 5,

    /// <summary>The thing to create exists already.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known but may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota, or a resource such as disk space, is used up.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state the call needs; do not retry before it is.</summary>
    FailedPrecondition = 9,

    /// <summary>Given up because of a conflict; retry at a higher level.</summary>
    Aborted = 10,

    /// <summary>Past the valid range, as after the end of a file; may become valid later.</summary>
    OutOfRange = 11,

    /// <summary>The server does not have this method.</summary>
    Unimplemented = 12,

    /// <summary>An invariant of the system is broken.</summary>
    Internal = 13,

    /// <summary>Not reachable at the moment; retry with a back-off.</summary>
    Unavailable = 14,

    /// <summary>Data is lost or corrupt beyond repair.</summary>
    DataLoss = 15,

    /// <summary>The caller is not known: credentials are missing or invalid.</summary>
    Unauthenticated = 16,
}
