using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Server.Services;

/// <summary>Makes rows to score of stored customers and of what requests tell. Thread-safe.</summary>
internal sealed class CustomerRows(CustomerDatabase database, TimeProvider time)
{
    /// <summary>
    /// Fills a row: what is stored first, then those of the interaction's fields that are context features, then what the request says.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="customerId">Id of a stored customer; empty for a prospect.</param>
    /// <param name="features">By name.</param>
    /// <param name="interaction">The interaction's fields; null for none.</param>
    /// <param name="row">Receives all features.</param>
    /// <param name="violations">Receives what is wrong.</param>
    /// <param name="stored">Which write of the customer was read, and how old it is; default for a prospect.</param>
    /// <returns>False when no customer has the id.</returns>
    public bool Fill(ServedModel model, string customerId, RepeatedField<FeatureValue> features, DecideRequest? interaction, Span<float> row,
        scoped ref Violations violations, out StoredVersion stored)
    {
        stored = default;
        model.Scorer.Clear(row);
        bool found = true;
        if (customerId.Length > 0)
        {
            ReadOnlySpan<byte> id = CustomerId.Encode(customerId, "customer_id", stackalloc byte[FeatureSchema.MaxIdBytes], ref violations);
            if (!id.IsEmpty)
            {
                RowReader reader = new(model.ModelRows, row);
                found = database.Customers.Read(id, ref reader);
                stored = found ? new StoredVersion(reader.Sequence, AgeOf(reader.UpdatedAtUnixMs)) : default;
            }
        }
        else if (features.Count == 0)
        {
            violations.Add("customer_id", "empty, and there are no features: expected a customer id, or a prospect's features");
            return true;
        }
        if (interaction is not null)
        {
            model.Interaction.Fill(interaction, row);
        }
        if (features.Count > 0)
        {
            InlineFeatures.Read(features, "features", customerId.Length > 0 ? FeatureScope.Overlay : FeatureScope.Prospect, model, row, ref violations);
        }
        return found;
    }

    private Duration AgeOf(long updatedAtUnixMs)
    {
        // A clock that was set back must not make features come from the future.
        long age = Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds() - updatedAtUnixMs);
        return new Duration { Seconds = age / 1000, Nanos = (int)(age % 1000) * 1_000_000 };
    }

    private ref struct RowReader(RowMapping rows, Span<float> row) : ICustomerReader
    {
        private readonly Span<float> _row = row;

        public ulong Sequence { get; private set; }

        public long UpdatedAtUnixMs { get; private set; }

        public void Read(in CustomerView customer)
        {
            rows.Map(in customer, _row);
            Sequence = customer.Sequence;
            UpdatedAtUnixMs = customer.UpdatedAtUnixMs;
        }
    }
}

/// <summary>A version of a stored customer.</summary>
/// <param name="Sequence">Number of the write that made it; 0 for none.</param>
/// <param name="Age">Time since then; null for none.</param>
internal readonly record struct StoredVersion(ulong Sequence, Duration? Age);
