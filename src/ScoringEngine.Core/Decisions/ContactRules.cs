using System.Collections.Immutable;
using NodaTime;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// The contact policy and the propositions' own caps, compiled: which propositions a customer may not be offered now, and why. Immutable and
/// thread-safe; checking allocates nothing, and one pass over the contacts serves all propositions.
/// </summary>
/// <remarks>
/// <para>What counts in a cap: a presented contact until the window's length after it, exclusive; a reservation until it expires, exclusive, whatever the
/// window. Outcomes are no further contacts. A contact in a channel that a cap does not name does not count in it, and the cap does not hold in that
/// channel. Contacts with a proposition that left the catalogue count in caps per customer, and its outcomes in suppressions per customer.</para>
/// <para>A suppression looks at each outcome of its kind with those of the window that ends with it, both of one scope: where they are enough,
/// the pause lasts from that outcome, however long the window.</para>
/// <para>Contacts that are later than the decision, for clocks differ, count as if they were of now. Their order does not matter.</para>
/// <para>Mandatory propositions are only held back when they were declined in this interaction, and their contacts count nowhere.</para>
/// </remarks>
public sealed class ContactRules
{
    /// <summary>Events that are kept of a customer where the policy's caps do not bound the contacts.</summary>
    public const int DefaultEvents = 64;

    private readonly int[] _indexByNumber;
    private readonly bool[] _commercial;

    // By proposition index, and behind the last for propositions that are not in the catalogue. Null for mandatory ones.
    private readonly Counter[]?[] _counters;
    private readonly int _counterCount;
    private readonly CompiledSuppression[] _suppressions;
    private readonly int _pauseCount;
    private readonly int[] _consentByChannel;
    private readonly QuietHours? _quiet;

    /// <summary>Compiles a workspace's policy.</summary>
    /// <param name="workspace">Policy, catalogue, schema and channels.</param>
    /// <param name="propositions">Numbers of propositions in contact events, of the whole catalogue at least.</param>
    /// <param name="channels">Numbers of channels in contact events, of the workspace's channels at least.</param>
    /// <exception cref="ArgumentException">A name has no number, or the policy names a feature, channel or time zone that does not exist.</exception>
    public ContactRules(Workspace workspace, Numbering propositions, Numbering channels)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(propositions);
        ArgumentNullException.ThrowIfNull(channels);
        ContactPolicy policy = workspace.Policy.Contact;
        ImmutableArray<Proposition> catalogue = workspace.Propositions;
        Channels names = new(workspace.Channels, channels);
        PropositionCount = catalogue.Length;
        _commercial = [.. catalogue.Select(p => p.Kind == PropositionKind.Commercial)];
        _indexByNumber = new int[propositions.Count + 1];
        Array.Fill(_indexByNumber, PropositionCount);
        for (int p = 0; p < catalogue.Length; p++)
        {
            _indexByNumber[NumberOf(propositions, catalogue[p].Id, ushort.MaxValue)] = p;
        }
        _counters = Compile(policy.Caps, catalogue, names, out _counterCount);
        _suppressions = Compile(policy.Suppressions, catalogue, out _pauseCount);
        _consentByChannel = [.. workspace.Channels.Select(c => policy.Consent.TryGetValue(c, out string? feature) ? FeatureOf(workspace.Schema.Features, feature) : -1)];
        _quiet = policy is { QuietFrom: { } from, QuietUntil: { } until } ? new QuietHours(policy, from, until, workspace.Schema.Features, names) : null;
        MaxEvents = EventsOf(policy, catalogue);
    }

    /// <summary>Number of propositions in the catalogue.</summary>
    public int PropositionCount { get; }

    /// <summary>Numbers of scratch that <see cref="Check"/> needs.</summary>
    public int ScratchLength => _counterCount + _pauseCount;

    /// <summary>
    /// The most events of a customer that the policy can ask for: contacts that the caps allow in its longest memory, and their outcomes of
    /// the kinds that suppressions count. <see cref="DefaultEvents"/> where caps do not bound the contacts of every proposition; 0 when nothing is
    /// ever counted.
    /// </summary>
    public int MaxEvents { get; }

    /// <summary>Finds which propositions a customer may not be offered, and why: the first reason in the order of <see cref="FallReason"/>.</summary>
    /// <param name="input">Time, channel, direction, time zone, contacts, and what was declined.</param>
    /// <param name="row">All features of the workspace's schema, context included.</param>
    /// <param name="scratch">At least <see cref="ScratchLength"/> numbers to work with, whatever they hold.</param>
    /// <param name="falls">Receives the reason by proposition index; <see cref="FallReason.None"/> where it may be offered.</param>
    /// <exception cref="ArgumentException">Too little room.</exception>
    public void Check(in DecisionInput input, ReadOnlySpan<float> row, Span<long> scratch, Span<Fall> falls)
    {
        if (scratch.Length < ScratchLength || falls.Length != PropositionCount)
        {
            throw new ArgumentException($"scratch of {scratch.Length} and {falls.Length} propositions, expected {ScratchLength} and {PropositionCount}");
        }
        Span<long> counts = scratch[.._counterCount];
        Span<long> pausedUntil = scratch[_counterCount..ScratchLength];
        Count(input, counts, pausedUntil);
        bool consents = Consents(input.Channel, row);
        bool quiet = _quiet is not null && _quiet.Hold(input, row);
        for (int p = 0; p < falls.Length; p++)
        {
            falls[p] = _counters[p] is not { } counters ? default
                : !consents && _commercial[p] ? new Fall(FallReason.NoConsent)
                : Capped(counters, counts, input.Channel) is { Reason: not FallReason.None } cap ? cap
                : Paused(p, pausedUntil, input.TimeUnixMs) is { Reason: not FallReason.None } pause ? pause
                : quiet ? new Fall(FallReason.QuietHours)
                : default;
        }
        foreach (ushort number in input.Declined)
        {
            int p = IndexOf(number);
            if (p < falls.Length && falls[p].Reason == FallReason.None)
            {
                falls[p] = new Fall(FallReason.DeclinedInInteraction);
            }
        }
    }

    private static long UnixMs(in ContactEvent contact) => (ContactEvent.EpochUnixSeconds + contact.Seconds) * 1000;

    private static Fall Capped(Counter[] counters, ReadOnlySpan<long> counts, int channel)
    {
        foreach (ref readonly Counter counter in counters.AsSpan())
        {
            if (counts[counter.Slot] >= counter.Most && counter.HoldsIn(channel))
            {
                return new Fall(FallReason.Cap, counter.Cap, counts[counter.Slot], counter.Most);
            }
        }
        return default;
    }

    private Fall Paused(int proposition, ReadOnlySpan<long> pausedUntil, long now)
    {
        for (int s = 0; s < _suppressions.Length; s++)
        {
            int slot = _suppressions[s].SlotOf[proposition];
            if (slot >= 0 && pausedUntil[slot] > now)
            {
                return new Fall(FallReason.Suppressed, s, 0, pausedUntil[slot] / 1000.0);
            }
        }
        return default;
    }

    private bool Consents(int channel, ReadOnlySpan<float> row)
        => channel < 0 || _consentByChannel[channel] is var feature && (feature < 0 || row[feature] == 1);

    private int IndexOf(int number) => number < _indexByNumber.Length ? _indexByNumber[number] : PropositionCount;

    private void Count(in DecisionInput input, Span<long> counts, Span<long> pausedUntil)
    {
        counts.Clear();
        pausedUntil.Clear();
        long now = input.TimeUnixMs;
        foreach (ref readonly ContactEvent contact in input.Contacts)
        {
            int proposition = IndexOf(contact.Proposition);
            if (_counters[proposition] is not { } counters)
            {
                continue;
            }
            long at = UnixMs(contact);
            if (contact.Kind is ContactKind.Reserved or ContactKind.Presented)
            {
                bool reserved = contact.Kind == ContactKind.Reserved;
                foreach (ref readonly Counter counter in counters.AsSpan())
                {
                    long until = reserved ? at : at + counter.WindowMs;
                    counts[counter.Slot] += until > now && counter.Counts(contact.Channel) ? 1 : 0;
                }
            }
            foreach (CompiledSuppression suppression in _suppressions)
            {
                if (contact.Kind == suppression.Kind && suppression.SlotOf[proposition] is >= 0 and int slot
                    && at + suppression.PauseMs > Math.Max(now, pausedUntil[slot])
                    && IsEnough(input.Contacts, suppression, slot, at))
                {
                    pausedUntil[slot] = at + suppression.PauseMs;
                }
            }
        }
    }

    /// <summary>Whether there are enough outcomes in the window that ends with one of them.</summary>
    private bool IsEnough(ReadOnlySpan<ContactEvent> contacts, CompiledSuppression suppression, int slot, long end)
    {
        int missing = suppression.After;
        for (int i = contacts.Length - 1; i >= 0 && missing > 0; i--)
        {
            if (contacts[i].Kind == suppression.Kind && suppression.SlotOf[IndexOf(contacts[i].Proposition)] == slot)
            {
                long at = UnixMs(contacts[i]);
                missing -= at <= end && at + suppression.WithinMs > end ? 1 : 0;
            }
        }
        return missing <= 0;
    }

    private static Counter[]?[] Compile(ImmutableArray<ContactCap> caps, ImmutableArray<Proposition> catalogue, Channels channels, out int count)
    {
        List<Counter>[] counters = [.. Enumerable.Range(0, catalogue.Length + 1).Select(_ => new List<Counter>())];
        int slots = 0;
        for (int c = 0; c < caps.Length; c++)
        {
            ContactCap cap = caps[c];
            int[] slotOf = Slots(cap.Scope, cap.Group, catalogue, ref slots);
            for (int p = 0; p < slotOf.Length; p++)
            {
                if (slotOf[p] >= 0)
                {
                    counters[p].Add(new Counter(slotOf[p], c, cap, channels));
                }
            }
        }
        for (int p = 0; p < catalogue.Length; p++)
        {
            ImmutableArray<ContactCap> own = catalogue[p].Caps;
            for (int c = 0; c < own.Length; c++)
            {
                counters[p].Add(new Counter(slots++, caps.Length + c, own[c], channels));
            }
        }
        count = slots;
        return [.. counters.Select((list, p) => p < catalogue.Length && catalogue[p].Kind == PropositionKind.Mandatory ? null : list.ToArray())];
    }

    private static CompiledSuppression[] Compile(ImmutableArray<Suppression> suppressions, ImmutableArray<Proposition> catalogue, out int count)
    {
        int slots = 0;
        CompiledSuppression[] compiled = [.. suppressions.Select(s => new CompiledSuppression(
            s.Outcome, s.After, Milliseconds(s.Within), Milliseconds(s.Pause), Slots(s.Scope, s.Group, catalogue, ref slots)))];
        count = slots;
        return compiled;
    }

    /// <summary>What each proposition, and one that is not in the catalogue, is counted in; -1 for nothing, as for mandatory ones.</summary>
    private static int[] Slots(ContactScope scope, string group, ImmutableArray<Proposition> catalogue, ref int slots)
    {
        Dictionary<string, int> slotByKey = new(StringComparer.Ordinal);
        int[] slotOf = new int[catalogue.Length + 1];
        for (int p = 0; p <= catalogue.Length; p++)
        {
            Proposition? proposition = p < catalogue.Length ? catalogue[p] : null;
            string? key = scope switch
            {
                _ when proposition?.Kind == PropositionKind.Mandatory => null,
                ContactScope.Customer => "",
                ContactScope.Proposition => proposition?.Id,
                _ => proposition?.Group is { Length: > 0 } own && (group.Length == 0 || group == own) ? own : null,
            };
            if (key is not null && !slotByKey.TryGetValue(key, out slotOf[p]))
            {
                slotOf[p] = slots++;
                slotByKey.Add(key, slotOf[p]);
            }
            else if (key is null)
            {
                slotOf[p] = -1;
            }
        }
        return slotOf;
    }

    private static int EventsOf(ContactPolicy policy, ImmutableArray<Proposition> catalogue)
    {
        TimeSpan[] memories =
        [
            .. policy.Caps.Concat(catalogue.SelectMany(p => p.Caps)).Select(c => c.Window),
            .. policy.Suppressions.Select(s => s.Within + s.Pause),
        ];
        if (memories.Length == 0)
        {
            return 0;
        }
        TimeSpan memory = memories.Max();
        // Where caps per customer bound them, these count: they include propositions that left the catalogue.
        double together = Contacts(policy.Caps.Where(c => c.Scope == ContactScope.Customer));
        double each = catalogue.Where(p => p.Kind != PropositionKind.Mandatory)
            .Sum(p => Contacts(policy.Caps.Where(c => c.Scope == ContactScope.Proposition).Concat(p.Caps)));
        int kinds = 1 + policy.Suppressions.Select(s => s.Outcome).Where(o => o != ContactKind.Presented).Distinct().Count();
        double events = (double.IsInfinity(together) ? each : together) * kinds;
        return double.IsInfinity(events) ? DefaultEvents : (int)Math.Min(events, int.MaxValue);

        // A window of a sliding cap holds at most so many, so the memory at most as many times that as windows begin in it.
        double Contacts(IEnumerable<ContactCap> caps) => caps.Where(c => c.Channels.IsEmpty)
            .Select(c => c.Most * Math.Ceiling(memory / c.Window)).DefaultIfEmpty(double.PositiveInfinity).Min();
    }

    private static int FeatureOf(FeatureSchema schema, string name)
        => schema.IndexOf(name) is >= 0 and int feature ? feature
            : throw new ArgumentException($"the contact policy depends on '{name}', which is no feature of the schema", nameof(schema));

    private static int NumberOf(Numbering numbering, string name, int most) => numbering.NumberOf(name) switch
    {
        0 => throw new ArgumentException($"'{name}' has no number", nameof(numbering)),
        int number when number > most => throw new ArgumentException($"'{name}' has number {number}, at most {most} are possible", nameof(numbering)),
        int number => number,
    };

    private static long Milliseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMillisecond;

    private sealed record CompiledSuppression(ContactKind Kind, int After, long WithinMs, long PauseMs, int[] SlotOf);

    /// <summary>A cap as it holds for one proposition; those that it counts together share the slot.</summary>
    private readonly struct Counter(int slot, int number, ContactCap cap, Channels channels)
    {
        private readonly bool[]? _byIndex = cap.Channels.IsEmpty ? null : channels.IndexSet(cap.Channels);
        private readonly bool[]? _byNumber = cap.Channels.IsEmpty ? null : channels.NumberSet(cap.Channels);

        public int Slot { get; } = slot;

        /// <summary>Number of the cap: the policy's come first, then the proposition's own.</summary>
        public int Cap { get; } = number;

        public int Most { get; } = cap.Most;

        public long WindowMs { get; } = Milliseconds(cap.Window);

        /// <summary>Whether it holds in the channel of a decision; where that is not told, only a cap of all channels does.</summary>
        public bool HoldsIn(int channelIndex) => _byIndex is null || (channelIndex >= 0 && _byIndex[channelIndex]);

        public bool Counts(byte channelNumber) => _byNumber is null || _byNumber[channelNumber];
    }

    /// <summary>The workspace's channels and their numbers.</summary>
    private sealed class Channels(ImmutableArray<string> names, Numbering numbering)
    {
        public bool[] IndexSet(ImmutableArray<string> chosen)
        {
            bool[] set = new bool[names.Length];
            foreach (string name in chosen)
            {
                int index = names.IndexOf(name);
                set[index >= 0 ? index : throw new ArgumentException($"the contact policy names channel '{name}', which the workspace does not have")] = true;
            }
            return set;
        }

        public bool[] NumberSet(ImmutableArray<string> chosen)
        {
            bool[] set = new bool[byte.MaxValue + 1];
            foreach (string name in chosen)
            {
                set[NumberOf(numbering, name, byte.MaxValue)] = true;
            }
            return set;
        }
    }

    /// <summary>Quiet hours of outbound contacts in the customer's time zone, from NodaTime's own database, so that every machine agrees.</summary>
    private sealed class QuietHours
    {
        private readonly long _fromMs;
        private readonly long _untilMs;
        private readonly bool[]? _channels;
        private readonly DateTimeZone _zone;
        private readonly int _zoneFeature = -1;
        private readonly DateTimeZone[] _zoneByCategory = [];

        public QuietHours(ContactPolicy policy, TimeOnly from, TimeOnly until, FeatureSchema schema, Channels channels)
        {
            _fromMs = Milliseconds(from.ToTimeSpan());
            _untilMs = Milliseconds(until.ToTimeSpan());
            _channels = policy.QuietChannels.IsEmpty ? null : channels.IndexSet(policy.QuietChannels);
            _zone = Find(policy.TimeZone) ?? throw new ArgumentException($"no time zone '{policy.TimeZone}'", nameof(policy));
            if (policy.TimeZoneFeature is { } feature)
            {
                _zoneFeature = FeatureOf(schema, feature);
                _zoneByCategory = [.. schema.Features[_zoneFeature].Categories.Select(c => Find(c) ?? _zone)];
            }
        }

        public bool Hold(in DecisionInput input, ReadOnlySpan<float> row)
        {
            const long Day = 24 * 60 * 60 * 1000;
            if (input.Direction != Direction.Outbound || (_channels is not null && (input.Channel < 0 || !_channels[input.Channel])))
            {
                return false;
            }
            long offset = ZoneOf(input, row).GetUtcOffset(Instant.FromUnixTimeMilliseconds(input.TimeUnixMs)).Milliseconds;
            long ofDay = (((input.TimeUnixMs + offset) % Day) + Day) % Day;
            return _fromMs < _untilMs ? ofDay >= _fromMs && ofDay < _untilMs : ofDay >= _fromMs || ofDay < _untilMs;
        }

        private static DateTimeZone? Find(string id) => DateTimeZoneProviders.Tzdb.GetZoneOrNull(id);

        /// <summary>The one of the call, else the feature's, else the policy's, which also stands for one that does not exist.</summary>
        private DateTimeZone ZoneOf(in DecisionInput input, ReadOnlySpan<float> row)
        {
            if (input.TimeZone is { } id)
            {
                return Find(id) ?? _zone;
            }
            float category = _zoneFeature < 0 ? float.NaN : row[_zoneFeature];
            return category < _zoneByCategory.Length ? _zoneByCategory[(int)category] : _zone;
        }
    }
}
