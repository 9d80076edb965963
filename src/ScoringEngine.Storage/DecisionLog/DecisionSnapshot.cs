using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>Begin of a file with the decision log's state: 64 bytes, see FORMAT.md.</summary>
/// <param name="Lineage">Of the data directory.</param>
/// <param name="NextDecision">First record of the journal of decisions that is not contained; all before it are on the device.</param>
/// <param name="NextValue">First record of the journal of values that was not on the device when this was written.</param>
/// <param name="CreatedUnixMs">When it was written.</param>
internal readonly record struct DecisionSnapshotHeader(Guid Lineage, ulong NextDecision, ulong NextValue, long CreatedUnixMs)
{
    public const int Bytes = 64;
    public const uint CurrentFormat = 1;

    private const int ChecksumOffset = Bytes - sizeof(uint);
    private static ReadOnlySpan<byte> Magic => "SEDECI\0\x01"u8;

    public void Write(Span<byte> bytes)
    {
        bytes[..Bytes].Clear();
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], CurrentFormat);
        Lineage.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], NextDecision);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], NextValue);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[48..], CreatedUnixMs);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ChecksumOffset..], Crc32C.Compute(bytes[..ChecksumOffset]));
    }

    /// <exception cref="StorageCorruptionException">The bytes are not what was written.</exception>
    /// <exception cref="DataDirectoryException">A newer program has written them.</exception>
    public static DecisionSnapshotHeader Read(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.Length < Bytes || !bytes.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumOffset..]) != Crc32C.Compute(bytes[..ChecksumOffset]))
        {
            throw new StorageCorruptionException(path, 0, "the whole snapshot of the decision log: its header is damaged");
        }
        uint format = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (format > CurrentFormat)
        {
            throw new DataDirectoryException(DataDirectoryProblem.NewerFormat,
                $"{path} has format {format}; this program reads up to {CurrentFormat}: use the version that has written it, or a later one");
        }
        return new DecisionSnapshotHeader(new Guid(bytes.Slice(16, 16), bigEndian: true), BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]));
    }
}

/// <summary>
/// Writes and reads the state of the decision log: a header, then blocks like those of a snapshot of customers, each of messages with
/// their lengths; the last one is the footer.
/// </summary>
internal static class DecisionSnapshot
{
    private const string Extension = ".state";
    private const int BlockBytes = 256 << 10;

    private enum Block : uint
    {
        Names = 1,
        Archives = 2,
        Open = 3,
        Budgets = 4,
        Counts = 5,
        Interactions = 6,
        Households = 7,
        Footer = 8,
    }

    /// <summary>Paths of the files in a folder, newest first.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static List<string> List(IStorageFiles files, string folder)
        => [.. files.List(folder).Where(name => name.EndsWith(Extension, StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal).Select(name => Path.Combine(folder, name))];

    /// <summary>Writes a file that survives a crash, and reads it back; returns its path.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static string Write(IStorageFiles files, string folder, in DecisionSnapshotHeader header, DecisionStateImage state)
    {
        string path = Path.Combine(folder, header.NextDecision.ToString("D20", CultureInfo.InvariantCulture) + Extension);
        string temporary = path + StorageFiles.TemporarySuffix;
        files.Delete(temporary);
        try
        {
            using (Writer writer = new(files.Create(temporary)))
            {
                writer.Begin(in header);
                writer.Add(Block.Names, state.Names);
                writer.Add(Block.Archives, state.Archives);
                writer.Add(Block.Open, state.Open.Select(ToMessage));
                writer.Add(Block.Budgets, state.Budgets.Select(budget => new BudgetState
                {
                    Proposition = (uint)budget.Number,
                    SpentMicros = budget.Use.Spent,
                    ReservedMicros = budget.Use.Reserved,
                    Offers = budget.Use.Offers,
                    ReservedOffers = budget.Use.ReservedOffers,
                }));
                writer.Add(Block.Counts, state.Counts.Select(count => new CountState
                {
                    Proposition = (uint)count.Proposition,
                    SegmentId = (uint)count.SegmentId,
                    Offers = count.Offers,
                    Acceptances = count.Acceptances,
                }));
                writer.Add(Block.Interactions, state.Interactions.Select(interaction => new InteractionState
                {
                    Interaction = Hash128.ToBytes(interaction.Key),
                    Declined = { interaction.Declined.Select(number => (uint)number) },
                    TimeUnixMs = interaction.TimeUnixMs,
                }));
                writer.Add(Block.Households, state.Households.Select(household => ToMessage(household.Key, household.Contacts)));
                writer.Finish();
            }
            Read(files, temporary, header.Lineage, state: null);
            files.Move(temporary, path);
            files.FlushDirectory(folder);
            return path;
        }
        catch
        {
            files.Delete(temporary);
            throw;
        }
    }

    /// <summary>The contacts of a household.</summary>
    public static HouseholdState ToMessage(UInt128 household, ReadOnlySpan<ContactEvent> contacts)
        => new() { Household = Hash128.ToBytes(household), Contacts = ByteString.CopyFrom(MemoryMarshal.AsBytes(contacts)) };

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="StorageCorruptionException">It is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static DecisionSnapshotHeader ReadHeader(IStorageFiles files, string path)
    {
        using IStorageFile file = files.Open(path, write: false);
        byte[] bytes = new byte[DecisionSnapshotHeader.Bytes];
        return DecisionSnapshotHeader.Read(bytes.AsSpan(0, file.Read(bytes, 0)), path);
    }

    /// <summary>Reads a whole file.</summary>
    /// <param name="files">The files.</param>
    /// <param name="path">Which.</param>
    /// <param name="lineage">That of the data directory.</param>
    /// <param name="state">Filled with what it has; null only checks it.</param>
    /// <exception cref="StorageCorruptionException">It is not what was written.</exception>
    /// <exception cref="InvalidDataException">It is of another directory.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static DecisionSnapshotHeader Read(IStorageFiles files, string path, Guid lineage, DecisionState? state)
    {
        using IStorageFile file = files.Open(path, write: false);
        byte[] buffer = new byte[DecisionSnapshotHeader.Bytes];
        DecisionSnapshotHeader header = DecisionSnapshotHeader.Read(buffer.AsSpan(0, file.Read(buffer, 0)), path);
        if (header.Lineage != lineage)
        {
            throw new InvalidDataException($"{path} belongs to data directory {header.Lineage}, not to {lineage}");
        }
        long offset = DecisionSnapshotHeader.Bytes;
        Block type = 0;
        for (long index = 0; type != Block.Footer; index++)
        {
            byte[] head = new byte[SnapshotBlockHeader.Bytes];
            if (file.Read(head, offset) != head.Length || !SnapshotBlockHeader.TryRead(head, out SnapshotBlockHeader block) || block.Index != index)
            {
                throw Damaged(offset);
            }
            byte[] payload = new byte[block.Length];
            if (file.Read(payload, offset + head.Length) != payload.Length || Crc32C.Compute(payload) != block.Checksum)
            {
                throw Damaged(offset);
            }
            type = (Block)block.Type;
            try
            {
                Load(type, block.Count, payload, state);
            }
            catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException or ArgumentException)
            {
                throw new StorageCorruptionException(path, offset, $"a block of the decision log's snapshot: {e.Message}");
            }
            offset += head.Length + payload.Length;
        }
        if (offset != file.Length)
        {
            throw Damaged(offset);
        }
        state?.CompleteLoad();
        return header;

        StorageCorruptionException Damaged(long at) => new(path, at, "the decision log's snapshot: the bytes are not what was written");
    }

    private static void Load(Block type, int count, byte[] payload, DecisionState? state)
    {
        using CodedInputStream input = new(payload);
        for (int i = 0; i < count; i++)
        {
            switch (type)
            {
                case Block.Names:
                    NameRecord name = Next(NameRecord.Parser);
                    state?.Add(name);
                    break;
                case Block.Archives:
                    ArchiveState archive = Next(ArchiveState.Parser);
                    state?.Load(archive);
                    break;
                case Block.Open:
                    OpenDecisionState open = Next(OpenDecisionState.Parser);
                    state?.Load(open);
                    break;
                case Block.Budgets:
                    BudgetState budget = Next(BudgetState.Parser);
                    state?.Load(budget);
                    break;
                case Block.Counts:
                    CountState counts = Next(CountState.Parser);
                    state?.Load(counts);
                    break;
                case Block.Interactions:
                    InteractionState interaction = Next(InteractionState.Parser);
                    state?.Load(interaction);
                    break;
                case Block.Households:
                    HouseholdState household = Next(HouseholdState.Parser);
                    state?.Add(household);
                    break;
                default:
                    throw new InvalidDataException($"a block has unknown type {type}");
            }
        }
        if (!input.IsAtEnd)
        {
            throw new InvalidDataException("a block has more than its entries");
        }

        T Next<T>(MessageParser<T> parser)
            where T : IMessage<T>, new()
        {
            T message = new();
            input.ReadMessage(message);
            return message;
        }
    }

    private static OpenDecisionState ToMessage(OpenDecision decision) => new()
    {
        DecisionKey = Hash128.ToBytes(decision.Key),
        Sequence = decision.Sequence,
        Pseudonym = Hash128.ToBytes(decision.Customer?.Pseudonym ?? UInt128.Zero),
        TimeUnixMs = decision.TimeUnixMs,
        ExpiresUnixMs = decision.ExpiresUnixMs,
        SegmentId = (uint)decision.SegmentId,
        Channel = decision.Channel,
        HiddenId = decision.HasHiddenId,
        Household = Hash128.ToBytes(decision.Household),
        Interaction = Hash128.ToBytes(decision.Interaction),
        Slots = { decision.Slots.Select(ToMessage) },
        Outcomes = { decision.Outcomes.Select(outcome => new OpenOutcomeState { Sequence = outcome.Sequence, Request = outcome.Request }) },
    };

    private static OpenSlotState ToMessage(OpenSlot slot)
    {
        OpenSlotState message = new()
        {
            Proposition = slot.Proposition,
            MaturityDays = slot.MaturityDays,
            Events = (uint)slot.Events,
            ContactMicros = slot.ContactMicros,
            FulfilmentMicros = slot.FulfilmentMicros,
            PresentedUnixMs = slot.PresentedUnixMs,
            AnsweredUnixMs = slot.AnsweredUnixMs,
            GateTest = slot.IsGateTest,
        };
        if (!float.IsNaN(slot.PerceivedValue))
        {
            message.PerceivedValue = slot.PerceivedValue;
        }
        return message;
    }

    private sealed class Writer(IStorageFile file) : IDisposable
    {
        private readonly MemoryStream _payload = new();
        private int _count;
        private long _blocks;
        private long _offset;

        public void Begin(in DecisionSnapshotHeader header)
        {
            byte[] bytes = new byte[DecisionSnapshotHeader.Bytes];
            header.Write(bytes);
            file.Write(bytes, 0);
            _offset = bytes.Length;
        }

        public void Add(Block type, IEnumerable<IMessage> messages)
        {
            foreach (IMessage message in messages)
            {
                message.WriteDelimitedTo(_payload);
                _count++;
                if (_payload.Length >= BlockBytes)
                {
                    End(type);
                }
            }
            if (_count > 0)
            {
                End(type);
            }
        }

        public void Finish()
        {
            End(Block.Footer);
            file.Flush();
        }

        public void Dispose() => file.Dispose();

        private void End(Block type)
        {
            ReadOnlySpan<byte> payload = _payload.GetBuffer().AsSpan(0, (int)_payload.Length);
            byte[] head = new byte[SnapshotBlockHeader.Bytes];
            new SnapshotBlockHeader((SnapshotBlock)type, payload.Length, _count, _blocks++, Crc32C.Compute(payload)).Write(head);
            file.Write(head, _offset);
            file.Write(payload, _offset + head.Length);
            _offset += head.Length + payload.Length;
            _payload.SetLength(0);
            _count = 0;
        }
    }
}
