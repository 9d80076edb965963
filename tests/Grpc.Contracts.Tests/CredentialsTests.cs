using Grpc.Core;

namespace Grpc.Contracts.Tests;

public class CredentialsTests
{
    private static readonly AsyncAuthInterceptor NoHeaders = (_, _) => Task.CompletedTask;

    [Fact]
    public void CallCredentials_FromInterceptor_TellsTheTransport() =>
        Assert.Equal([("state", NoHeaders)], Populate(CallCredentials.FromInterceptor(NoHeaders)));

    [Fact]
    public void CallCredentials_Compose_TellsTheTransportInOrder()
    {
        CallCredentials first = CallCredentials.FromInterceptor(NoHeaders);
        CallCredentials second = CallCredentials.FromInterceptor(NoHeaders);
        CallCredentials[] given = [first, second];
        CallCredentials composed = CallCredentials.Compose(given);
        given[0] = second;

        (object? state, object told) = Assert.Single(Populate(composed));

        Assert.Equal("state", state);
        Assert.Equal([first, second], Assert.IsAssignableFrom<IReadOnlyList<CallCredentials>>(told));
    }

    [Fact]
    public void CallCredentials_ComposeFewerThanTwoOrNull_Throws()
    {
        CallCredentials one = CallCredentials.FromInterceptor(NoHeaders);

        Assert.Throws<ArgumentException>(() => CallCredentials.Compose());
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(one));
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(one, null!));
        Assert.Throws<ArgumentNullException>(() => CallCredentials.FromInterceptor(null!));
    }

    [Fact]
    public void ChannelCredentials_EachKind_TellsTheTransport()
    {
        CallCredentials call = CallCredentials.FromInterceptor(NoHeaders);
        KeyCertificatePair pair = new("chain", "key");
        VerifyPeerCallback verify = context => context is { TargetName: "host", PeerPem: "pem" };
        SslCredentials ssl = new("roots", pair, verify);

        Assert.Equal([("state", "insecure")], Populate(ChannelCredentials.Insecure));
        Assert.Equal([("state", new TlsSettings(null, null, null))], Populate(ChannelCredentials.SecureSsl));
        Assert.Equal([("state", new TlsSettings("roots", pair, verify))], Populate(ssl));
        Assert.Equal([("state", ((ChannelCredentials)ssl, call))], Populate(ChannelCredentials.Create(ssl, call)));
        Assert.Equal(("roots", "chain", "key"), (ssl.RootCertificates, pair.CertificateChain, pair.PrivateKey));
        Assert.True(verify(new VerifyPeerContext("host", "pem")));
    }

    [Fact]
    public void ChannelCredentials_CreateOnInsecureOrComposed_Throws()
    {
        CallCredentials call = CallCredentials.FromInterceptor(NoHeaders);
        ChannelCredentials composed = ChannelCredentials.Create(ChannelCredentials.SecureSsl, call);

        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(ChannelCredentials.Insecure, call));
        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(composed, call));
    }

    [Fact]
    public void AuthContext_Authenticated_FindsTheIdentity()
    {
        byte[] bytes = "agent"u8.ToArray();
        AuthProperty name = AuthProperty.Create("name", bytes);
        AuthProperty issuer = AuthProperty.Create("issuer", "ca"u8.ToArray());
        AuthContext context = new("name", new() { ["name"] = [name], ["issuer"] = [issuer] });
        bytes[0] = 0;
        name.ValueBytes[0] = 0;

        Assert.True(context.IsPeerAuthenticated);
        Assert.Equal("name", context.PeerIdentityPropertyName);
        Assert.Equal([name], context.PeerIdentity);
        Assert.Equal("agent", name.Value);
        Assert.Equal([issuer], context.FindPropertiesByName("issuer"));
        Assert.Equal([name, issuer], context.Properties);
        Assert.Empty(context.FindPropertiesByName("none"));
    }

    [Fact]
    public void AuthContext_NotAuthenticated_HasNoIdentity()
    {
        AuthContext context = new(null, []);

        Assert.False(context.IsPeerAuthenticated);
        Assert.Empty(context.PeerIdentity);
    }

    private static List<(object? State, object Told)> Populate(CallCredentials credentials)
    {
        CallConfigurator configurator = new();
        credentials.InternalPopulateConfiguration(configurator, "state");
        return configurator.Told;
    }

    private static List<(object? State, object Told)> Populate(ChannelCredentials credentials)
    {
        ChannelConfigurator configurator = new();
        credentials.InternalPopulateConfiguration(configurator, "state");
        return configurator.Told;
    }

    private sealed record TlsSettings(string? Roots, KeyCertificatePair? Pair, VerifyPeerCallback? Verify);

    private sealed class CallConfigurator : CallCredentialsConfiguratorBase
    {
        public List<(object? State, object Told)> Told { get; } = [];

        public override void SetCompositeCredentials(object? state, IReadOnlyList<CallCredentials> credentials) =>
            Told.Add((state, credentials));

        public override void SetAsyncAuthInterceptorCredentials(object? state, AsyncAuthInterceptor interceptor) =>
            Told.Add((state, interceptor));
    }

    private sealed class ChannelConfigurator : ChannelCredentialsConfiguratorBase
    {
        public List<(object? State, object Told)> Told { get; } = [];

        public override void SetInsecureCredentials(object? state) => Told.Add((state, "insecure"));

        public override void SetSslCredentials(
            object? state,
            string? rootCertificates,
            KeyCertificatePair? keyCertificatePair,
            VerifyPeerCallback? verifyPeerCallback) =>
            Told.Add((state, new TlsSettings(rootCertificates, keyCertificatePair, verifyPeerCallback)));

        public override void SetCompositeCredentials(
            object? state, ChannelCredentials channelCredentials, CallCredentials callCredentials) =>
            Told.Add((state, (channelCredentials, callCredentials)));
    }
}
