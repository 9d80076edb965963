using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Grpc.Contracts.Tests.Calls;

/// <summary>Interceptors around calls of every kind over a real connection.</summary>
public class InterceptorTests
{
    private static readonly string[] ClientCalls =
    [
        nameof(CallInvoker.AsyncUnaryCall),
        nameof(CallInvoker.BlockingUnaryCall),
        nameof(CallInvoker.AsyncClientStreamingCall),
        nameof(CallInvoker.AsyncServerStreamingCall),
        nameof(CallInvoker.AsyncDuplexStreamingCall),
    ];

    private static readonly string[] ServerCalls =
    [
        nameof(Interceptor.UnaryServerHandler),
        nameof(Interceptor.UnaryServerHandler),
        nameof(Interceptor.ClientStreamingServerHandler),
        nameof(Interceptor.ServerStreamingServerHandler),
        nameof(Interceptor.DuplexStreamingServerHandler),
    ];

    [Fact]
    public async Task Client_TwoInterceptors_SeeEveryKindOfCallFirstGivenFirst()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        ConcurrentQueue<string> log = [];

        await CallEveryKind(server.Channel.Intercept(new Recorder("outer", log), new Recorder("inner", log)));

        Assert.Equal(ClientCalls.SelectMany(call => (string[])[$"outer {call}", $"inner {call}"]), log);
    }

    [Fact]
    public async Task Client_HeaderInterceptor_ReplacesHeadersOfEveryKindOfCall()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        ConcurrentQueue<string?> received = [];
        server.Service.OnCall = context =>
        {
            received.Enqueue(context.RequestHeaders.GetValue("tenant"));
            return Task.CompletedTask;
        };

        await CallEveryKind(server.Channel.Intercept(headers =>
        {
            headers.Add("tenant", "t1");
            return headers;
        }));

        Assert.Equal(Enumerable.Repeat("t1", ClientCalls.Length), received);
    }

    [Fact]
    public async Task Server_InterceptorsInOptions_SeeEveryKindOfCallFirstGivenFirst()
    {
        ConcurrentQueue<string> log = [];
        await using EchoServer server = await EchoServer.StartAsync(options =>
        {
            options.Interceptors.Add<Recorder>("outer", log);
            options.Interceptors.Add<Recorder>("inner", log);
        });

        await CallEveryKind(server.Channel.CreateCallInvoker());

        Assert.Equal(ServerCalls.SelectMany(call => (string[])[$"outer {call}", $"inner {call}"]), log);
    }

    [Fact]
    public async Task Server_InterceptedDefinition_SeesEveryKindOfCallFirstGivenFirst()
    {
        ConcurrentQueue<string> log = [];
        await using EchoServer server = await EchoServer.StartAsync(definition: service =>
            Echo.BindService(service).Intercept(new Recorder("outer", log), new Recorder("inner", log)));

        await CallEveryKind(server.Channel.CreateCallInvoker());

        Assert.Equal(ServerCalls.SelectMany(call => (string[])[$"outer {call}", $"inner {call}"]), log);
    }

    [Fact]
    public async Task Server_InterceptorThrows_ClientGetsItsStatus()
    {
        await using EchoServer server = await EchoServer.StartAsync(definition: service =>
            Echo.BindService(service).Intercept(new Refuser()));

        RpcException error = Assert.Throws<RpcException>(() => server.Client.Say(new EchoRequest()));

        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
    }

    /// <summary>Makes one call of each kind, in the order of <see cref="ClientCalls"/>, and checks the answers.</summary>
    private static async Task CallEveryKind(CallInvoker invoker)
    {
        Echo.EchoClient client = new(invoker);
        EchoRequest request = new() { Text = "a" };

        Assert.Equal("a", (await client.SayAsync(request)).Text);
        Assert.Equal("a", client.Say(request).Text);

        using AsyncClientStreamingCall<EchoRequest, EchoReply> join = client.Join();
        await join.RequestStream.WriteAsync(request);
        await join.RequestStream.CompleteAsync();
        Assert.Equal("a", (await join.ResponseAsync).Text);

        using AsyncServerStreamingCall<EchoReply> split = client.Split(request);
        Assert.True(await split.ResponseStream.MoveNext());
        Assert.Equal("a", split.ResponseStream.Current.Text);
        Assert.False(await split.ResponseStream.MoveNext());

        using AsyncDuplexStreamingCall<EchoRequest, EchoReply> chat = client.Chat();
        await chat.RequestStream.WriteAsync(request);
        await chat.RequestStream.CompleteAsync();
        Assert.True(await chat.ResponseStream.MoveNext());
        Assert.Equal("a", chat.ResponseStream.Current.Text);
        Assert.False(await chat.ResponseStream.MoveNext());
    }

    private sealed class Refuser : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
            throw new RpcException(new Status(StatusCode.PermissionDenied, "no"));
    }

    /// <summary>Notes every member that is called, under its own name.</summary>
    private sealed class Recorder(string name, ConcurrentQueue<string> log) : Interceptor
    {
        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            BlockingUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            Note();
            return base.BlockingUnaryCall(request, context, continuation);
        }

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            Note();
            return base.AsyncUnaryCall(request, context, continuation);
        }

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            Note();
            return base.AsyncServerStreamingCall(request, context, continuation);
        }

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            Note();
            return base.AsyncClientStreamingCall(context, continuation);
        }

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation)
        {
            Note();
            return base.AsyncDuplexStreamingCall(context, continuation);
        }

        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            Note();
            return base.UnaryServerHandler(request, context, continuation);
        }

        public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
            IAsyncStreamReader<TRequest> requestStream,
            ServerCallContext context,
            ClientStreamingServerMethod<TRequest, TResponse> continuation)
        {
            Note();
            return base.ClientStreamingServerHandler(requestStream, context, continuation);
        }

        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            Note();
            return base.ServerStreamingServerHandler(request, responseStream, context, continuation);
        }

        public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
            IAsyncStreamReader<TRequest> requestStream,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            DuplexStreamingServerMethod<TRequest, TResponse> continuation)
        {
            Note();
            return base.DuplexStreamingServerHandler(requestStream, responseStream, context, continuation);
        }

        private void Note([CallerMemberName] string member = "") => log.Enqueue($"{name} {member}");
    }
}
