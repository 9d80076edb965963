using System.Collections.Concurrent;
using System.IO.Compression;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;

namespace Grpc.Contracts.Tests.Calls;

/// <summary>Compressed messages over a real connection.</summary>
public class CompressionTests
{
    private const string RequestEncodingKey = "grpc-internal-encoding-request";

    public static TheoryData<string> Encodings => ["gzip", "deflate"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task Unary_BothSidesCompress_EachMessageIsCompressedAndReadBack(string encoding)
    {
        Recorder atClient = new(Provider(encoding));
        Recorder atServer = new(Provider(encoding));
        await using EchoServer server = await EchoServer.StartAsync(options => Compress(options, atServer));
        string? announced = null;
        server.Service.OnCall = context =>
        {
            announced = context.GetHttpContext().Request.Headers["grpc-encoding"];
            return Task.CompletedTask;
        };
        using GrpcChannel channel = server.OpenChannel(new GrpcChannelOptions { CompressionProviders = [atClient] });
        string text = new('x', 10_000);

        EchoReply reply = await new Echo.EchoClient(channel).SayAsync(
            new EchoRequest { Text = text }, new Metadata { { RequestEncodingKey, encoding } });

        Assert.Equal(text, reply.Text);
        Assert.Equal(encoding, announced);
        Assert.Equal(["compress", "decompress"], atClient.Events);
        Assert.Equal(["decompress", "compress"], atServer.Events);
    }

    [Fact]
    public async Task Unary_NoCompressOnBothSides_SendsPlainMessages()
    {
        Recorder atClient = new(Provider("gzip"));
        Recorder atServer = new(Provider("gzip"));
        await using EchoServer server = await EchoServer.StartAsync(options => Compress(options, atServer));
        server.Service.OnCall = context =>
        {
            context.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
            return Task.CompletedTask;
        };
        using GrpcChannel channel = server.OpenChannel(new GrpcChannelOptions { CompressionProviders = [atClient] });

        EchoReply reply = await new Echo.EchoClient(channel).SayAsync(
            new EchoRequest { Text = "plain" },
            new CallOptions(
                new Metadata { { RequestEncodingKey, "gzip" } }, writeOptions: new WriteOptions(WriteFlags.NoCompress)));

        Assert.Equal("plain", reply.Text);
        Assert.Empty(atClient.Events);
        Assert.Empty(atServer.Events);
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void CompressionProvider_RoundTrip_LeavesTheInnerStreamOpen(string encoding)
    {
        ICompressionProvider provider = Provider(encoding);
        using MemoryStream compressed = new();
        byte[] message = new byte[10_000];

        provider.CreateCompressionStream(compressed, null).Dispose();
        Assert.True(compressed.CanWrite);
        compressed.SetLength(0);
        using (Stream stream = provider.CreateCompressionStream(compressed, CompressionLevel.SmallestSize))
        {
            stream.Write(message);
        }

        Assert.Equal(encoding, provider.EncodingName);
        Assert.InRange(compressed.Length, 1, message.Length / 10);
        compressed.Position = 0;
        using MemoryStream read = new();
        using (Stream stream = provider.CreateDecompressionStream(compressed))
        {
            stream.CopyTo(read);
        }
        Assert.True(compressed.CanRead);
        Assert.Equal(message, read.ToArray());
    }

    [Fact]
    public void DeflateCompressionProvider_Output_HasAZlibHeader()
    {
        using MemoryStream compressed = new();
        using (Stream stream = Provider("deflate").CreateCompressionStream(compressed, null))
        {
            stream.WriteByte(1);
        }

        byte[] bytes = compressed.ToArray();
        Assert.Equal(8, bytes[0] & 0xF);
        Assert.Equal(0, ((bytes[0] << 8) | bytes[1]) % 31);
    }

    private static ICompressionProvider Provider(string encoding) => encoding == "gzip"
        ? new GzipCompressionProvider(CompressionLevel.Fastest)
        : new DeflateCompressionProvider(CompressionLevel.Fastest);

    private static void Compress(GrpcServiceOptions options, Recorder provider)
    {
        options.CompressionProviders = [provider];
        options.ResponseCompressionAlgorithm = provider.EncodingName;
        options.ResponseCompressionLevel = CompressionLevel.Optimal;
    }

    /// <summary>Passes on to a provider and notes what it is asked for.</summary>
    private sealed class Recorder(ICompressionProvider provider) : ICompressionProvider
    {
        public ConcurrentQueue<string> Events { get; } = [];

        public string EncodingName => provider.EncodingName;

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel)
        {
            Events.Enqueue("compress");
            return provider.CreateCompressionStream(stream, compressionLevel);
        }

        public Stream CreateDecompressionStream(Stream stream)
        {
            Events.Enqueue("decompress");
            return provider.CreateDecompressionStream(stream);
        }
    }
}
