using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using RpcStatus = Google.Rpc.Status;

namespace ScoringEngine.Server.Services;

/// <summary>
/// How a call fails: a <c>google.rpc.Status</c> with an ErrorInfo (reason below, domain <see cref="Domain"/>) first among
/// its details. It travels in the trailer <c>grpc-status-details-bin</c>, or inside the answer of a batch.
/// </summary>
internal static class Failure
{
    /// <summary>Domain of every ErrorInfo.</summary>
    public const string Domain = "scoring-engine";

    /// <summary>The request breaks the API's rules; a BadRequest says where.</summary>
    public const string InvalidRequest = "INVALID_REQUEST";

    /// <summary>No customer has the id.</summary>
    public const string CustomerNotFound = "CUSTOMER_NOT_FOUND";

    /// <summary>No decision in the log has the id, or it is too old.</summary>
    public const string DecisionNotFound = "DECISION_NOT_FOUND";

    /// <summary>The decision was made for a customer who was erased; nothing of it can be told.</summary>
    public const string DecisionErased = "DECISION_ERASED";

    /// <summary>The id is that of a decision for another customer.</summary>
    public const string DecisionIdTaken = "DECISION_ID_TAKEN";

    /// <summary>The decision was made with another workspace or version than the served one.</summary>
    public const string ModelChanged = "MODEL_CHANGED";

    /// <summary>The served version has no such segment.</summary>
    public const string SegmentNotFound = "SEGMENT_NOT_FOUND";

    /// <summary>The workspace's files have errors; a PreconditionFailure has them all.</summary>
    public const string WorkspaceInvalid = "WORKSPACE_INVALID";

    /// <summary>There is no such model or version.</summary>
    public const string ModelNotFound = "MODEL_NOT_FOUND";

    /// <summary>The version's files are damaged or do not fit the workspace.</summary>
    public const string ModelUnusable = "MODEL_UNUSABLE";

    /// <summary>The workspace's folder or a version's files cannot be read at the moment.</summary>
    public const string ModelUnreadable = "MODEL_UNREADABLE";

    /// <summary>A feature has as many categories as there may be.</summary>
    public const string TooManyCategories = "TOO_MANY_CATEGORIES";

    /// <summary>The customer store cannot be read or written.</summary>
    public const string StoreUnavailable = "STORE_UNAVAILABLE";

    /// <summary>The customer store cannot be written because its disk is full.</summary>
    public const string StorageFull = "STORAGE_FULL";

    /// <summary>The server keeps customers in memory only.</summary>
    public const string NoDataDirectory = "NO_DATA_DIRECTORY";

    /// <summary>The server recovers its customers and takes no calls yet.</summary>
    public const string Starting = "STARTING";

    /// <summary>The server stops.</summary>
    public const string Stopping = "STOPPING";

    /// <summary>A stored customer is damaged; the server's log has the event.</summary>
    public const string DataCorrupt = "DATA_CORRUPT";

    /// <summary>A defect; the server's log has the event.</summary>
    public const string Internal = "INTERNAL";

    private const string Trailer = "grpc-status-details-bin";
    private const int QuotedCharacters = 64;

    /// <summary>A failure with its details.</summary>
    public static RpcStatus Of(StatusCode code, string reason, string message, params ReadOnlySpan<IMessage> details)
    {
        RpcStatus status = new() { Code = (int)code, Message = message };
        status.Details.Add(Any.Pack(new ErrorInfo { Reason = reason, Domain = Domain }));
        foreach (IMessage detail in details)
        {
            status.Details.Add(Any.Pack(detail));
        }
        return status;
    }

    /// <summary>No customer has the id.</summary>
    public static RpcStatus NoCustomer(string id) => Of(StatusCode.NotFound, CustomerNotFound, $"no customer '{id}'",
        new ResourceInfo { ResourceType = Protocol.V1.Customer.Descriptor.FullName, ResourceName = id });

    /// <summary>No decision has the id.</summary>
    public static RpcStatus NoDecision(string id) => Of(StatusCode.NotFound, DecisionNotFound, $"no decision {Quote(id)}, or it is too old",
        new ResourceInfo { ResourceType = Protocol.V1.Decision.Descriptor.FullName, ResourceName = id.Length <= QuotedCharacters ? id : id[..QuotedCharacters] });

    /// <summary>The customer of a decision was erased.</summary>
    public static RpcStatus Erased(string decisionId)
        => Of(StatusCode.FailedPrecondition, DecisionErased, $"the customer of decision {Quote(decisionId)} was erased: nothing more is known of it");

    /// <summary>Ends a call with the failure.</summary>
    public static RpcException ToException(this RpcStatus status)
        => new(new Grpc.Core.Status((StatusCode)status.Code, status.Message), new Metadata { { Trailer, status.ToByteArray() } });

    /// <summary>The failure a call ended with, as a client sees it; null when the server gave no details.</summary>
    public static RpcStatus? Details(this RpcException exception)
        => exception.Trailers.GetValueBytes(Trailer) is { } bytes ? RpcStatus.Parser.ParseFrom(bytes) : null;

    /// <summary>Text from a request, in quotes and shortened: errors travel in a trailer, which has to stay small.</summary>
    public static string Quote(string text)
        => text.Length <= QuotedCharacters ? $"'{text}'" : $"'{text.AsSpan(0, QuotedCharacters)}...'";
}

/// <summary>
/// What is wrong with a request: all of it, up to <see cref="Limit"/> violations, as trailers have to stay below 8 KiB.
/// Costs nothing while everything is right.
/// </summary>
internal struct Violations
{
    /// <summary>Most violations that are collected.</summary>
    public const int Limit = 20;

    private const int InMessage = 3;

    private BadRequest? _found;

    /// <summary>Whether anything is wrong.</summary>
    public readonly bool Any => _found is not null;

    /// <summary>Whether no more are collected: looking further is of no use.</summary>
    public readonly bool Full => _found?.FieldViolations.Count >= Limit;

    /// <summary>Adds one.</summary>
    /// <param name="field">Path of the field, such as "customer.features[2].number".</param>
    /// <param name="description">What was found and what was expected.</param>
    public void Add(string field, string description)
    {
        if (!Full)
        {
            _found ??= new BadRequest();
            _found.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = field, Description = description });
        }
    }

    /// <summary>The failure; call it only when there is <see cref="Any"/>.</summary>
    public readonly RpcStatus ToStatus()
    {
        IEnumerable<string> first = _found!.FieldViolations.Take(InMessage).Select(v => $"{v.Field}: {v.Description}");
        int more = _found.FieldViolations.Count - InMessage;
        return Failure.Of(StatusCode.InvalidArgument, Failure.InvalidRequest,
            string.Join("; ", first) + (more > 0 ? $"; and {more} more" : ""), _found);
    }

    /// <summary>Ends the call when anything is wrong.</summary>
    public readonly void ThrowIfAny()
    {
        if (Any)
        {
            throw ToStatus().ToException();
        }
    }
}
