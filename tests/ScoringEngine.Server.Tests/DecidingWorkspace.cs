using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.Hosting;

namespace ScoringEngine.Server.Tests;

/// <summary>
/// Workspaces of which a test says catalogue and policy, with the version of <see cref="TrainedWorkspace"/>. The best proposition is the one
/// with the highest margin.
/// </summary>
internal static class DecidingWorkspace
{
    public const string Best = "best_offer";
    public const string Second = "second_offer";

    /// <summary>Two commercial propositions: 0.8 * 0.5 * 100 - 0.8 * 10 - 1 = 31 and 0.8 * 0.5 * 50 - 1 = 19 in value for the company.</summary>
    public static ImmutableArray<Proposition> Two { get; } =
    [
        Offer(Best, 100) with
        {
            Wording = ImmutableSortedDictionary<string, string>.Empty.Add("de", "Das Beste").Add("en", "The best"), Fulfilment = 10,
        },
        Offer(Second, 50),
    ];

    public static Proposition Offer(string id, double margin) => new()
    {
        Id = id,
        Name = id,
        Margin = Amount.Zero with { Base = margin },
        PriorPropensity = 0.8,
        Incrementality = 0.5,
        DefaultContact = 1,
        MaturityDays = 30,
    };

    /// <summary>At most so many contacts a week of a customer.</summary>
    public static ContactPolicy Cap(int most) => new()
    {
        Caps = [new ContactCap { Scope = ContactScope.Customer, Most = most, Window = TimeSpan.FromDays(7) }],
    };

    /// <summary>A workspace in a folder of its own.</summary>
    public static string Create(TrainedWorkspace trained, Policy? policy = null, IEnumerable<Proposition>? propositions = null)
    {
        string directory = trained.NewFolder();
        Directory.CreateDirectory(directory);
        foreach (string file in Directory.GetFiles(trained.Path))
        {
            File.Copy(file, Path.Combine(directory, Path.GetFileName(file)));
        }
        string version = Path.Combine(directory, "1");
        Directory.CreateDirectory(version);
        foreach (string file in Directory.GetFiles(Path.Combine(trained.Path, "1")))
        {
            File.Copy(file, Path.Combine(version, Path.GetFileName(file)));
        }
        Write(directory, policy ?? new Policy(), propositions ?? Two);
        return directory;
    }

    /// <summary>Changes catalogue and policy.</summary>
    public static void Write(string directory, Policy policy, IEnumerable<Proposition> propositions)
    {
        WorkspaceWriter.Replace(Path.Combine(directory, "policy.yaml"), WorkspaceWriter.PolicyText(policy));
        WorkspaceWriter.Replace(Path.Combine(directory, "propositions.yaml"), WorkspaceWriter.PropositionsText(propositions));
    }

    /// <summary>Starts a server on a workspace, in memory.</summary>
    public static async Task<ServerFixture> StartAsync(TrainedWorkspace trained, Policy? policy = null, IEnumerable<Proposition>? propositions = null, string? data = null)
    {
        ServerFixture server = new(trained);
        await server.StartAsync(Create(trained, policy, propositions), data, settings: data is null ? [] : [(nameof(ServerOptions.Durability), "None")]);
        return server;
    }
}
