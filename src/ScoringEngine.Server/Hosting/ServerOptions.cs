using System.ComponentModel.DataAnnotations;
using System.Net;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Server.Hosting;

/// <summary>
/// Settings of <see cref="ScoringServer"/>, checked when it starts. Configuration section <c>ScoringEngine</c> (environment
/// variables <c>ScoringEngine__Port</c> and so on); flags of <c>serve</c> override the same keys.
/// </summary>
internal sealed class ServerOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "ScoringEngine";

    /// <summary>Largest message in either direction, in bytes; the usual limit of gRPC clients.</summary>
    public const int MaxMessageBytes = 4 << 20;

    private const string Expected = "{0}: expected {1} to {2}";

    private static readonly string[] NeedDataDirectory =
        [nameof(Durability), nameof(CommitIntervalMs), nameof(SnapshotSeconds), nameof(SnapshotJournalBytes), nameof(Repair)];

    /// <summary>Folder of the workspace; default the current folder.</summary>
    [Required(ErrorMessage = "{0}: empty, expected a folder")]
    public string Workspace { get; set; } = ".";

    /// <summary>Version to serve, 1 or more; 0 (default) for the newest.</summary>
    [Range(0, int.MaxValue, ErrorMessage = Expected)]
    public int Version { get; set; }

    /// <summary>IP address to listen on; default 127.0.0.1, so that nothing outside this machine reaches the server.</summary>
    public string Address { get; set; } = IPAddress.Loopback.ToString();

    /// <summary>TCP port, 0 to 65,535; 0 takes a free one. Default 5005.</summary>
    [Range(0, ushort.MaxValue, ErrorMessage = Expected)]
    public int Port { get; set; } = 5005;

    /// <summary>
    /// Memory for the records of customers in bytes, 16 MiB to 1 TiB, rounded down to a power of two; the index comes on
    /// top (12 to 24 bytes for each customer that fits). Records beyond it are on disk. Default 1 GiB.
    /// </summary>
    [Range(typeof(long), "16777216", "1099511627776", ErrorMessage = Expected)]
    public long MemoryBytes { get; set; } = 1L << 30;

    /// <summary>
    /// Number of customers that the index is made for, 1 to 10 thousand million; 0 (default) for as many as fit into
    /// <see cref="MemoryBytes"/>. With more of them calls become slower, never wrong.
    /// </summary>
    [Range(typeof(long), "0", "10000000000", ErrorMessage = Expected)]
    public long ExpectedCustomers { get; set; }

    /// <summary>
    /// Folder that keeps the customers, made when it is not there; one server at a time. Null (default): customers are in
    /// memory only and end with the server.
    /// </summary>
    public string? DataDirectory { get; set; }

    /// <summary>
    /// What an answered write survives. Commit (default): a crash of the machine. Interval: the same, but for the writes of one
    /// <see cref="CommitIntervalMs"/>. None: a crash of the server, but not of the machine. Needs a <see cref="DataDirectory"/>, as
    /// do all settings below but <see cref="DrainSeconds"/>.
    /// </summary>
    [EnumDataType(typeof(Durability), ErrorMessage = "{0}: expected Commit, Interval or None")]
    public Durability Durability { get; set; } = Durability.Commit;

    /// <summary>With <see cref="Durability.Interval"/>: the longest time until a write is on disk, 1 to 3,600,000 milliseconds. Default 100.</summary>
    [Range(1, 3_600_000, ErrorMessage = Expected)]
    public int CommitIntervalMs { get; set; } = 100;

    /// <summary>Time after which a snapshot is taken if anything was written, 1 to 604,800 seconds. Default 3,600.</summary>
    [Range(1, 604_800, ErrorMessage = Expected)]
    public int SnapshotSeconds { get; set; } = 3600;

    /// <summary>
    /// Bytes of journal after which a snapshot is taken, 64 KiB to 1 TiB: they bound the disk the journal takes and the time of
    /// recovery. Default 1 GiB.
    /// </summary>
    [Range(typeof(long), "65536", "1099511627776", ErrorMessage = Expected)]
    public long SnapshotJournalBytes { get; set; } = 1L << 30;

    /// <summary>
    /// Whether to start on a data directory that is damaged: what is provable is kept, what is lost is listed in a file
    /// repair-TIME.txt in it. Default false: damage stops the start.
    /// </summary>
    public bool Repair { get; set; }

    /// <summary>Time that calls have to end when the server stops, 0 to 300 seconds. Default 10.</summary>
    [Range(0, 300, ErrorMessage = Expected)]
    public int DrainSeconds { get; set; } = 10;

    /// <summary>Reads and checks the section.</summary>
    /// <exception cref="CommandFailure">Values are out of range or of the wrong kind; it names them all.</exception>
    public static ServerOptions Read(IConfiguration configuration)
    {
        ServerOptions options = new();
        try
        {
            configuration.GetSection(Section).Bind(options);
        }
        catch (InvalidOperationException e)
        {
            throw new CommandFailure(e.Message, ExitCode.Usage);
        }
        List<ValidationResult> violations = [];
        Validator.TryValidateObject(options, new ValidationContext(options), violations, validateAllProperties: true);
        if (!IPAddress.TryParse(options.Address, out _))
        {
            violations.Add(new ValidationResult($"{nameof(Address)}: '{options.Address}', expected an IP address such as 127.0.0.1 or 0.0.0.0"));
        }
        if (options.DataDirectory?.Length == 0)
        {
            violations.Add(new ValidationResult($"{nameof(DataDirectory)}: empty, expected a folder"));
        }
        foreach (string name in options.DataDirectory is null ? NeedDataDirectory : [])
        {
            if (configuration.GetSection(Section)[name] is not null)
            {
                violations.Add(new ValidationResult($"{name}: customers are in memory only, expected a {nameof(DataDirectory)} (--data)"));
            }
        }
        return violations.Count == 0 ? options
            : throw new CommandFailure(string.Join(Environment.NewLine, violations.Select(v => v.ErrorMessage)), ExitCode.Usage);
    }
}
