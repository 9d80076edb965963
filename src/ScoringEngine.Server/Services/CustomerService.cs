using Grpc.Core;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;

namespace ScoringEngine.Server.Services;

/// <summary>Keeps the customers that are scored by id. Thread-safe; register one instance.</summary>
internal sealed class CustomerService(ModelHolder models, CustomerStore store, TimeProvider time) : Protocol.V1.CustomerService.CustomerServiceBase
{
    /// <inheritdoc/>
    public override Task<UpsertCustomerResponse> UpsertCustomer(UpsertCustomerRequest request, ServerCallContext context)
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
                InlineFeatures.AddCategories(customer.Features, model, row);
            }
            catch (InvalidDataException e)
            {
                throw Failure.Of(StatusCode.ResourceExhausted, Failure.TooManyCategories, e.Message).ToException();
            }
            UpsertResult result = store.Upsert(id, row, new CustomerAttributes(time.GetUtcNow().ToUnixTimeMilliseconds()));
            return Task.FromResult(new UpsertCustomerResponse { Created = result == UpsertResult.Inserted });
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
        CopyReader reader = default;
        return store.Read(IdOf(request.CustomerId, stackalloc byte[FeatureSchema.MaxIdBytes]), ref reader)
            ? Task.FromResult(new GetCustomerResponse
            {
                Customer = Messages.Customer(request.CustomerId, reader.Features, reader.UpdatedAtUnixMs, model.Categories),
            })
            : throw Failure.NoCustomer(request.CustomerId).ToException();
    }

    /// <inheritdoc/>
    public override Task<DeleteCustomerResponse> DeleteCustomer(DeleteCustomerRequest request, ServerCallContext context)
        => store.Delete(IdOf(request.CustomerId, stackalloc byte[FeatureSchema.MaxIdBytes]))
            ? Task.FromResult(new DeleteCustomerResponse())
            : throw Failure.NoCustomer(request.CustomerId).ToException();

    /// <inheritdoc/>
    public override async Task<ImportCustomersResponse> ImportCustomers(
        IAsyncStreamReader<ImportCustomersRequest> requestStream, ServerCallContext context)
    {
        CustomerImport import = new(models.Current, store, time);
        await foreach (ImportCustomersRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            import.Add(request.Block);
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

    private struct CopyReader : ICustomerReader
    {
        public float[] Features { get; private set; }

        public long UpdatedAtUnixMs { get; private set; }

        public void Read(in CustomerView customer)
        {
            Features = customer.Features.ToArray();
            UpdatedAtUnixMs = customer.UpdatedAtUnixMs;
        }
    }
}
