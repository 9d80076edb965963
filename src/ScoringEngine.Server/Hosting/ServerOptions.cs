using System.ComponentModel.DataAnnotations;
using System.Net;

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

    /// <summary>Folder of the workspace; default the current folder.</summary>
    [Required]
    public string Workspace { get; set; } = ".";

    /// <summary>Version to serve, 1 or more; 0 (default) for the newest.</summary>
    [Range(0, int.MaxValue)]
    public int Version { get; set; }

    /// <summary>IP address to listen on; default 127.0.0.1, so that nothing outside this machine reaches the server.</summary>
    [Required]
    public string Address { get; set; } = IPAddress.Loopback.ToString();

    /// <summary>TCP port, 0 to 65,535; 0 takes a free one. Default 5005.</summary>
    [Range(0, ushort.MaxValue)]
    public int Port { get; set; } = 5005;

    /// <summary>
    /// Memory for the records of customers in bytes, 16 MiB to 1 TiB, rounded down to a power of two; the index comes on
    /// top (12 to 24 bytes for each customer that fits). Records beyond it are on disk. Default 1 GiB.
    /// </summary>
    [Range(typeof(long), "16777216", "1099511627776")]
    public long MemoryBytes { get; set; } = 1L << 30;

    /// <summary>Time that calls have to end when the server stops, 0 to 300 seconds. Default 10.</summary>
    [Range(0, 300)]
    public int DrainSeconds { get; set; } = 10;
}
