using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Grpc.Contracts.Tests.Calls;

/// <summary>Call and channel credentials over a real connection.</summary>
public class CredentialsTests
{
    [Fact]
    public async Task CallCredentials_ComposedOverPlainText_ReachTheServerInOrder()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        string? received = null;
        server.Service.OnCall = context =>
        {
            // Headers of one key may arrive joined.
            received = string.Join(", ", context.RequestHeaders.GetAll("authorization").Select(entry => entry.Value));
            return Task.CompletedTask;
        };
        List<string> asked = [];
        CallCredentials credentials = CallCredentials.Compose(Token("one"), Token("two"));
        using GrpcChannel channel = server.OpenChannel(new GrpcChannelOptions
        {
            Credentials = ChannelCredentials.Insecure,
            UnsafeUseInsecureChannelCallCredentials = true,
        });

        await new Echo.EchoClient(channel).SayAsync(
            new EchoRequest(), new CallOptions().WithCredentials(credentials));

        Assert.Equal("one, two", received);
        string call = $"{new Uri(server.Address, "grpc.contracts.tests.Echo")} Say";
        Assert.Equal([call, call], asked);

        CallCredentials Token(string token) => CallCredentials.FromInterceptor(async (context, metadata) =>
        {
            await Task.Yield();
            asked.Add($"{context.ServiceUrl} {context.MethodName}");
            metadata.Add("authorization", token);
        });
    }

    [Fact]
    public async Task ChannelCredentials_TlsWithCallCredentialsAndClientCertificate_AuthenticateBothWays()
    {
        using X509Certificate2 serverCertificate = SelfSigned("localhost");
        using X509Certificate2 clientCertificate = SelfSigned("agent");
        await using EchoServer server = await EchoServer.StartAsync(listen: options => options.UseHttps(https =>
        {
            https.ServerCertificate = serverCertificate;
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.AllowAnyClientCertificate();
        }));
        string? token = null;
        AuthContext? identity = null;
        server.Service.OnCall = context =>
        {
            token = context.RequestHeaders.GetValue("authorization");
            identity = context.AuthContext;
            return Task.CompletedTask;
        };
        SocketsHttpHandler handler = new();
        handler.SslOptions.ClientCertificates = [clientCertificate];
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            certificate?.GetCertHashString() == serverCertificate.GetCertHashString();
        using GrpcChannel channel = server.OpenChannel(new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            Credentials = ChannelCredentials.Create(new SslCredentials(), CallCredentials.FromInterceptor((_, metadata) =>
            {
                metadata.Add("authorization", "secret");
                return Task.CompletedTask;
            })),
        });

        await new Echo.EchoClient(channel).SayAsync(new EchoRequest());

        Assert.Equal("secret", token);
        Assert.NotNull(identity);
        Assert.True(identity.IsPeerAuthenticated);
        Assert.Equal("agent", Assert.Single(identity.PeerIdentity).Value);
    }

    private static X509Certificate2 SelfSigned(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
