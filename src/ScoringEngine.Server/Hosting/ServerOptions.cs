using System.ComponentModel.DataAnnotations;
using System.Net;
using ScoringEngine.Server.CommandLine;

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
        return violations.Count == 0 ? options
            : throw new CommandFailure(string.Join(Environment.NewLine, violations.Select(v => v.ErrorMessage)), ExitCode.Usage);
    }
}
