using System.Globalization;
using Grpc.Core;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Services;

/// <summary>Takes the value feed. Thread-safe; register one instance.</summary>
internal sealed class ValueService(ModelHolder models, CustomerDatabase database, DecisionLog log, AcknowledgedStream streams)
    : Protocol.V1.ValueService.ValueServiceBase
{
    private const int MaxValues = 1000;

    // Of an import, at 85,000 bytes each.
    private const int MaxUncommittedBlocks = 16;

    /// <inheritdoc/>
    public override async Task<RecordValuesResponse> RecordValues(RecordValuesRequest request, ServerCallContext context)
    {
        Violations violations = default;
        if (request.Values.Count is 0 or > MaxValues)
        {
            violations.Add("values", $"{request.Values.Count} values, expected 1 to {MaxValues}");
            violations.ThrowIfAny();
        }
        ValueRow[] values = new ValueRow[request.Values.Count];
        for (int i = 0; i < values.Length && !violations.Full; i++)
        {
            values[i] = Read(request.Values[i], $"values[{i}]", ref violations);
        }
        violations.ThrowIfAny();
        ValueImport import = new(models.Current, database, log);
        ImportValuesResponse recorded = import.Record(values, out ValueReceipt receipt);
        await log.CommittedAsync(receipt, context.CancellationToken);
        RecordValuesResponse response = new() { RepeatedCount = (uint)recorded.RepeatedCount };
        response.RejectedValues.AddRange(recorded.RejectedValues);
        return response;
    }

    /// <inheritdoc/>
    public override Task ImportValues(IAsyncStreamReader<ImportValuesRequest> requestStream, IServerStreamWriter<ImportValuesResponse> responseStream,
        ServerCallContext context)
    {
        ValueImport import = new(models.Current, database, log);
        return streams.RunAsync(requestStream, responseStream, context, MaxUncommittedBlocks,
            request => (Acknowledgement: import.Add(request.Block, out ValueReceipt receipt), Receipt: receipt),
            async (applied, cancellation) =>
            {
                await log.CommittedAsync(applied.Receipt, cancellation);
                return applied.Acknowledgement;
            }, merge: true);
    }

    private static ValueRow Read(RealisedValue value, string field, ref Violations violations)
    {
        Span<byte> buffer = stackalloc byte[FeatureSchema.MaxIdBytes];
        byte[] id = CustomerId.Encode(value.CustomerId, $"{field}.customer_id", buffer, ref violations).ToArray();
        if (!DateOnly.TryParseExact(value.Date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day)
            || day < ValueImport.FirstDay || day > ValueImport.LastDay)
        {
            violations.Add($"{field}.date", $"{Failure.Quote(value.Date)}, expected a date from {ValueImport.FirstDay:yyyy-MM-dd} to {ValueImport.LastDay:yyyy-MM-dd}");
        }
        foreach ((string name, double amount) in new[] { ("revenue", value.Revenue), ("cost", value.Cost) })
        {
            if (!double.IsFinite(amount))
            {
                violations.Add($"{field}.{name}", FormattableString.Invariant($"{amount}, expected a finite number"));
            }
        }
        Text.Check(value.Key, $"{field}.key", DecisionCall.MaxNameBytes, ref violations);
        return new ValueRow(id, day, value.Revenue, value.Cost, value.Key);
    }
}

/// <summary>A value as told.</summary>
/// <param name="CustomerId">UTF-8 id.</param>
/// <param name="Day">The day.</param>
/// <param name="Revenue">In currency.</param>
/// <param name="Cost">In currency.</param>
/// <param name="Key">Empty for the day.</param>
internal readonly record struct ValueRow(ReadOnlyMemory<byte> CustomerId, DateOnly Day, double Revenue, double Cost, string Key);
