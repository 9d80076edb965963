using Grpc.Core;

namespace Grpc.Contracts.Tests;

/// <summary>Generated clients, call options and call objects without a server.</summary>
public class ClientTests
{
    private static readonly Method<EchoRequest, EchoReply> Say =
        new(MethodType.Unary, "grpc.contracts.tests.Echo", "Say", Marshaller(EchoRequest.Parser), Marshaller(EchoReply.Parser));

    [Fact]
    public void WithHost_EveryKindOfCall_NamesTheHost()
    {
        RecordingInvoker invoker = new();
        Echo.EchoClient client = new Echo.EchoClient(invoker).WithHost("first").WithHost("tenant-1");

        client.Say(new EchoRequest());
        using AsyncUnaryCall<EchoReply> unary = client.SayAsync(new EchoRequest());
        using AsyncClientStreamingCall<EchoRequest, EchoReply> join = client.Join();
        using AsyncServerStreamingCall<EchoReply> split = client.Split(new EchoRequest());
        using AsyncDuplexStreamingCall<EchoRequest, EchoReply> chat = client.Chat();

        Assert.Equal(Enumerable.Repeat("tenant-1", 5), invoker.Hosts);
    }

    [Fact]
    public void Client_WithoutHost_LeavesItToTheChannel()
    {
        RecordingInvoker invoker = new();

        new Echo.EchoClient(new StubChannel(invoker)).Say(new EchoRequest());

        Assert.Equal([null], invoker.Hosts);
    }

    [Fact]
    public void Client_WithoutChannel_ThrowsUnlessOverridden()
    {
        StubClient client = new();

        Assert.Equal("stub", client.Say(new EchoRequest(), default(CallOptions)).Text);
        Assert.Throws<NotImplementedException>(() => client.SayAsync(new EchoRequest()));
        Assert.Throws<NotImplementedException>(() => client.Join());
        Assert.Throws<NotImplementedException>(() => client.Split(new EchoRequest()));
        Assert.Throws<NotImplementedException>(() => client.Chat());
    }

    [Fact]
    public async Task Channel_Shutdown_IsDoneByDefault()
    {
        StubChannel channel = new(new RecordingInvoker());

        await channel.ShutdownAsync();

        Assert.Equal("stub", channel.Target);
    }

    [Fact]
    public async Task Call_FromParts_OffersThem()
    {
        List<string> log = [];
        Metadata headers = [];
        Metadata trailers = [];
        AsyncUnaryCall<string> plain = new(
            Task.FromResult("answer"),
            Task.FromResult(headers),
            () => Status.DefaultCancelled,
            () => trailers,
            () => log.Add("disposed"));
        AsyncUnaryCall<string> stateful = new(
            Task.FromResult("answer"),
            state => Task.FromResult((Metadata)state),
            state => new Status(StatusCode.OK, state.GetType().Name),
            state => (Metadata)state,
            state => log.Add(state.GetType().Name),
            trailers);

        Assert.Equal("answer", await plain);
        Assert.Same(headers, await plain.ResponseHeadersAsync);
        Assert.Equal(Status.DefaultCancelled, plain.GetStatus());
        Assert.Same(trailers, plain.GetTrailers());
        plain.Dispose();
        Assert.Same(trailers, await stateful.ResponseHeadersAsync);
        Assert.Equal("Metadata", stateful.GetStatus().Detail);
        stateful.Dispose();
        Assert.Equal(["disposed", "Metadata"], log);
    }

    [Fact]
    public void CallOptions_With_ChangesOneThingOfACopy()
    {
        Metadata headers = [];
        DateTime deadline = DateTime.UnixEpoch;
        using CancellationTokenSource cancellation = new();
        CallCredentials credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);
        CallOptions original = new(headers, deadline, cancellation.Token, WriteOptions.Default, null, credentials);

        CallOptions changed = original.WithWaitForReady().WithDeadline(deadline.AddDays(1));

        Assert.Equal(deadline, original.Deadline);
        Assert.False(original.IsWaitForReady);
        Assert.True(changed.IsWaitForReady);
        Assert.Equal(deadline.AddDays(1), changed.Deadline);
        Assert.Same(headers, changed.Headers);
        Assert.Equal(cancellation.Token, changed.CancellationToken);
        Assert.Same(WriteOptions.Default, changed.WriteOptions);
        Assert.Same(credentials, changed.Credentials);
        Assert.Equal(CancellationToken.None, changed.WithCancellationToken(CancellationToken.None).CancellationToken);
        Assert.Null(default(CallOptions).Headers);
        Assert.Null(default(CallOptions).Deadline);
    }

    [Fact]
    public void Method_FullName_IsThePath()
    {
        Assert.Equal("/grpc.contracts.tests.Echo/Say", Say.FullName);
        Assert.Throws<ArgumentNullException>(() => new Method<string, string>(
            MethodType.Unary, null!, "m", Marshallers.StringMarshaller, Marshallers.StringMarshaller));
    }

    [Fact]
    public void Marshaller_FromEitherPair_OffersBoth()
    {
        EchoRequest request = new() { Text = "hello" };
        byte[] bytes = Say.RequestMarshaller.Serializer(request);

        Assert.Equal(request, Say.RequestMarshaller.Deserializer(bytes));
        Assert.Equal("grün", Marshallers.StringMarshaller.Deserializer(Marshallers.StringMarshaller.Serializer("grün")));
        Marshaller<string> chained = Marshallers.Create(
            Marshallers.StringMarshaller.ContextualSerializer, Marshallers.StringMarshaller.ContextualDeserializer);
        Assert.Equal("grün", chained.Deserializer(chained.Serializer("grün")));
        Marshaller<string> forgetful = Marshallers.Create<string>((_, _) => { }, _ => "");
        Assert.Throws<InvalidOperationException>(() => forgetful.Serializer(""));
    }

    [Fact]
    public async Task StreamWriter_WithoutCancellation_RefusesATokenThatCanBeCancelled()
    {
        ListWriter writer = new();
        IAsyncStreamWriter<string> stream = writer;
        using CancellationTokenSource cancellation = new();

        await stream.WriteAsync("a", CancellationToken.None);

        await Assert.ThrowsAsync<NotSupportedException>(() => stream.WriteAsync("b", cancellation.Token));
        Assert.Equal(["a"], writer.Written);
    }

    [Fact]
    public void ServiceDefinition_SameMethodTwice_Throws()
    {
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.CreateBuilder();
        builder.AddMethod(Say, (EchoRequest _, ServerCallContext _) => Task.FromResult(new EchoReply()));

        Assert.Throws<ArgumentException>(() =>
            builder.AddMethod(Say, (EchoRequest _, ServerCallContext _) => Task.FromResult(new EchoReply())));
    }

    private static Marshaller<T> Marshaller<T>(Google.Protobuf.MessageParser<T> parser)
        where T : Google.Protobuf.IMessage<T> => Marshallers.Create(
            (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                Google.Protobuf.MessageExtensions.WriteTo(message, context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    private sealed class StubClient : Echo.EchoClient
    {
        public override EchoReply Say(EchoRequest request, CallOptions options) => new() { Text = "stub" };
    }

    private sealed class StubChannel(CallInvoker invoker) : ChannelBase("stub")
    {
        public override CallInvoker CreateCallInvoker() => invoker;
    }

    private sealed class ListWriter : IAsyncStreamWriter<string>
    {
        public List<string> Written { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(string message)
        {
            Written.Add(message);
            return Task.CompletedTask;
        }
    }

    /// <summary>Notes the host of every call and answers nothing.</summary>
    private sealed class RecordingInvoker : CallInvoker
    {
        public List<string?> Hosts { get; } = [];

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            Hosts.Add(host);
            return null!;
        }

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            Hosts.Add(host);
            return null!;
        }

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            Hosts.Add(host);
            return null!;
        }

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options)
        {
            Hosts.Add(host);
            return null!;
        }

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options)
        {
            Hosts.Add(host);
            return null!;
        }
    }
}
