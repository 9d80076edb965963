using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>Where a decision, made again, is not what was logged.</summary>
/// <param name="DecisionId">The decision.</param>
/// <param name="Field">Path of the first field that differs, as in the record, such as <c>scores[3]</c>.</param>
/// <param name="Logged">What was logged.</param>
/// <param name="Recomputed">What came out now.</param>
public sealed record DecisionDifference(string DecisionId, string Field, string Logged, string Recomputed)
{
    /// <summary>The difference in a sentence.</summary>
    public override string ToString() => $"decision {DecisionId}: {Field} was logged as {Logged}, is now {Recomputed}";
}

/// <summary>
/// Makes logged decisions again, each with the workspace that was archived with it and the version that it names, and compares bit for
/// bit. Thread-safe: several threads may replay at once.
/// </summary>
public sealed class DecisionReplay
{
    // The log's own, and what the caller adds after deciding.
    private static readonly HashSet<int> NotDecided =
    [
        DecisionRecord.PseudonymFieldNumber, DecisionRecord.SealedFieldNumber, DecisionRecord.EncryptedFieldNumber,
        DecisionRecord.DegradedFieldNumber, DecisionRecord.ExpiresUnixMsFieldNumber, DecisionRecord.HouseholdFieldNumber,
        DecisionRecord.InteractionFieldNumber, DecisionRecord.DecisionKeyFieldNumber,
    ];

    private readonly Func<ByteString, ArchiveRecord?> _archives;
    private readonly string _directory;
    private readonly Numbering _propositions;
    private readonly Numbering _channels;
    private readonly ConcurrentDictionary<ByteString, Lazy<Desk>> _desks = [];

    /// <summary>A replay of one log.</summary>
    /// <param name="archives">The archived workspace of a hash; null where the log has none.</param>
    /// <param name="directory">The workspace's folder, which has the versions.</param>
    /// <param name="propositions">Numbers of the propositions in the log.</param>
    /// <param name="channels">Numbers of the channels in the log.</param>
    public DecisionReplay(Func<ByteString, ArchiveRecord?> archives, string directory, Numbering propositions, Numbering channels)
    {
        ArgumentNullException.ThrowIfNull(archives);
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(propositions);
        ArgumentNullException.ThrowIfNull(channels);
        (_archives, _directory, _propositions, _channels) = (archives, directory, propositions, channels);
    }

    /// <summary>Makes a decision again.</summary>
    /// <param name="record">What was logged.</param>
    /// <param name="inputs">What it depended on.</param>
    /// <returns>The first difference; null where there is none.</returns>
    /// <exception cref="InvalidDataException">Its workspace or version is not to be had, or it does not fit them.</exception>
    public DecisionDifference? Replay(DecisionRecord record, DecisionInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(inputs);
        Desk desk = DeskOf(record);
        Attempt attempt = desk.Rent();
        try
        {
            DecisionInput input = desk.Codec.FromInputs(record, inputs, attempt.Block.Row(0));
            DecisionModel model = desk.Codec.Model;
            model.Score(attempt.Block, 1);
            model.Decide(attempt.Block, 0, in input, attempt.Trace);
            DecisionIdentity identity = new() { DecisionId = record.DecisionId, RunId = record.RunId };
            DecisionRecord now = desk.Codec.ToRecord(attempt.Trace, attempt.Block, 0, in input, in identity);
            return Difference(record, now, _propositions) is not { } found ? null
                : found with { DecisionId = DecisionIdentity.IdOf(record, inputs) };
        }
        finally
        {
            desk.Return(attempt);
        }
    }

    /// <summary>The model that a decision was made with.</summary>
    /// <exception cref="InvalidDataException">Its workspace or version is not to be had.</exception>
    public DecisionCodec CodecOf(DecisionRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return DeskOf(record).Codec;
    }

    /// <summary>The first field in which two decisions differ, in the order of the field numbers; null where they are the same to the bit.</summary>
    internal static DecisionDifference? Difference(DecisionRecord logged, DecisionRecord now, Numbering propositions)
    {
        foreach (FieldDescriptor field in DecisionRecord.Descriptor.Fields.InFieldNumberOrder())
        {
            if (!NotDecided.Contains(field.FieldNumber)
                && Difference(field.Name, field.Accessor.GetValue(logged), field.Accessor.GetValue(now)) is { } found)
            {
                // A column of the candidates: say whose element it is.
                int at = found.Index;
                string candidate = at < 0 || at >= now.Candidates.Count || field.FieldNumber is DecisionRecord.ChosenFieldNumber or DecisionRecord.OfferedFieldNumber ? ""
                    : $" ({(now.Candidates[at] == 0 ? PropositionValue.DoNothingId : propositions.NameOf((int)now.Candidates[at]))})";
                return new DecisionDifference(logged.DecisionId, found.Path + candidate, found.Logged, found.Now);
            }
        }
        return null;
    }

    private static (string Path, int Index, string Logged, string Now)? Difference(string path, object logged, object now)
    {
        switch (logged, now)
        {
            case (IMessage a, IMessage b):
                foreach (FieldDescriptor field in a.Descriptor.Fields.InFieldNumberOrder())
                {
                    if (Difference($"{path}.{field.Name}", field.Accessor.GetValue(a), field.Accessor.GetValue(b)) is { } inner)
                    {
                        return inner;
                    }
                }
                return null;
            case (ByteString a, ByteString b) when a.Length != b.Length || a.Length > 256:
                return a.Equals(b) ? null : (path, -1, $"{a.Length} bytes", $"{b.Length} others");
            case (ByteString a, ByteString b):
                return Elements(a.ToByteArray(), b.ToByteArray());
            case (IList a, IList b):
                return Elements(a, b);
            default:
                return Same(logged, now) ? null : (path, -1, Text(logged), Text(now));
        }

        (string, int, string, string)? Elements(IList a, IList b)
        {
            if (a.Count != b.Count)
            {
                return (path, -1, $"{a.Count} elements", $"{b.Count}");
            }
            for (int i = 0; i < a.Count; i++)
            {
                if (Difference($"{path}[{i}]", a[i]!, b[i]!) is { } inner)
                {
                    return inner with { Index = i };
                }
            }
            return null;
        }
    }

    private static bool Same(object a, object b) => (a, b) switch
    {
        (double x, double y) => BitConverter.DoubleToInt64Bits(x) == BitConverter.DoubleToInt64Bits(y),
        (float x, float y) => BitConverter.SingleToInt32Bits(x) == BitConverter.SingleToInt32Bits(y),
        _ => a.Equals(b),
    };

    private static string Text(object value) => value switch
    {
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        float number => number.ToString("R", CultureInfo.InvariantCulture),
        string text => $"'{text}'",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private Desk DeskOf(DecisionRecord record)
    {
        Desk desk = _desks.GetOrAdd(record.WorkspaceHash, hash => new Lazy<Desk>(() => Open(hash))).Value;
        ModelManifest manifest = desk.Codec.Model.Models.Manifest;
        return manifest.Version == record.ModelVersion ? desk
            : throw new InvalidDataException($"decision {record.DecisionId}: was made with version {record.ModelVersion}, its workspace archive is of version {manifest.Version}");
    }

    private Desk Open(ByteString hash)
    {
        ArchiveRecord archive = _archives(hash)
            ?? throw new InvalidDataException($"the log has no workspace archive {Convert.ToHexStringLower(hash.Span[..Math.Min(6, hash.Length)])}");
        (Workspace workspace, ModelSet models) = WorkspaceArchive.Open(archive, _directory);
        return new Desk(new DecisionCodec(new DecisionModel(workspace, models, _propositions, _channels), hash));
    }

    /// <summary>What the decisions of one workspace and version are made again with.</summary>
    private sealed class Desk(DecisionCodec codec)
    {
        private readonly ConcurrentBag<Attempt> _free = [];

        public DecisionCodec Codec { get; } = codec;

        public Attempt Rent() => _free.TryTake(out Attempt? attempt) ? attempt : new Attempt(Codec.Model.Scorer.CreateBlock(1), Codec.Model.CreateTrace());

        public void Return(Attempt attempt) => _free.Add(attempt);
    }

    private sealed record Attempt(ScoreBlock Block, DecisionTrace Trace);
}
