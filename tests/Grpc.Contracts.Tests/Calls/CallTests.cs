using Grpc.Core;

namespace Grpc.Contracts.Tests.Calls;

/// <summary>Calls of every kind between the packages' client and server, over a real connection.</summary>
public class CallTests
{
    [Fact]
    public async Task Unary_Awaited_AnswersWithStatusOk()
    {
        await using EchoServer server = await EchoServer.StartAsync();

        using AsyncUnaryCall<EchoReply> call = server.Client.SayAsync(new EchoRequest { Text = "hello" });
        EchoReply reply = await call.ConfigureAwait(false);

        Assert.Equal("hello", reply.Text);
        Assert.Equal(Status.DefaultSuccess, call.GetStatus());
        Assert.Empty(call.GetTrailers());
    }

    [Fact]
    public async Task Unary_Blocking_Answers()
    {
        await using EchoServer server = await EchoServer.StartAsync();

        Assert.Equal("hello", server.Client.Say(new EchoRequest { Text = "hello" }).Text);
    }

    [Fact]
    public async Task ClientStream_ThreeRequests_AnswersOnce()
    {
        await using EchoServer server = await EchoServer.StartAsync();

        using AsyncClientStreamingCall<EchoRequest, EchoReply> call = server.Client.Join();
        foreach (string text in (string[])["a", "b", "c"])
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text });
        }
        await call.RequestStream.CompleteAsync();

        Assert.Equal("a b c", (await call).Text);
    }

    [Fact]
    public async Task ServerStream_ThreeWords_AnswersThriceInOrder()
    {
        await using EchoServer server = await EchoServer.StartAsync();

        using AsyncServerStreamingCall<EchoReply> call = server.Client.Split(new EchoRequest { Text = "a b c" });

        Assert.Equal(["a", "b", "c"], await ReadTexts(call.ResponseStream));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task DuplexStream_EachRequestAwaitsItsAnswer_StreamsBothWays()
    {
        await using EchoServer server = await EchoServer.StartAsync();

        using AsyncDuplexStreamingCall<EchoRequest, EchoReply> call = server.Client.Chat();
        foreach (string text in (string[])["a", "b", "c"])
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text }, CancellationToken.None);
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal(text, call.ResponseStream.Current.Text);
        }
        await call.RequestStream.CompleteAsync();

        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task Unary_ServerThrowsRpcException_ClientGetsStatusAndTrailers()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        Metadata trailers = new() { { "reason", "none left" }, { "detail-bin", [0, 255, 10] } };
        server.Service.OnCall = _ => throw new RpcException(new Status(StatusCode.NotFound, "no such ❄ thing"), trailers);

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            async () => await server.Client.SayAsync(new EchoRequest()));

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.Equal("no such ❄ thing", error.Status.Detail);
        Assert.Equal("none left", error.Trailers.GetValue("reason"));
        Assert.Equal([0, 255, 10], error.Trailers.GetValueBytes("detail-bin"));
    }

    [Fact]
    public async Task ServerStream_ServerSetsStatus_ClientGetsItAtTheEnd()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        server.Service.OnCall = context =>
        {
            context.Status = new Status(StatusCode.DataLoss, "truncated");
            return Task.CompletedTask;
        };

        using AsyncServerStreamingCall<EchoReply> call = server.Client.Split(new EchoRequest { Text = "a" });
        Assert.True(await call.ResponseStream.MoveNext());
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());

        Assert.Equal(new Status(StatusCode.DataLoss, "truncated"), new Status(error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Unary_UnknownException_HidesItFromTheClient()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        server.Service.OnCall = _ => throw new InvalidOperationException("secret");

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            async () => await server.Client.SayAsync(new EchoRequest()));

        Assert.Equal(StatusCode.Unknown, error.StatusCode);
        Assert.DoesNotContain("secret", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unary_DeadlinePasses_ClientGetsDeadlineExceeded()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        server.Service.OnCall = context => Task.Delay(Timeout.Infinite, context.CancellationToken);

        RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await server.Client.SayAsync(
            new EchoRequest(), deadline: DateTime.UtcNow.AddMilliseconds(50)));

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
    }

    [Fact]
    public async Task Unary_Deadline_ReachesTheServer()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        List<DateTime> deadlines = [];
        server.Service.OnCall = context =>
        {
            deadlines.Add(context.Deadline);
            return Task.CompletedTask;
        };

        await server.Client.SayAsync(new EchoRequest());
        await server.Client.SayAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddHours(1));

        Assert.Equal(DateTime.MaxValue, deadlines[0]);
        Assert.Equal(DateTimeKind.Utc, deadlines[1].Kind);
        Assert.NotEqual(DateTime.MaxValue, deadlines[1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Unary_ClientCancelsOrDisposes_ServerSeesIt(bool dispose)
    {
        await using EchoServer server = await EchoServer.StartAsync();
        TaskCompletionSource started = new();
        TaskCompletionSource seen = new();
        server.Service.OnCall = async context =>
        {
            context.CancellationToken.Register(() => seen.SetResult());
            started.SetResult();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        };
        using CancellationTokenSource cancellation = new();

        using AsyncUnaryCall<EchoReply> call =
            server.Client.SayAsync(new EchoRequest(), cancellationToken: cancellation.Token);
        await started.Task;
        if (dispose)
        {
            call.Dispose();
        }
        else
        {
            await cancellation.CancelAsync();
        }

        RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
        await seen.Task;
    }

    [Fact]
    public async Task Metadata_TextAndBinaryBothWays_ArriveUnchanged()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        Metadata? received = null;
        server.Service.OnCall = async context =>
        {
            received = context.RequestHeaders;
            await context.WriteResponseHeadersAsync(new Metadata { { "served-by", "me" }, { "head-bin", [1, 2] } });
            context.ResponseTrailers.Add("rows", "3");
            context.ResponseTrailers.Add("tail-bin", [3, 4]);
        };

        Metadata sent = new() { { "Who", "first" }, { "who", "second" }, { "token-bin", [0, 128, 255] } };
        using AsyncUnaryCall<EchoReply> call = server.Client.SayAsync(new EchoRequest(), sent);
        Metadata headers = await call.ResponseHeadersAsync;
        await call;

        Assert.NotNull(received);
        // Headers of one key may arrive joined.
        Assert.Equal("first, second", string.Join(", ", received.GetAll("who").Select(entry => entry.Value)));
        Assert.Equal([0, 128, 255], received.GetValueBytes("token-bin"));
        Assert.Equal("me", headers.GetValue("served-by"));
        Assert.Equal([1, 2], headers.GetValueBytes("head-bin"));
        Assert.Equal("3", call.GetTrailers().GetValue("rows"));
        Assert.Equal([3, 4], call.GetTrailers().GetValueBytes("tail-bin"));
    }

    [Fact]
    public async Task ServerCallContext_PlainCall_DescribesTheCall()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        string? described = null;
        bool? authenticated = null;
        server.Service.OnCall = context =>
        {
            described = $"{context.Method} {context.Host} {context.Peer.Split(':')[0]} {context.Status.StatusCode}";
            authenticated = context.AuthContext.IsPeerAuthenticated;
            return Task.CompletedTask;
        };

        await server.Client.SayAsync(new EchoRequest());

        Assert.Equal($"/grpc.contracts.tests.Echo/Say {server.Address.Authority} ipv4 OK", described);
        Assert.False(authenticated);
    }

    [Fact]
    public async Task Channel_ConnectAsync_BecomesReady()
    {
        await using EchoServer server = await EchoServer.StartAsync();

        Assert.Equal(ConnectivityState.Idle, server.Channel.State);
        await server.Channel.ConnectAsync();

        Assert.Equal(ConnectivityState.Ready, server.Channel.State);
        Assert.Equal(server.Address.Authority, server.Channel.Target);
    }

    [Fact]
    public async Task ServiceBase_MethodNotOverridden_IsUnimplemented()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        Method<EchoRequest, EchoReply> unknown = new(
            MethodType.Unary,
            "grpc.contracts.tests.Echo",
            "Shout",
            Marshallers.Create<EchoRequest>(Google.Protobuf.MessageExtensions.ToByteArray, EchoRequest.Parser.ParseFrom),
            Marshallers.Create<EchoReply>(Google.Protobuf.MessageExtensions.ToByteArray, EchoReply.Parser.ParseFrom));

        RpcException error = Assert.Throws<RpcException>(() => server.Channel.CreateCallInvoker()
            .BlockingUnaryCall(unknown, null, default, new EchoRequest { Text = "array marshaller" }));

        Assert.Equal(StatusCode.Unimplemented, error.StatusCode);
    }

    private static async Task<List<string>> ReadTexts(IAsyncStreamReader<EchoReply> stream)
    {
        List<string> texts = [];
        await foreach (EchoReply reply in stream.ReadAllAsync())
        {
            texts.Add(reply.Text);
        }
        return texts;
    }
}
