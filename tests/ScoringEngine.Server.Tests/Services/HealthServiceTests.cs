using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using ScoringEngine.Server.Services;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace ScoringEngine.Server.Tests.Services;

public class HealthServiceTests
{
    private const string Scoring = "scoring.v1.ScoringService";

    private readonly HealthService _health = new();

    [Fact]
    public async Task Check_ServerBeforeAnyStatus_IsNotServing()
    {
        await using ServiceHost host = await StartAsync();

        Assert.Equal(ServingStatus.NotServing, Check(host, ""));
    }

    [Fact]
    public async Task Check_StatusSet_AnswersTheLast()
    {
        await using ServiceHost host = await StartAsync();

        _health.SetStatus(Scoring, ServingStatus.NotServing);
        _health.SetStatus(Scoring, ServingStatus.Serving);

        Assert.Equal(ServingStatus.Serving, Check(host, Scoring));
    }

    [Fact]
    public async Task Check_UnknownService_IsNotFound()
    {
        await using ServiceHost host = await StartAsync();

        RpcException error = Assert.Throws<RpcException>(() => Check(host, "nobody"));

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
    }

    [Fact]
    public async Task List_TwoServices_AnswersEach()
    {
        await using ServiceHost host = await StartAsync();
        _health.SetStatus(Scoring, ServingStatus.Serving);

        HealthListResponse response = await new Health.HealthClient(host.Channel).ListAsync(new HealthListRequest());

        Assert.Equal(2, response.Statuses.Count);
        Assert.Equal(ServingStatus.NotServing, response.Statuses[""].Status);
        Assert.Equal(ServingStatus.Serving, response.Statuses[Scoring].Status);
    }

    [Fact]
    public async Task Watch_UnknownThenSetThenChanged_StreamsEachStatus()
    {
        await using ServiceHost host = await StartAsync();
        using AsyncServerStreamingCall<HealthCheckResponse> watch = Watch(host, Scoring);

        Assert.Equal(ServingStatus.ServiceUnknown, await Next(watch));
        _health.SetStatus(Scoring, ServingStatus.Serving);
        Assert.Equal(ServingStatus.Serving, await Next(watch));
        _health.SetStatus(Scoring, ServingStatus.NotServing);
        Assert.Equal(ServingStatus.NotServing, await Next(watch));
    }

    [Fact]
    public async Task Watch_SameStatusOrAnotherServiceSet_StaysSilent()
    {
        await using ServiceHost host = await StartAsync();
        _health.SetStatus(Scoring, ServingStatus.Serving);
        using AsyncServerStreamingCall<HealthCheckResponse> watch = Watch(host, Scoring);
        Assert.Equal(ServingStatus.Serving, await Next(watch));

        _health.SetStatus(Scoring, ServingStatus.Serving);
        _health.SetStatus("other", ServingStatus.NotServing);
        _health.SetStatus(Scoring, ServingStatus.Unknown);

        Assert.Equal(ServingStatus.Unknown, await Next(watch));
    }

    [Fact]
    public async Task Watch_ClientCancels_TheCallEnds()
    {
        TaskCompletionSource ended = new();
        await using ServiceHost host = await StartAsync(application => application.Use(async (_, next) =>
        {
            await next();
            ended.SetResult();
        }));
        using (AsyncServerStreamingCall<HealthCheckResponse> watch = Watch(host, ""))
        {
            Assert.Equal(ServingStatus.NotServing, await Next(watch));
        }

        await ended.Task;
    }

    [Fact]
    public async Task Shutdown_WatchedServices_AreNotServingForGoodAndWatchesEnd()
    {
        await using ServiceHost host = await StartAsync();
        _health.SetStatus("", ServingStatus.Serving);
        _health.SetStatus(Scoring, ServingStatus.Serving);
        using AsyncServerStreamingCall<HealthCheckResponse> server = Watch(host, "");
        using AsyncServerStreamingCall<HealthCheckResponse> scoring = Watch(host, Scoring);
        using AsyncServerStreamingCall<HealthCheckResponse> unknown = Watch(host, "nobody");
        Assert.Equal(ServingStatus.Serving, await Next(server));
        Assert.Equal(ServingStatus.Serving, await Next(scoring));
        Assert.Equal(ServingStatus.ServiceUnknown, await Next(unknown));

        _health.Shutdown();
        _health.SetStatus(Scoring, ServingStatus.Serving);

        Assert.Equal(ServingStatus.NotServing, await Next(server));
        Assert.Equal(ServingStatus.NotServing, await Next(scoring));
        Assert.False(await server.ResponseStream.MoveNext());
        Assert.False(await scoring.ResponseStream.MoveNext());
        Assert.False(await unknown.ResponseStream.MoveNext());
        Assert.Equal(ServingStatus.NotServing, Check(host, Scoring));
    }

    [Fact]
    public async Task SetStatus_ManyThreads_WatcherEndsOnTheLastAndNoServiceIsLost()
    {
        await using ServiceHost host = await StartAsync();
        using AsyncServerStreamingCall<HealthCheckResponse> watch = Watch(host, "last");
        Assert.Equal(ServingStatus.ServiceUnknown, await Next(watch));

        Parallel.For(0, 1000, i => _health.SetStatus($"service-{i}", ServingStatus.Serving));
        _health.SetStatus("last", ServingStatus.Serving);

        Assert.Equal(ServingStatus.Serving, await Next(watch));
        HealthListResponse response = await new Health.HealthClient(host.Channel).ListAsync(new HealthListRequest());
        Assert.Equal(1002, response.Statuses.Count);
    }

    [Fact]
    public void SetStatus_ServiceUnknown_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _health.SetStatus(Scoring, ServingStatus.ServiceUnknown));

    private Task<ServiceHost> StartAsync(Action<WebApplication>? configure = null) => ServiceHost.StartAsync(
        services => services.AddSingleton(_health),
        application =>
        {
            configure?.Invoke(application);
            application.MapGrpcService<HealthService>();
        });

    private static ServingStatus Check(ServiceHost host, string service) =>
        new Health.HealthClient(host.Channel).Check(new HealthCheckRequest { Service = service }).Status;

    private static AsyncServerStreamingCall<HealthCheckResponse> Watch(ServiceHost host, string service) =>
        new Health.HealthClient(host.Channel).Watch(new HealthCheckRequest { Service = service });

    private static async Task<ServingStatus> Next(AsyncServerStreamingCall<HealthCheckResponse> watch)
    {
        Assert.True(await watch.ResponseStream.MoveNext());
        return watch.ResponseStream.Current.Status;
    }
}
