using Grpc.Core;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Server.Services;

/// <summary>Keeps the customers that are scored by id. Thread-safe; register one instance.</summary>
internal sealed class CustomerService(ModelHolder models, CustomerDatabase database, TimeProvider time, AcknowledgedStream streams)
    : Protocol.V1.CustomerService.CustomerServiceBase
{
    // Of an import, at 85,000 bytes each: enough to keep the committer busy, little enough to forget.
    private const int MaxUncommittedBlocks = 16;

    private readonly RequestIds _requests = new(database);

    /// <inheritdoc/>
    public override async Task<UpsertCustomerResponse> UpsertCustomer(UpsertCustomerRequest request, ServerCallContext context)
    {
        WriteReceipt receipt = Upsert(request);
        await database.CommittedAsync(receipt.Sequence, context.CancellationToken);
        return new UpsertCustomerResponse { Created = receipt.Created, Sequence = receipt.Sequence };
    }

    private WriteReceipt Upsert(UpsertCustomerRequest request)
    {
        ServedModel model = models.Current;
        Violations violations = default;
        if (request.Customer is not { } customer)
        {
            violations.Add("customer", "missing");
            throw violations.ToStatus().ToException();
        }
        ReadOnlySpan<byte> id = CustomerId.Encode(
            customer.CustomerId, "customer.customer_id", stackalloc byte[FeatureSchema.MaxIdBytes], ref violations);
        RequestKey key = RequestIds.KeyOf(request.RequestId, nameof(UpsertCustomer), id, ref violations);
        HashSet<int>? mask = UpdateMask.Read(request.UpdateMask, model.Schema, ref violations);
        ScoreWork work = model.Rent();
        try
        {
            Span<float> row = work.Block.Row(0)[..model.Schema.CustomerCount];
            row.Fill(float.NaN);
            InlineFeatures.Read(customer.Features, "customer.features", FeatureScope.Customer, model, row, ref violations, mask);
            violations.ThrowIfAny();
            using Lock.Scope others = _requests.Enter(key);
            if (_requests.TryGet(key, out WriteReceipt first))
            {
                return first;
            }
            try
            {
                InlineFeatures.ToStored(customer.Features, model, row, mask);
            }
            catch (InvalidDataException e)
            {
                throw Failure.Of(StatusCode.ResourceExhausted, Failure.TooManyCategories, e.Message).ToException();
            }
            return mask is not null ? Patch(id, mask, row, request, model, key)
                : database.Customers.Upsert(id, row, new CustomerAttributes(time.GetUtcNow().ToUnixTimeMilliseconds(), model.SchemaVersion), key);
        }
        finally
        {
            model.Return(work);
        }
    }

    private WriteReceipt Patch(ReadOnlySpan<byte> id, HashSet<int> mask, ReadOnlySpan<float> row, UpsertCustomerRequest request,
        ServedModel model, RequestKey key)
    {
        int[] indexes = [.. mask];
        float[] values = new float[indexes.Length];
        for (int i = 0; i < indexes.Length; i++)
        {
            values[i] = row[indexes[i]];
        }
        // What a new customer would lack.
        int[] absent = [.. model.RequiredFeatures.Where(f => !mask.Contains(f))];
        bool create = request.AllowMissing && absent.Length == 0;
        bool stored = database.Customers.Patch(id, indexes, values, time.GetUtcNow().ToUnixTimeMilliseconds(), model.StoredRows, out ulong sequence, key, create);
        if (sequence > 0)
        {
            return new WriteReceipt(sequence, Created: !stored);
        }
        Violations violations = default;
        foreach (int f in request.AllowMissing ? absent : [])
        {
            violations.Add("update_mask", $"'{model.Schema.Features[f].Name}': missing, but a value is required of a customer that is not stored yet");
        }
        violations.ThrowIfAny();
        throw Failure.NoCustomer(request.Customer.CustomerId).ToException();
    }

    /// <inheritdoc/>
    public override Task<GetCustomerResponse> GetCustomer(GetCustomerRequest request, ServerCallContext context)
    {
        ServedModel model = models.Current;
        CopyReader reader = new(model.StoredRows);
        return database.Customers.Read(IdOf(request.CustomerId, stackalloc byte[FeatureSchema.MaxIdBytes]), ref reader)
            ? Task.FromResult(new GetCustomerResponse
            {
                Customer = Messages.Customer(request.CustomerId, reader.Features, reader.UpdatedAtUnixMs, model),
            })
            : throw Failure.NoCustomer(request.CustomerId).ToException();
    }

    /// <inheritdoc/>
    public override async Task<DeleteCustomerResponse> DeleteCustomer(DeleteCustomerRequest request, ServerCallContext context)
    {
        ulong sequence = Delete(request);
        await database.CommittedAsync(sequence, context.CancellationToken);
        return new DeleteCustomerResponse { Sequence = sequence };
    }

    private ulong Delete(DeleteCustomerRequest request)
    {
        Violations violations = default;
        ReadOnlySpan<byte> id = CustomerId.Encode(request.CustomerId, "customer_id", stackalloc byte[FeatureSchema.MaxIdBytes], ref violations);
        RequestKey key = RequestIds.KeyOf(request.RequestId, nameof(DeleteCustomer), id, ref violations);
        violations.ThrowIfAny();
        using Lock.Scope others = _requests.Enter(key);
        return _requests.TryGet(key, out WriteReceipt first) ? first.Sequence
            : database.Customers.Delete(id, out ulong sequence, key) ? sequence
            : throw Failure.NoCustomer(request.CustomerId).ToException();
    }

    /// <inheritdoc/>
    public override async Task ImportCustomers(IAsyncStreamReader<ImportCustomersRequest> requestStream,
        IServerStreamWriter<ImportCustomersResponse> responseStream, ServerCallContext context)
    {
        ServedModel model = models.Current;
        CustomerImport import = new(model.Schema, model.SchemaVersion, database, time);
        await streams.RunAsync(requestStream, responseStream, context, MaxUncommittedBlocks, request => import.Add(request.Block), CommittedAsync, merge: true);
    }

    private async ValueTask<ImportCustomersResponse> CommittedAsync(ImportCustomersResponse acknowledgement, CancellationToken cancellation)
    {
        await database.CommittedAsync(acknowledgement.Sequence, cancellation);
        return acknowledgement;
    }

    private static ReadOnlySpan<byte> IdOf(string id, Span<byte> buffer)
    {
        Violations violations = default;
        ReadOnlySpan<byte> encoded = CustomerId.Encode(id, "customer_id", buffer, ref violations);
        violations.ThrowIfAny();
        return encoded;
    }

    private struct CopyReader(RowMapping rows) : ICustomerReader
    {
        public float[] Features { get; } = new float[rows.Count];

        public long UpdatedAtUnixMs { get; private set; }

        public void Read(in CustomerView customer)
        {
            rows.Map(in customer, Features);
            UpdatedAtUnixMs = customer.UpdatedAtUnixMs;
        }
    }
}
