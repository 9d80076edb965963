using System.Buffers.Binary;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Storage.Snapshots;

/// <summary>
/// Schema versions and categories as blocks of a snapshot; of each entry kind u8 (0 version, 1 category), length u32, payload
/// (<see cref="SchemaPayload"/>).
/// </summary>
internal sealed class SnapshotSchemas : ISchemaLog
{
    private const int BlockBytes = 256 << 10;
    private const int EntryHeadBytes = 5;

    private readonly SnapshotWriter _writer;
    private readonly MemoryStream _block = new();
    private int _count;

    private SnapshotSchemas(SnapshotWriter writer) => _writer = writer;

    /// <summary>Adds the schemas to a snapshot.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(SnapshotWriter writer, StoredSchemas schemas)
    {
        SnapshotSchemas blocks = new(writer);
        schemas.Write(blocks);
        blocks.End();
    }

    /// <summary>Reads a block.</summary>
    /// <exception cref="InvalidDataException">The payload is none.</exception>
    public static void Load(ReadOnlySpan<byte> block, ISchemaLog schemas)
    {
        while (!block.IsEmpty)
        {
            int length = block.Length < EntryHeadBytes ? -1 : BinaryPrimitives.ReadInt32LittleEndian(block[1..]);
            if (length < 0 || length > block.Length - EntryHeadBytes || block[0] > 1)
            {
                throw new InvalidDataException("a block of schemas ends within an entry");
            }
            ReadOnlySpan<byte> payload = block.Slice(EntryHeadBytes, length);
            if (block[0] == 0)
            {
                schemas.Version(payload);
            }
            else
            {
                schemas.Category(payload);
            }
            block = block[(EntryHeadBytes + length)..];
        }
    }

    public void Version(ReadOnlySpan<byte> payload) => Add(0, payload);

    public void Category(ReadOnlySpan<byte> payload) => Add(1, payload);

    private void Add(byte kind, ReadOnlySpan<byte> payload)
    {
        if (_block.Length + EntryHeadBytes + payload.Length > BlockBytes)
        {
            End();
        }
        Span<byte> head = stackalloc byte[EntryHeadBytes];
        head[0] = kind;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], payload.Length);
        _block.Write(head);
        _block.Write(payload);
        _count++;
    }

    private void End()
    {
        if (_count > 0)
        {
            _writer.Add(SnapshotBlock.Schemas, _count, _block.GetBuffer().AsSpan(0, (int)_block.Length));
            _block.SetLength(0);
            _count = 0;
        }
    }
}
