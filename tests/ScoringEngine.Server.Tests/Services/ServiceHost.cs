using System.Net;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ScoringEngine.Server.Tests.Services;

/// <summary>A real Kestrel on a free loopback port for the services under test, and a channel to it.</summary>
internal sealed class ServiceHost : IAsyncDisposable
{
    private readonly WebApplication _application;

    private ServiceHost(WebApplication application)
    {
        _application = application;
        Channel = GrpcChannel.ForAddress(application.Urls.Single());
    }

    public GrpcChannel Channel { get; }

    public static async Task<ServiceHost> StartAsync(Action<IServiceCollection> add, Action<WebApplication> map)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        add(builder.Services);
        WebApplication application = builder.Build();
        map(application);
        await application.StartAsync();
        return new ServiceHost(application);
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _application.DisposeAsync();
    }
}
