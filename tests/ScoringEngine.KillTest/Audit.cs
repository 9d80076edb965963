using System.IO.MemoryMappedFiles;

namespace ScoringEngine.KillTest;

/// <summary>
/// What may be stored under each key, in a mapped file: what a process has written there is kept by the system when the
/// process is killed. A key has versions 1, 2, ... of which one at most is under way at a time; what is stored must be the
/// acknowledged one or the one that was sent after it.
/// </summary>
internal sealed class Audit : IDisposable
{
    /// <summary>Keys 0 to <see cref="Keys"/> - 1 are written.</summary>
    public const int Keys = 6_000;

    private const int AcknowledgedWritesOffset = 0;
    private const int HeaderBytes = 8;
    private const int EntryBytes = 12;
    private const int AcknowledgedOffset = 0;
    private const int SentOffset = 4;
    private const int LastOffset = 8;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Lock _countLock = new();

    /// <summary>Opens an audit, or starts one.</summary>
    public Audit(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, mapName: null, HeaderBytes + ((long)Keys * EntryBytes));
        _view = _file.CreateViewAccessor();
    }

    /// <summary>Writes acknowledged in all.</summary>
    public long AcknowledgedWrites => _view.ReadInt64(AcknowledgedWritesOffset);

    /// <summary>The version that is known to be stored; 0 for none yet.</summary>
    public int Acknowledged(int key) => _view.ReadInt32(Entry(key) + AcknowledgedOffset);

    /// <summary>The version that may be stored instead.</summary>
    public int Sent(int key) => _view.ReadInt32(Entry(key) + SentOffset);

    /// <summary>Whether a version is a deletion.</summary>
    public static bool IsDeletion(int version) => version % 6 == 0;

    /// <summary>Takes the next version of a key, before it is sent.</summary>
    public int Send(int key)
    {
        int version = _view.ReadInt32(Entry(key) + LastOffset) + 1;
        _view.Write(Entry(key) + LastOffset, version);
        _view.Write(Entry(key) + SentOffset, version);
        return version;
    }

    /// <summary>Notes that the version sent last was acknowledged.</summary>
    public void Acknowledge(int key)
    {
        _view.Write(Entry(key) + AcknowledgedOffset, Sent(key));
        lock (_countLock)
        {
            _view.Write(AcknowledgedWritesOffset, AcknowledgedWrites + 1);
        }
    }

    /// <summary>Compares what is stored with what may be; from then on that is what must be stored.</summary>
    /// <param name="stored">By key: the version found, <see cref="Stored.Nothing"/> or <see cref="Stored.Torn"/>.</param>
    public Findings Verify(ReadOnlySpan<int> stored)
    {
        Findings findings = new();
        for (int key = 0; key < Keys; key++)
        {
            int acknowledged = Acknowledged(key);
            int sent = Sent(key);
            int found = stored[key];
            if (found == StateAfter(sent))
            {
                // Also when it cannot be told from the acknowledged one.
                findings.Customers += found == Stored.Nothing ? 0 : 1;
                _view.Write(Entry(key) + AcknowledgedOffset, sent);
            }
            else if (found == StateAfter(acknowledged))
            {
                findings.Customers += found == Stored.Nothing ? 0 : 1;
                _view.Write(Entry(key) + SentOffset, acknowledged);
            }
            else
            {
                string what = $"key {key}: acknowledged {Describe(acknowledged)}, sent {Describe(sent)}, found {(found == Stored.Torn ? "a torn record" : found == Stored.Nothing ? "nothing" : $"version {found}")}";
                if (found == Stored.Torn)
                {
                    findings.Torn.Add(what);
                }
                else if (found > sent || (found != Stored.Nothing && found > acknowledged))
                {
                    findings.Phantom.Add(what);
                }
                else
                {
                    findings.Lost.Add(what);
                }
            }
        }
        return findings;
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private static int StateAfter(int version) => version == 0 || IsDeletion(version) ? Stored.Nothing : version;

    private static string Describe(int version) => version == 0 ? "nothing" : IsDeletion(version) ? $"deletion {version}" : $"version {version}";

    private static long Entry(int key) => HeaderBytes + ((long)key * EntryBytes);
}

/// <summary>States of a key beside the versions.</summary>
internal static class Stored
{
    public const int Nothing = 0;
    public const int Torn = -1;

    /// <summary>The version of a stored customer: what all its features equal, when it is whole.</summary>
    public static int VersionOf(ReadOnlySpan<float> features, int expectedFeatures)
        => features.Length > 0 && !features.ContainsAnyExcept(features[0]) && features[0] is > 0 and < 1 << 24 && features.Length == expectedFeatures
            ? (int)features[0] : Torn;
}

/// <summary>What a comparison of the audit with the customers found.</summary>
internal sealed class Findings
{
    /// <summary>Customers that are stored as they must be.</summary>
    public int Customers { get; set; }

    /// <summary>Keys that have an older state than the acknowledged one.</summary>
    public List<string> Lost { get; } = [];

    /// <summary>Keys that have a state that was never sent.</summary>
    public List<string> Phantom { get; } = [];

    /// <summary>Keys whose record is of more than one write.</summary>
    public List<string> Torn { get; } = [];

    /// <summary>Whether nothing is wrong.</summary>
    public bool Clean => Lost.Count + Phantom.Count + Torn.Count == 0;

    public override string ToString() => $"{Customers} customers, {Lost.Count} lost, {Phantom.Count} phantom, {Torn.Count} torn";
}
