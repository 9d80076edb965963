using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>A way to compress messages. Thread safe.</summary>
public interface ICompressionProvider
{
    /// <summary>The name in <c>grpc-encoding</c>, such as "gzip".</summary>
    string EncodingName { get; }

    /// <summary>A stream that compresses what is written to it into another, which stays open when it is disposed.</summary>
    /// <param name="stream">Where the compressed bytes go.</param>
    /// <param name="compressionLevel">How hard to try; null for the provider's own level.</param>
    Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel);

    /// <summary>A stream that reads the compressed bytes of another, which stays open when it is disposed.</summary>
    Stream CreateDecompressionStream(Stream stream);
}

/// <summary>The "gzip" encoding (RFC 1952).</summary>
public sealed class GzipCompressionProvider : ICompressionProvider
{
    private readonly CompressionLevel _defaultLevel;

    /// <summary>Gzip at a level of its own, for calls that name none.</summary>
    public GzipCompressionProvider(CompressionLevel defaultCompressionLevel) => _defaultLevel = defaultCompressionLevel;

    /// <inheritdoc/>
    public string EncodingName => "gzip";

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new GZipStream(stream, compressionLevel ?? _defaultLevel, leaveOpen: true);

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) =>
        new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
}

/// <summary>The "deflate" encoding, which in HTTP means deflate in a zlib envelope (RFC 1950).</summary>
public sealed class DeflateCompressionProvider : ICompressionProvider
{
    private readonly CompressionLevel _defaultLevel;

    /// <summary>Deflate at a level of its own, for calls that name none.</summary>
    public DeflateCompressionProvider(CompressionLevel defaultCompressionLevel) => _defaultLevel = defaultCompressionLevel;

    /// <inheritdoc/>
    public string EncodingName => "deflate";

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new ZLibStream(stream, compressionLevel ?? _defaultLevel, leaveOpen: true);

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) =>
        new ZLibStream(stream, CompressionMode.Decompress, leaveOpen: true);
}
