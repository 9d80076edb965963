using System.Collections.Immutable;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Storage.Journals;
using ScoringEngine.Storage.Tests.Files;
using ScoringEngine.Storage.Tests.Journals;
using static ScoringEngine.Storage.Tests.Databases.DatabaseFixtures;

namespace ScoringEngine.Storage.Tests.Databases;

/// <summary>
/// Random writes, snapshots, restarts and crashes against a dictionary: what is recovered is what the dictionary held after
/// some write, and that write is not before the last one that was acknowledged.
/// </summary>
public sealed class DatabaseRecoveryTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Open_AfterRandomCrashes_HasEveryAcknowledgedWriteAndNoOther(int part)
    {
        for (int seed = 25 * part; seed < 25 * (part + 1); seed++)
        {
            try
            {
                await new CrashRun(seed).RunAsync();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    private sealed class CrashRun(int seed)
    {
        private const int Epochs = 6;
        private const int Operations = 40;

        private readonly Random _random = new(seed);
        private readonly FaultyFiles _files = new();
        private readonly ManualTime _time = new();
        private readonly List<ImmutableSortedDictionary<string, float>> _states = [ImmutableSortedDictionary.Create<string, float>(StringComparer.Ordinal)];
        private readonly Dictionary<string, ImmutableList<uint>> _contacts = [];
        private readonly Dictionary<string, int> _changedAt = [];
        private int _acknowledged;
        private float _next;

        public async Task RunAsync()
        {
            CustomerDatabaseOptions options = Options with { Durability = (Durability)(seed % 2 == 0 ? 0 : 1) };
            for (int epoch = 0; epoch < Epochs; epoch++)
            {
                CustomerDatabase database;
                try
                {
                    database = Open(_files, options, _time);
                }
                catch (IOException e) when (e is not StorageCorruptionException && IsDown())
                {
                    End();
                    continue;
                }
                Check(database);
                _files.CrashAfter(_random.Next(8, 400));
                try
                {
                    for (int i = 0; i < Operations; i++)
                    {
                        await OperateAsync(database, options.Durability);
                    }
                }
                catch (IOException)
                {
                    Assert.True(IsDown());
                }
                if (_random.Next(3) == 0)
                {
                    await database.DisposeAsync();
                    if (!IsDown())
                    {
                        _acknowledged = _states.Count - 1;
                        continue;
                    }
                }
                else
                {
                    _files.CrashAfter(0);
                    await database.DisposeAsync();
                }
                // The last word of a machine that stops.
                Assert.True(IsDown());
                End();
                // Half of the recoveries are cut short as well.
                if (_random.Next(2) == 0)
                {
                    _files.CrashAfter(_random.Next(12));
                }
            }
        }

        private void End()
        {
            if (_random.Next(3) == 0)
            {
                _files.Kill();
            }
            else
            {
                _files.Crash(_random.Next(2) == 0 ? _random : null);
            }
        }

        private async Task OperateAsync(CustomerDatabase database, Durability durability)
        {
            string id = "customer " + _random.Next(6);
            ulong sequence = 0;
            switch (_random.Next(20))
            {
                case < 10:
                    float value = ++_next;
                    sequence = database.Customers.Upsert(Id(id), [value, 0], new CustomerAttributes(1, 1)).Sequence;
                    Change(id, _states[^1].SetItem(id, value));
                    break;
                case < 13:
                    if (database.Customers.Delete(Id(id), out sequence))
                    {
                        _contacts.Remove(id);
                        Change(id, _states[^1].Remove(id));
                    }
                    break;
                case < 17:
                    await ContactAsync(database, id, durability);
                    return;
                case 17:
                    await database.SnapshotAsync();
                    _acknowledged = _states.Count - 1;
                    return;
                case 18:
                    _time.Advance(TimeSpan.FromSeconds(1));
                    return;
                default:
                    return;
            }
            if (sequence > 0 && durability == Durability.Commit && _random.Next(2) == 0)
            {
                await database.CommittedAsync(sequence);
                _acknowledged = _states.Count - 1;
            }
        }

        private async Task ContactAsync(CustomerDatabase database, string id, Durability durability)
        {
            uint seconds = (uint)++_next;
            ImmutableList<uint> before = _contacts.GetValueOrDefault(id, []);
            // Not known whether it is there until it is acknowledged.
            _contacts[id] = [];
            bool stored = database.RecordContact(Id(id), new ContactEvent(seconds, 1, 2, ContactKind.Presented), out ContactReceipt receipt);
            Assert.Equal(_states[^1].ContainsKey(id), stored);
            if (!stored)
            {
                _contacts.Remove(id);
            }
            else if (durability == Durability.Commit)
            {
                await database.CommittedAsync(receipt);
                // The contact stands on the write that stored the customer, and on all before.
                _acknowledged = Math.Max(_acknowledged, _changedAt.GetValueOrDefault(id));
                _contacts[id] = before.Count == Options.Store.MaxContactEvents ? before.RemoveAt(0).Add(seconds) : before.Add(seconds);
            }
        }

        private void Change(string id, ImmutableSortedDictionary<string, float> state)
        {
            _states.Add(state);
            _changedAt[id] = _states.Count - 1;
        }

        private void Check(CustomerDatabase database)
        {
            Found found = new([], []);
            database.Customers.Scan(ref found);
            int at = _states.FindLastIndex(state => state.SequenceEqual(found.Values));
            Assert.True(at >= _acknowledged, $"recovered {string.Join(", ", found.Values)}, which is the state {at} of {_states.Count}; acknowledged was {_acknowledged}");
            Assert.Equal(found.Values.Count, database.Customers.Count);
            foreach ((string id, ImmutableList<uint> contacts) in _contacts)
            {
                if (contacts.Count > 0 && _changedAt[id] <= _acknowledged)
                {
                    Assert.Equal(contacts, found.Contacts[id]);
                }
            }
            // From here on what was found counts.
            _states.RemoveRange(0, _states.Count);
            _states.Add(ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, found.Values));
            _acknowledged = 0;
            _contacts.Clear();
            _changedAt.Clear();
            foreach (string id in found.Values.Keys)
            {
                _contacts[id] = found.Contacts[id];
                _changedAt[id] = 0;
            }
        }

        private bool IsDown()
        {
            try
            {
                _files.CreateDirectory("/probe");
                return false;
            }
            catch (IOException)
            {
                return true;
            }
        }

        private readonly struct Found(SortedDictionary<string, float> values, Dictionary<string, ImmutableList<uint>> contacts) : ICustomerVisitor
        {
            public SortedDictionary<string, float> Values => values;

            public Dictionary<string, ImmutableList<uint>> Contacts => contacts;

            public void Visit(ReadOnlySpan<byte> id, in CustomerView customer)
            {
                string name = System.Text.Encoding.UTF8.GetString(id);
                values.Add(name, customer.Features[0]);
                contacts.Add(name, [.. customer.Contacts.ToArray().Select(c => c.Seconds)]);
            }
        }
    }
}
