using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using ScoringEngine.Protocol.V1;

namespace ScoringEngine.KillTest;

/// <summary>A server with a workspace of <see cref="FeatureNames"/>.</summary>
internal sealed class ServerTarget(GrpcChannel channel) : ITarget
{
    private const int ReadsAtOnce = 64;

    private readonly CustomerService.CustomerServiceClient _customers = new(channel);

    public static IReadOnlyList<string> FeatureNames { get; } = [.. Enumerable.Range(1, 6).Select(f => $"x{f}")];

    public async Task UpsertAsync(ReadOnlyMemory<int> keys, ReadOnlyMemory<int> versions)
    {
        if (keys.Length > 1)
        {
            await ImportAsync(keys, versions);
            return;
        }
        int version = versions.Span[0];
        Customer customer = new()
        {
            CustomerId = Id(keys.Span[0]),
            Features = { FeatureNames.Select(name => new FeatureValue { Name = name, Number = version }) },
        };
        UpsertCustomerRequest request = new() { Customer = customer, RequestId = $"{customer.CustomerId}-{version}" };
        if (version % 3 == 0)
        {
            request.UpdateMask = new FieldMask { Paths = { FeatureNames.Select(name => $"features.{name}") } };
            request.AllowMissing = true;
        }
        await _customers.UpsertCustomerAsync(request);
    }

    public async Task DeleteAsync(int key)
    {
        try
        {
            await _customers.DeleteCustomerAsync(new DeleteCustomerRequest { CustomerId = Id(key) });
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            // As good as deleted.
        }
    }

    public async Task<int[]> ReadAllAsync()
    {
        int[] read = new int[Audit.Keys];
        await Parallel.ForEachAsync(Enumerable.Range(0, Audit.Keys), new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce }, async (key, _) =>
        {
            try
            {
                GetCustomerResponse response = await _customers.GetCustomerAsync(new GetCustomerRequest { CustomerId = Id(key) });
                read[key] = Stored.VersionOf([.. response.Customer.Features.Select(f => (float)f.Number)], FeatureNames.Count);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                read[key] = Stored.Nothing;
            }
        });
        return read;
    }

    private async Task ImportAsync(ReadOnlyMemory<int> keys, ReadOnlyMemory<int> versions)
    {
        CustomerBlock block = new() { FeatureNames = { FeatureNames } };
        using MemoryStream ids = new();
        for (int i = 0; i < keys.Length; i++)
        {
            ids.Write(System.Text.Encoding.UTF8.GetBytes(Id(keys.Span[i])));
            block.IdEnds.Add((uint)ids.Length);
            block.Values.AddRange(Enumerable.Repeat((float)versions.Span[i], FeatureNames.Count));
        }
        block.Ids = ByteString.CopyFrom(ids.ToArray());
        using AsyncDuplexStreamingCall<ImportCustomersRequest, ImportCustomersResponse> call = _customers.ImportCustomers();
        // A write into a broken connection fails with whatever the socket says; the answers end with the call's status.
        await call.RequestStream.WriteAsync(new ImportCustomersRequest { Block = block }).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // The acknowledgement comes while the call is still open.
        if (!await call.ResponseStream.MoveNext(CancellationToken.None) || call.ResponseStream.Current.RowCount != (ulong)keys.Length || call.ResponseStream.Current.RejectedCount > 0)
        {
            throw new InvalidDataException($"a block of {keys.Length} customers was not acknowledged");
        }
        await call.RequestStream.CompleteAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static string Id(int key) => key.ToString("D8", CultureInfo.InvariantCulture);
}
