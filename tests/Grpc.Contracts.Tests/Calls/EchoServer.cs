using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Grpc.Contracts.Tests.Calls;

/// <summary>The service under test. A test may hook into the start of every call.</summary>
internal sealed class EchoService : Echo.EchoBase
{
    public Func<ServerCallContext, Task> OnCall { get; set; } = _ => Task.CompletedTask;

    public override async Task<EchoReply> Say(EchoRequest request, ServerCallContext context)
    {
        await OnCall(context);
        return new EchoReply { Text = request.Text };
    }

    public override async Task<EchoReply> Join(IAsyncStreamReader<EchoRequest> requestStream, ServerCallContext context)
    {
        await OnCall(context);
        List<string> texts = [];
        while (await requestStream.MoveNext())
        {
            texts.Add(requestStream.Current.Text);
        }
        return new EchoReply { Text = string.Join(' ', texts) };
    }

    public override async Task Split(
        EchoRequest request, IServerStreamWriter<EchoReply> responseStream, ServerCallContext context)
    {
        await OnCall(context);
        foreach (string word in request.Text.Split(' '))
        {
            await responseStream.WriteAsync(new EchoReply { Text = word });
        }
    }

    public override async Task Chat(
        IAsyncStreamReader<EchoRequest> requestStream,
        IServerStreamWriter<EchoReply> responseStream,
        ServerCallContext context)
    {
        await OnCall(context);
        await foreach (EchoRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(new EchoReply { Text = request.Text }, context.CancellationToken);
        }
    }
}

/// <summary>A real Kestrel on a free loopback port that serves the echo service.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private EchoServer(WebApplication application, EchoService service)
    {
        _application = application;
        Service = service;
        Address = new Uri(application.Urls.Single());
        Channel = OpenChannel();
        Client = new Echo.EchoClient(Channel);
    }

    public Uri Address { get; }

    public EchoService Service { get; }

    public GrpcChannel Channel { get; }

    public Echo.EchoClient Client { get; }

    public static async Task<EchoServer> StartAsync(
        Action<GrpcServiceOptions>? configure = null,
        Action<ListenOptions>? listen = null,
        Func<EchoService, ServerServiceDefinition>? definition = null)
    {
        EchoService service = new();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, options =>
            {
                options.Protocols = HttpProtocols.Http2;
                listen?.Invoke(options);
            }));
        builder.Services.AddGrpc(options => configure?.Invoke(options));
        builder.Services.AddSingleton(service);
        WebApplication application = builder.Build();
        if (definition is null)
        {
            application.MapGrpcService<EchoService>();
        }
        else
        {
            application.MapGrpcService(definition(service));
        }
        await application.StartAsync();
        return new EchoServer(application, service);
    }

    public GrpcChannel OpenChannel(GrpcChannelOptions? options = null) =>
        GrpcChannel.ForAddress(Address, options ?? new GrpcChannelOptions());

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _application.DisposeAsync();
    }
}
