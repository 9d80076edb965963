using ScoringEngine.Core.Decisions.Log;

namespace ScoringEngine.Storage;

/// <summary>Reads decisions and joins their outcomes.</summary>
internal sealed class DecisionScan(RecordLog records, CustomerStore customers, int threads)
{
    public IEnumerable<LoggedDecision> Read(DecisionQuery query, CancellationToken cancellation)
    {
        Dictionary<UInt128, byte[]> secrets = SecretsOf(query, cancellation);
        if (!query.CustomerId.IsEmpty && secrets.Count == 0)
        {
            yield break;
        }
        UInt128? only = query.CustomerId.IsEmpty ? null : secrets.Keys.Single();
        ulong end = records.NextSequence;
        ulong from = Start(query.SinceUnixMs);
        Dictionary<UInt128, List<OutcomeRecord>> outcomes = [];
        foreach ((_, uint type, byte[] payload) in records.Read(from, end))
        {
            cancellation.ThrowIfCancellationRequested();
            if (type == (uint)DecisionRecordType.Outcome)
            {
                OutcomeRecord outcome = OutcomeRecord.Parser.ParseFrom(payload);
                if (only is null || Hash128.From(outcome.Pseudonym) == only)
                {
                    UInt128 key = Hash128.From(outcome.DecisionKey);
                    if (!outcomes.TryGetValue(key, out List<OutcomeRecord>? list))
                    {
                        outcomes.Add(key, list = []);
                    }
                    list.Add(outcome);
                }
            }
        }
        foreach ((_, uint type, byte[] payload) in records.Read(from, end))
        {
            cancellation.ThrowIfCancellationRequested();
            if (type != (uint)DecisionRecordType.Decision)
            {
                continue;
            }
            DecisionRecord record = DecisionRecord.Parser.ParseFrom(payload);
            UInt128 pseudonym = Hash128.From(record.Pseudonym);
            if (record.TimeUnixMs >= query.SinceUnixMs && (query.UntilUnixMs == 0 || record.TimeUnixMs < query.UntilUnixMs) && (only is null || pseudonym == only))
            {
                DecisionInputs? inputs = query.WithoutInputs ? null : DecisionLog.InputsOf(record, secrets.GetValueOrDefault(pseudonym));
                yield return new LoggedDecision(record, inputs, outcomes.GetValueOrDefault(Hash128.From(record.DecisionKey)) ?? []);
            }
        }
    }

    /// <summary>Secrets by pseudonym: of the one customer that is asked for, or of all that have one.</summary>
    private Dictionary<UInt128, byte[]> SecretsOf(DecisionQuery query, CancellationToken cancellation)
    {
        Dictionary<UInt128, byte[]> secrets = [];
        if (!query.CustomerId.IsEmpty)
        {
            byte[] secret = new byte[CustomerRecord.SecretBytes];
            if (customers.TryReadSecret(query.CustomerId.Span, secret, make: false, out _))
            {
                secrets.Add(Pseudonym.Of(secret), secret);
            }
        }
        else if (!query.WithoutInputs)
        {
            SecretOwners.ForEach(customers, threads, (_, secret) =>
            {
                UInt128 pseudonym = Pseudonym.Of(secret);
                lock (secrets)
                {
                    secrets.Add(pseudonym, secret.ToArray());
                }
            }, cancellation);
        }
        return secrets;
    }

    /// <summary>A record before which all decisions are older; records of decisions come a moment after their time.</summary>
    private ulong Start(long sinceUnixMs)
    {
        const long Moment = 3_600_000;
        ulong start = 0;
        if (sinceUnixMs > 0)
        {
            foreach (ulong first in records.SegmentFirsts().Skip(1))
            {
                long time = JournalRetention.FirstTime(records, first, DecisionLog.TimeOf);
                if (time == 0 || time + Moment >= sinceUnixMs)
                {
                    break;
                }
                start = first;
            }
        }
        return start;
    }
}
