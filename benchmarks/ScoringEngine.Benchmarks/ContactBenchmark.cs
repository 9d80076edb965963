using System.Collections.Immutable;
using BenchmarkDotNet.Attributes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// The contact policy for one customer: 50 propositions in five groups, caps per customer, per group and per proposition, two suppressions, consent and
/// quiet hours; without contacts, and with 64, half of them outcomes. None may allocate.
/// </summary>
[MemoryDiagnoser]
public class ContactBenchmark
{
    private const int Propositions = 50;
    private const int Customers = 256;
    private const int Contacts = 64;
    private const long Now = ContactEvent.EpochUnixSeconds + (5L * 365 * 86_400);

    private readonly ContactRules _rules;
    private readonly ContactEvent[] _contacts = new ContactEvent[Customers * Contacts];
    private readonly float[] _row = [1];
    private readonly long[] _scratch;
    private readonly Fall[] _falls = new Fall[Propositions];
    private int _customer;

    public ContactBenchmark()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("scoring-engine-");
        Workspace workspace;
        try
        {
            foreach ((string file, string text) in (IEnumerable<(string, string)>)[
                ("schema.yaml", "id: customer\nfeatures:\n  - {id: 1, name: email_ok, kind: boolean}\n"),
                ("policy.yaml", "currency: EUR\n"), ("needs.yaml", "needs:\n  - id: price\n"),
                ("propositions.yaml", "propositions:\n  - id: one\n"), ("strategies.yaml", "strategies:\n  - {id: all, segments: all}\n")])
            {
                File.WriteAllText(Path.Combine(folder.FullName, file), text);
            }
            workspace = Workspace.Load(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        TimeSpan day = TimeSpan.FromDays(1);
        ContactPolicy policy = new()
        {
            Caps =
            [
                new ContactCap { Scope = ContactScope.Customer, Most = 40, Window = 30 * day },
                new ContactCap { Scope = ContactScope.Group, Most = 10, Window = 30 * day, Channels = ["email"] },
                new ContactCap { Scope = ContactScope.Proposition, Most = 3, Window = 90 * day },
            ],
            Suppressions =
            [
                new Suppression { After = 2, Within = 30 * day, Pause = 60 * day },
                new Suppression { Scope = ContactScope.Customer, Outcome = ContactKind.Complained, Within = day, Pause = 30 * day },
            ],
            Consent = ImmutableSortedDictionary<string, string>.Empty.Add("email", "email_ok"),
            QuietFrom = new TimeOnly(21, 0),
            QuietUntil = new TimeOnly(8, 0),
            TimeZone = "Europe/Zurich",
        };
        workspace = workspace.With(workspace.Policy with { Contact = policy },
            Enumerable.Range(0, Propositions).Select(p => new Proposition { Id = $"p{p:D2}", Name = "", Group = $"g{p % 5}" }));
        _rules = new ContactRules(workspace, Numbering.Of(workspace.Propositions.Select(p => p.Id)), Numbering.Of(workspace.Channels));
        _scratch = new long[_rules.ScratchLength];
        SeededRandom random = new(1);
        ContactKind[] kinds = [ContactKind.Presented, ContactKind.Presented, ContactKind.Accepted, ContactKind.Declined];
        for (int c = 0; c < _contacts.Length; c++)
        {
            uint seconds = (uint)(Now - ContactEvent.EpochUnixSeconds - random.Next(120 * 86_400));
            _contacts[c] = new ContactEvent(seconds, (ushort)(1 + random.Next(Propositions)), 1, kinds[c % kinds.Length]);
        }
    }

    [Benchmark]
    public FallReason ContactPolicyWithoutContacts() => Check([]);

    [Benchmark]
    public FallReason ContactPolicyOf64Contacts()
    {
        _customer = (_customer + 1) % Customers;
        return Check(_contacts.AsSpan(_customer * Contacts, Contacts));
    }

    private FallReason Check(ReadOnlySpan<ContactEvent> contacts)
    {
        DecisionInput input = new() { TimeUnixMs = Now * 1000, Channel = 0, Direction = Direction.Outbound, Contacts = contacts };
        _rules.Check(input, _row, _scratch, _falls);
        return _falls[_customer % Propositions].Reason;
    }
}
