using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>
/// What the file MANIFEST says of a data directory: who it is and which snapshots are good. Only what it names counts. JSON,
/// and a last line with the CRC32C of all bytes before it. Immutable.
/// </summary>
internal sealed record Manifest
{
    /// <summary>The newest format that this program reads, and the one it writes.</summary>
    public const int CurrentFormat = 1;

    private const string ChecksumLabel = "crc32c ";
    private const int ChecksumLine = 7 + 8 + 1;

    public int Format { get; init; } = CurrentFormat;

    /// <summary>Random name of the directory; every file in it has the same.</summary>
    public required Guid Lineage { get; init; }

    /// <summary>Key of the hashes in the register of erasures: 32 random bytes, in lower-case hex.</summary>
    public required string ErasureSalt { get; init; }

    /// <summary>Number of entries the register of erasures has at least.</summary>
    public long Erasures { get; init; }

    /// <summary>The snapshots, newest first, at most two.</summary>
    public ImmutableArray<SnapshotInfo> Generations { get; init; } = [];

    /// <summary>Where the journal ended when the directory was closed in order; absent while it is open.</summary>
    public JournalPosition? Closed { get; init; }

    /// <summary>Where the contacts journal ended then.</summary>
    public JournalPosition? ContactsClosed { get; init; }

    /// <summary>The bytes of the file.</summary>
    public byte[] Encode()
    {
        string json = JsonSerializer.Serialize(this, StorageJson.Default.Manifest) + "\n";
        return Encoding.UTF8.GetBytes(json + LastLine(Encoding.UTF8.GetBytes(json)));
    }

    /// <summary>Reads the bytes of the file.</summary>
    /// <exception cref="StorageCorruptionException">They are not what was written.</exception>
    /// <exception cref="DataDirectoryException">A newer program has written them.</exception>
    public static Manifest Decode(ReadOnlySpan<byte> bytes, string path)
    {
        ReadOnlySpan<byte> json = bytes[..Math.Max(0, bytes.Length - ChecksumLine)];
        if (!bytes[json.Length..].SequenceEqual(Encoding.ASCII.GetBytes(LastLine(json))))
        {
            throw new StorageCorruptionException(path, json.Length, "the whole directory: its manifest does not match its checksum");
        }
        try
        {
            // The format first: what a newer one has beside it may not be readable.
            using JsonDocument document = JsonDocument.Parse(json.ToArray());
            int format = document.RootElement.GetProperty("format").GetInt32();
            if (format > CurrentFormat)
            {
                throw new DataDirectoryException(DataDirectoryProblem.NewerFormat,
                    $"{path} has format {format}; this program reads up to {CurrentFormat}: use the version that has written it, or a later one");
            }
            return document.Deserialize(StorageJson.Default.Manifest) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new StorageCorruptionException(path, 0, $"the whole directory: its manifest is not one ({e.Message})");
        }
    }

    private static string LastLine(ReadOnlySpan<byte> json)
        => ChecksumLabel + Crc32C.Compute(json).ToString("x8", CultureInfo.InvariantCulture) + "\n";
}

/// <summary>How the data directory writes its JSON.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Manifest))]
internal sealed partial class StorageJson : JsonSerializerContext;
