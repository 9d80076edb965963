using Grpc.Core;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Server.Services;

/// <summary>Keeps the customers that are scored by id. Thread-safe; register one instance.</summary>
internal sealed class CustomerService(ModelHolder models, CustomerDatabase database, TimeProvider time) : Protocol.V1.CustomerService.CustomerServiceBase
{
    /// <inheritdoc/>
    public override async Task<UpsertCustomerResponse> UpsertCustomer(UpsertCustomerRequest request, ServerCallContext context)
    {
        WriteReceipt receipt = Upsert(request);
        await database.CommittedAsync(receipt.Sequence, context.CancellationToken);
        return new UpsertCustomerResponse { Created = receipt.Created };
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
        ScoreWork work = model.Rent();
        try
        {
            Span<float> row = work.Block.Row(0)[..model.Schema.CustomerCount];
            row.Fill(float.NaN);
            InlineFeatures.Read(customer.Features, "customer.features", FeatureScope.Customer, model, row, ref violations);
            violations.ThrowIfAny();
            try
            {
                InlineFeatures.ToStored(customer.Features, model, row);
            }
            catch (InvalidDataException e)
            {
                throw Failure.Of(StatusCode.ResourceExhausted, Failure.TooManyCategories, e.Message).ToException();
            }
            return database.Customers.Upsert(id, row, new CustomerAttributes(time.GetUtcNow().ToUnixTimeMilliseconds(), model.SchemaVersion));
        }
        finally
        {
            model.Return(work);
        }
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
        if (!database.Customers.Delete(IdOf(request.CustomerId, stackalloc byte[FeatureSchema.MaxIdBytes]), out ulong sequence))
        {
            throw Failure.NoCustomer(request.CustomerId).ToException();
        }
        await database.CommittedAsync(sequence, context.CancellationToken);
        return new DeleteCustomerResponse();
    }

    /// <inheritdoc/>
    public override async Task<ImportCustomersResponse> ImportCustomers(
        IAsyncStreamReader<ImportCustomersRequest> requestStream, ServerCallContext context)
    {
        CustomerImport import = new(models.Current, database, time);
        await foreach (ImportCustomersRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await import.AddAsync(request.Block, context.CancellationToken);
        }
        return import.Response;
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
