using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using ScoringEngine.Protocol.V1;

namespace ScoringEngine.LoadTarget;

/// <summary>
/// Callers of Decide, each with one call under way, about customers in turn. They post gRPC messages with a plain HTTP/2 client, which costs
/// less than a gRPC one: server and callers share the machine.
/// </summary>
internal sealed class DecideLoad(Uri address, long customers)
{
    private const int Connections = 8;

    private readonly SocketsHttpHandler[] _handlers = [.. Enumerable.Range(0, Connections).Select(_ => new SocketsHttpHandler())];
    private long _next;

    /// <summary>Calls for some time.</summary>
    /// <returns>Latencies of the calls, ascending, and the decisions a second.</returns>
    public async Task<(TimeSpan[] Latencies, double Rate)> RunAsync(int callers, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        List<TimeSpan>[] latencies = await Task.WhenAll(Enumerable.Range(0, callers).Select(i => Task.Run(() => CallAsync(i, start, time))));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        TimeSpan[] all = [.. latencies.SelectMany(l => l).Order()];
        return (all, all.Length / seconds);
    }

    private async Task<List<TimeSpan>> CallAsync(int caller, long start, TimeSpan time)
    {
        using HttpMessageInvoker client = new(_handlers[caller % Connections], disposeHandler: false);
        Uri decide = new(address, "/scoring.v1.DecisionService/Decide");
        List<TimeSpan> latencies = [];
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            DecideRequest message = new() { CustomerId = $"C{1 + (Interlocked.Increment(ref _next) % customers):D7}", Channel = "web", Direction = Direction.Inbound };
            byte[] body = new byte[5 + message.CalculateSize()];
            BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), body.Length - 5);
            message.WriteTo(body.AsSpan(5));
            using HttpRequestMessage request = new(HttpMethod.Post, decide)
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
            };
            request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
            long sent = Stopwatch.GetTimestamp();
            using HttpResponseMessage response = await client.SendAsync(request, CancellationToken.None);
            await response.Content.LoadIntoBufferAsync();
            if (!response.TrailingHeaders.TryGetValues("grpc-status", out IEnumerable<string>? status) || status.Single() != "0")
            {
                throw new InvalidOperationException($"Decide answered {response}{response.TrailingHeaders}");
            }
            latencies.Add(Stopwatch.GetElapsedTime(sent));
        }
        return latencies;
    }
}
