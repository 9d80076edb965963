using System.Collections.Immutable;
using System.Globalization;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// Checks a workspace as a whole: that its files say what can be meant together, that each segment and tier has one strategy, that each
/// proposition can reach somebody. Goes as far as it can where files have errors, so that a person sees everything at once.
/// </summary>
public static class StrategyCheck
{
    // Weights are written with four digits.
    private const double LeastWeightSum = 0.98;

    /// <summary>Everything that is wrong or missing, in file order.</summary>
    /// <param name="source">The files.</param>
    /// <param name="asOf">The day on which it is to hold.</param>
    /// <param name="models">The version whose segments need strategies; null to look only at the segments that strategies name.</param>
    public static IReadOnlyList<WorkspaceProblem> Check(WorkspaceSource source, DateOnly asOf, ModelSet? models = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        List<WorkspaceProblem> problems = [];
        WorkspaceParts parts = WorkspaceParts.Read(source, problems);
        if (problems.Count == 0)
        {
            problems.AddRange(Workspace.Of(parts).Incompleteness());
        }
        Run run = new(parts, asOf, models, problems);
        run.ContactPolicy();
        run.Gate();
        run.HoldOut();
        run.Needs();
        run.Propositions();
        run.Strategies();
        run.Plan();
        return [.. problems.OrderBy(p => WorkspaceParts.Files.IndexOf(Path.GetFileName(p.File))).ThenBy(p => p.Line)];
    }

    /// <summary>The problems of a folder; see <see cref="Check(WorkspaceSource, DateOnly, ModelSet?)"/>.</summary>
    /// <exception cref="WorkspaceException">There is no such folder.</exception>
    public static IReadOnlyList<WorkspaceProblem> Check(string directory, DateOnly asOf, ModelSet? models = null)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return Check(WorkspaceSource.Open(directory), asOf, models);
    }

    /// <summary>Loads a workspace that has no error of any kind; <see cref="Require"/> then looks at the segments of a version.</summary>
    /// <exception cref="WorkspaceException">There is no such folder, or with every error.</exception>
    public static Workspace Load(string directory, DateOnly asOf)
    {
        ArgumentNullException.ThrowIfNull(directory);
        WorkspaceSource source = WorkspaceSource.Open(directory);
        ThrowIfAny(Check(source, asOf));
        return Workspace.Load(source);
    }

    /// <summary>Refuses a workspace that must not serve with a version.</summary>
    /// <exception cref="WorkspaceException">With every error.</exception>
    public static void Require(Workspace workspace, ModelSet models, DateOnly asOf)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(models);
        ThrowIfAny(Check(workspace.Source, asOf, models));
    }

    /// <summary>Why no customer can get a proposition on a day, provably; null where one may.</summary>
    internal static string? Unreachable(Proposition proposition, DateOnly asOf, RuleReach? reach)
    {
        if (proposition.ValidUntil < asOf)
        {
            return FormattableString.Invariant($"expired on {proposition.ValidUntil:yyyy-MM-dd}");
        }
        double offer = Offer(proposition);
        return proposition.Budget < offer ? FormattableString.Invariant($"the budget of {proposition.Budget} does not cover one offer ({offer})")
            : proposition.Volume == 0 ? "the volume is 0"
            : reach is not null && !reach.Where(ValueModel.ChannelFeature, proposition.Channels).Leaves(RulesOf(proposition)) ? "its rules exclude every customer"
            : null;
    }

    private static void ThrowIfAny(IEnumerable<WorkspaceProblem> problems)
    {
        WorkspaceProblem[] errors = [.. problems.Where(p => p.Severity == Severity.Error)];
        if (errors.Length > 0)
        {
            throw new WorkspaceException(errors);
        }
    }

    private static IEnumerable<Rule> RulesOf(Proposition proposition)
        => new[] { proposition.Eligibility, proposition.Applicability, proposition.Suitability }.OfType<Rule>();

    // What an offer takes from the budget, in its cheapest channel.
    private static double Offer(Proposition proposition)
    {
        IEnumerable<string> channels = proposition.Channels.IsEmpty ? proposition.Contact.Keys : proposition.Channels;
        return proposition.Fulfilment + channels.Select(c => proposition.Contact.GetValueOrDefault(c, proposition.DefaultContact))
            .Append(proposition.Channels.IsEmpty ? proposition.DefaultContact : double.PositiveInfinity).Min();
    }

    /// <summary>One check: what was read, and where it stands.</summary>
    private sealed class Run
    {
        private readonly WorkspaceParts _parts;
        private readonly DateOnly _asOf;
        private readonly ModelSet? _models;
        private readonly List<WorkspaceProblem> _problems;
        private readonly Dictionary<string, YamlSection?> _files;
        private readonly ImmutableArray<Proposition> _propositions;
        private readonly RuleReach? _reach;

        public Run(WorkspaceParts parts, DateOnly asOf, ModelSet? models, List<WorkspaceProblem> problems)
        {
            _parts = parts;
            _asOf = asOf;
            _models = models;
            _problems = problems;
            _files = WorkspaceParts.Files.ToDictionary(f => f, f => YamlSection.Load(parts.Source, f, []));
            _propositions = parts.Propositions ?? [];
            // Rules mean something only where they were checked against a schema.
            _reach = parts.Schema is { } schema && !problems.Exists(p => p.Severity == Severity.Error && Path.GetFileName(p.File) == Catalogue.FileName)
                ? new RuleReach(schema.Features) : null;
        }

        public void ContactPolicy()
        {
            ImmutableArray<ContactCap> common = _parts.Policy?.Contact.Caps ?? [];
            Caps(Policy.FileName, "contact_policy.caps", ["contact_policy", "caps"], common);
            foreach (Proposition proposition in _propositions)
            {
                string name = $"proposition '{proposition.Id}': caps";
                string[] path = ["propositions", proposition.Id, "caps"];
                Caps(Catalogue.FileName, name, path, proposition.Caps);
                for (int i = 0; i < proposition.Caps.Length; i++)
                {
                    ContactCap cap = proposition.Caps[i];
                    if (cap.Most > 0 && common.FirstOrDefault(c => c.Most > 0 && Implies(c, cap, proposition.Group)) is { } stricter)
                    {
                        Add(Severity.Warning, Catalogue.FileName, $"{name}[{i}], at most {Show(cap)}, never binds: policy.yaml allows at most {Show(stricter)}", [.. path, Text(i)]);
                    }
                }
            }
        }

        private void Caps(string file, string name, string[] path, ImmutableArray<ContactCap> caps)
        {
            for (int i = 0; i < caps.Length; i++)
            {
                ContactCap cap = caps[i];
                if (cap.Most == 0)
                {
                    Add(Severity.Error, file, $"{name}[{i}].most: 0 forbids every contact, expected at least 1 (propositions say in which channels they are offered)", [.. path, Text(i), "most"]);
                    continue;
                }
                // Of two that say the same, the later one is too much.
                int stricter = Enumerable.Range(0, caps.Length)
                    .FirstOrDefault(o => o != i && caps[o].Most > 0 && Implies(caps[o], cap) && (o < i || !Implies(cap, caps[o])), -1);
                if (stricter >= 0)
                {
                    Add(Severity.Error, file, $"{name}[{i}]: at most {Show(cap)} contradicts {name}[{stricter}], which never lets it come to that: at most {Show(caps[stricter])}", [.. path, Text(i)]);
                }
            }
        }

        public void Gate()
        {
            if (_parts.Policy?.Gate is not { } gate)
            {
                return;
            }
            for (int i = 0; i < gate.Evidence.Length; i++)
            {
                GateEvidence evidence = gate.Evidence[i];
                string? why = evidence.Tier is Tier.Sustainer or Tier.ValueCreator ? $"the gate is open for {SnakeCase.Of(evidence.Tier)} anyway"
                    : _propositions.Any(p => p.Id == evidence.Proposition && !p.Differentiated) ? $"'{evidence.Proposition}' is not differentiated and needs none" : null;
                if (why is not null)
                {
                    Add(Severity.Warning, Policy.FileName, $"gate.evidence[{i}]: {why}", ["gate", "evidence", Text(i)]);
                }
            }
            if (gate.Test is { } test && test.Until < _asOf)
            {
                Add(Severity.Warning, Policy.FileName, FormattableString.Invariant($"gate.test: over since {test.Until:yyyy-MM-dd}"), ["gate", "test", "until"]);
            }
            string[] shut = [.. _propositions.Where(p => p.Differentiated && p.Kind != PropositionKind.Mandatory
                && double.IsPositiveInfinity(gate.PotentialThreshold) && !gate.Evidence.Any(e => e.Proposition == p.Id && e.LowerBound > 0)
                && (gate.Test is null || gate.Test.Until < _asOf)).Select(p => p.Id)];
            if (shut.Length > 0)
            {
                Add(Severity.Warning, Policy.FileName,
                    $"gate: differentiated propositions ({string.Join(", ", shut)}) have no door to value_destroyer and marginal customers: no potential_threshold, no evidence, no test", ["gate"]);
            }
        }

        public void HoldOut()
        {
            if (_parts.Policy is not { } policy)
            {
                return;
            }
            if (policy.HoldOut.StandardTreatment is { } id && _propositions.FirstOrDefault(p => p.Id == id) is { } standard)
            {
                string? why = standard.Differentiated ? "is differentiated" : Unreachable(standard, _asOf, _reach) is { } reason ? $"reaches nobody: {reason}" : null;
                if (why is not null)
                {
                    Add(standard.Differentiated ? Severity.Error : Severity.Warning, Policy.FileName,
                        $"hold_out.standard_treatment: '{id}' {why}, expected a standard proposition", ["hold_out", "standard_treatment"]);
                }
            }
            if (policy.OnLogFailure == LogFailure.StandardTreatment && policy.HoldOut.StandardTreatment is null)
            {
                Add(Severity.Warning, Policy.FileName, "on_log_failure: standard_treatment, but hold_out names none: nothing is offered then", ["on_log_failure"]);
            }
        }

        public void Needs()
        {
            if (_parts.Needs is not { } needs)
            {
                return;
            }
            foreach ((string name, string[] path, NeedWeights weights) in needs.BySegment
                .Select((s, i) => ($"segments[{i}]", new[] { "segments", Text(i), "weights" }, s.Value)).Prepend(("default", ["default", "weights"], needs.Default)))
            {
                double sum = weights.Weights.Values.Sum();
                if (sum == 0)
                {
                    Add(Severity.Incomplete, Workspaces.Needs.FileName, $"{name}: no need has a weight, so customers are taken to perceive no value", path);
                }
                else if (sum < LeastWeightSum)
                {
                    Add(Severity.Warning, Workspaces.Needs.FileName, FormattableString.Invariant($"{name}: the weights sum to {sum:0.###}, expected 1: perceived value is understated"), path);
                }
            }
        }

        public void Propositions()
        {
            if (_parts.Propositions is { IsEmpty: true })
            {
                Add(Severity.Incomplete, Catalogue.FileName, "no proposition");
            }
            foreach (Proposition proposition in _propositions)
            {
                void Say(Severity severity, string message, params string[] key)
                    => Add(severity, Catalogue.FileName, $"proposition '{proposition.Id}': {message}", ["propositions", proposition.Id, .. key]);

                if (_reach is not null && Contradiction(proposition) is var (key, contradiction))
                {
                    Say(Severity.Error, $"no customer can get it: {contradiction}", "rules", key);
                }
                else if (Unreachable(proposition, _asOf, reach: null) is { } reason)
                {
                    Say(Severity.Warning, $"no customer can get it: {reason}",
                        proposition.ValidUntil < _asOf ? "valid_until" : proposition.Volume == 0 ? "volume" : "budget");
                }
                if (_parts.Needs is { } needs && proposition.MinimumCustomerValue is { } minimum
                    && needs.BySegment.Values.Append(needs.Default).Max(w => ValueModel.PerceivedValue(w, proposition)) is var best && best < minimum)
                {
                    Say(Severity.Warning, FormattableString.Invariant($"no customer can get it: customers of no segment perceive more than {best:0.###} in it, minimum_customer_value is {minimum}"), "minimum_customer_value");
                }
                if (proposition.Kind == PropositionKind.Commercial && !MayGain(proposition.Margin) && !MayGain(proposition.Saving))
                {
                    Say(Severity.Warning, "brings the organisation nothing: neither margin nor saving can be above 0", "economics");
                }
                double concession = proposition.Concession ?? proposition.Fulfilment;
                if (_parts.Policy is { } policy && policy.Roles.Count > 0 && concession > 0 && proposition.Kind != PropositionKind.Mandatory
                    && !policy.Roles.Values.Concat((_parts.Strategies ?? []).SelectMany(s => s.DecisionRights.Values))
                        .Any(r => r.MaximumConcession >= concession || r.Propositions.Contains(proposition.Id)))
                {
                    Say(Severity.Warning, FormattableString.Invariant($"no role may grant its concession of {concession}, so it always needs an approval that nobody can give"), "concession");
                }
            }
        }

        public void Strategies()
        {
            if (_parts.Strategies is not { } strategies)
            {
                return;
            }
            StrategyCoverage coverage = new(strategies, _models?.Segments.Segments.Select(s => s.Id));
            foreach ((string segments, ImmutableArray<Tier> tiers) in coverage.Gaps())
            {
                Add(Severity.Error, Strategy.FileName, $"no strategy for {segments}{(tiers.IsEmpty ? "" : $", tiers {TierNames(tiers)}")}", ["strategies"]);
            }
            foreach ((Strategy first, Strategy second, string segments, ImmutableArray<Tier> tiers) in coverage.Overlaps())
            {
                Add(Severity.Error, Strategy.FileName,
                    $"strategies '{first.Id}' and '{second.Id}' both address {segments}{(tiers.IsEmpty ? "" : $", tiers {TierNames(tiers)}")}", ["strategies", second.Id, "segments"]);
            }
            foreach (Strategy strategy in strategies)
            {
                Check(strategy);
            }
        }

        public void Plan()
        {
            foreach (PlanTarget target in _parts.Plan?.Targets ?? [])
            {
                if (target.By < _asOf)
                {
                    Add(Severity.Warning, Workspaces.Plan.FileName, FormattableString.Invariant($"target '{target.Id}' was due on {target.By:yyyy-MM-dd}"), ["targets", target.Id, "by"]);
                }
                if (_parts.Strategies is { } strategies && !strategies.Any(s => s.Targets.Contains(target.Id)))
                {
                    Add(Severity.Incomplete, Workspaces.Plan.FileName, $"target '{target.Id}' is promised by no strategy", ["targets", target.Id]);
                }
            }
        }

        private void Check(Strategy strategy)
        {
            void Say(Severity severity, string message, params string[] key)
                => Add(severity, Strategy.FileName, $"strategy '{strategy.Id}': {message}", ["strategies", strategy.Id, .. key]);

            int[] unknown = [.. strategy.Segments.Where(s => _models is not null && _models.Segments.Segments.All(known => known.Id != s))];
            if (unknown.Length > 0)
            {
                Say(Severity.Warning, $"version {_models!.Manifest.Version} has no segment {string.Join(", ", unknown)}", "segments");
            }
            if (string.IsNullOrWhiteSpace(strategy.BusinessCase) || strategy.Targets.IsEmpty)
            {
                Say(Severity.Incomplete, "no business case with targets of plan.yaml");
            }
            PlanTarget[] targets = [.. (_parts.Plan?.Targets ?? []).Where(t => strategy.Targets.Contains(t.Id))];
            if (targets.Length > 0 && targets.All(t => t.By < _asOf))
            {
                Say(Severity.Warning, FormattableString.Invariant($"expired: its last target was due on {targets.Max(t => t.By):yyyy-MM-dd}"), "targets");
            }
            if (_propositions.Length > 0 && _reach is not null && !Addressed(strategy).Any(a => _propositions.Any(p => Unreachable(p, _asOf, _reach.Among(a.Segment, a.Tier)) is null)))
            {
                Say(Severity.Error, "has nothing to offer: every proposition has expired or excludes its customers");
            }
        }

        private static IEnumerable<(int? Segment, Tier? Tier)> Addressed(Strategy strategy)
        {
            IEnumerable<int?> segments = strategy.Segments.IsEmpty ? [null] : strategy.Segments.Select(s => (int?)s);
            return segments.SelectMany(s => strategy.Tiers.IsEmpty ? [(s, (Tier?)null)] : strategy.Tiers.Select(t => (s, (Tier?)t)));
        }

        // The rules that nothing can fulfil, as few as will do, and the key of the last.
        private (string Key, string Message)? Contradiction(Proposition proposition)
        {
            RuleReach reach = _reach!.Where(ValueModel.ChannelFeature, proposition.Channels);
            if (reach.Leaves(RulesOf(proposition)))
            {
                return null;
            }
            (string Key, Rule Rule)[] parts =
            [
                .. Parts("eligibility", proposition.Eligibility),
                .. Parts("applicability", proposition.Applicability),
                .. Parts("suitability", proposition.Suitability),
            ];
            foreach ((string key, Rule rule) in parts)
            {
                if (!reach.Leaves([rule]))
                {
                    return (key, $"'{RuleText.Sentence(rule)}' is never true");
                }
            }
            for (int second = 1; second < parts.Length; second++)
            {
                for (int first = 0; first < second; first++)
                {
                    if (!reach.Leaves([parts[first].Rule, parts[second].Rule]))
                    {
                        return (parts[second].Key, $"'{RuleText.Sentence(parts[first].Rule)}' and '{RuleText.Sentence(parts[second].Rule)}' are never true together");
                    }
                }
            }
            return (parts[^1].Key, "its rules are never all true");
        }

        private static IEnumerable<(string Key, Rule Rule)> Parts(string key, Rule? rule)
            => rule is null ? [] : rule is Compound { Junction: Junction.All } all ? all.Parts.SelectMany(p => Parts(key, p)) : [(key, rule)];

        private static bool MayGain(Amount amount) => amount.Base > 0 || amount.PerFeature.Values.Any(v => v != 0);

        // Whether contacts that a cap lets through never come to the other's limit. In a window of the other's length there fit so many of the cap's.
        private bool Implies(ContactCap cap, ContactCap other, string? group = null)
        {
            bool channels = cap.Channels.IsEmpty || (!other.Channels.IsEmpty && other.Channels.All(cap.Channels.Contains));
            bool scope = cap.Scope switch
            {
                ContactScope.Customer => true,
                ContactScope.Proposition => other.Scope == ContactScope.Proposition,
                _ => other.Scope switch
                {
                    ContactScope.Customer => false,
                    ContactScope.Group => cap.Group.Length == 0 || cap.Group == other.Group,
                    _ => group is not null ? group.Length > 0 && (cap.Group.Length == 0 || cap.Group == group)
                        : cap.Group.Length == 0 && _propositions.All(p => p.Group.Length > 0),
                },
            };
            long windows = ((other.Window.Ticks - 1) / cap.Window.Ticks) + 1;
            return channels && scope && cap.Most * windows <= other.Most;
        }

        private static string Show(ContactCap cap) => $"{cap.Most} in {Duration.Of(cap.Window)}"
            + (cap.Scope == ContactScope.Customer ? "" : cap.Group.Length > 0 ? $" of group '{cap.Group}'" : $" of a {SnakeCase.Of(cap.Scope)}")
            + (cap.Channels.IsEmpty ? "" : $" in {string.Join(", ", cap.Channels)}");

        private static string TierNames(ImmutableArray<Tier> tiers) => string.Join(", ", tiers.Select(SnakeCase.Of));

        private static string Text(int index) => index.ToString(CultureInfo.InvariantCulture);

        private void Add(Severity severity, string file, string message, params ReadOnlySpan<string> path)
            => _problems.Add(new WorkspaceProblem(Path.Combine(_parts.Source.Directory, file), path.IsEmpty ? 0 : _files[file]?.LineOf(path) ?? 0, message) { Severity = severity });
    }
}
