using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Services;

/// <summary>
/// Request ids (AIP-155): the write of a request is made once, however often and however concurrently the request comes.
/// Thread-safe.
/// </summary>
internal sealed class RequestIds(CustomerDatabase database)
{
    /// <summary>Longest request id, in characters.</summary>
    public const int MaxLength = 64;

    // Requests of one id wait for each other, others hardly ever.
    private readonly Lock[] _locks = [.. Enumerable.Range(0, 256).Select(_ => new Lock())];

    /// <summary>The key of a request; none without a request id.</summary>
    /// <param name="requestId">From a request; one that is none becomes a violation.</param>
    /// <param name="method">What is asked for: the same id for something else is another request.</param>
    /// <param name="customerId">About whom.</param>
    /// <param name="violations">Receives what is wrong.</param>
    public static RequestKey KeyOf(string requestId, string method, ReadOnlySpan<byte> customerId, ref Violations violations)
    {
        if (requestId.Length == 0)
        {
            return default;
        }
        if (Violation(requestId) is { } wrong)
        {
            violations.Add("request_id", wrong);
            return default;
        }
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        // No method's name has a NUL, and the customer's id comes last: no two requests have the same bytes.
        SHA256.HashData([.. Encoding.UTF8.GetBytes($"{method}\0{requestId.Length}\0{requestId}"), .. customerId], hash);
        return new RequestKey(BinaryPrimitives.ReadUInt128LittleEndian(hash));
    }

    /// <summary>Why a request id is none, or null when it is one, or empty.</summary>
    public static string? Violation(string requestId)
        => requestId.Length > MaxLength ? $"{requestId.Length} characters, expected at most {MaxLength}" : Text.Violation(requestId);

    /// <summary>Keeps other requests of the same id out until it is disposed; to be held from the look-up to the write.</summary>
    public Lock.Scope Enter(RequestKey request) => request.IsNone ? default : _locks[(int)(request.Value % (uint)_locks.Length)].EnterScope();

    /// <summary>What the first request of the id did, if it is known.</summary>
    public bool TryGet(RequestKey request, out WriteReceipt receipt)
    {
        receipt = default;
        return !request.IsNone && database.TryGetReceipt(request, out receipt);
    }
}
