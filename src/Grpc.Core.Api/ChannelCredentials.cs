namespace Grpc.Core;

/// <summary>How a channel is secured; immutable.</summary>
public abstract class ChannelCredentials
{
    /// <summary>Not at all: plain text.</summary>
    public static ChannelCredentials Insecure { get; } = new InsecureCredentials();

    /// <summary>TLS against the machine's trusted roots.</summary>
    public static ChannelCredentials SecureSsl { get; } = new SslCredentials();

    /// <summary>A secured channel whose every call carries call credentials.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The channel credentials are insecure or already composed.</exception>
    public static ChannelCredentials Create(ChannelCredentials channelCredentials, CallCredentials callCredentials)
    {
        ArgumentNullException.ThrowIfNull(channelCredentials);
        ArgumentNullException.ThrowIfNull(callCredentials);
        return channelCredentials is InsecureCredentials or CompositeCredentials
            ? throw new ArgumentException(
                "Call credentials can only be added to channel credentials that secure the channel and have none yet.",
                nameof(channelCredentials))
            : new CompositeCredentials(channelCredentials, callCredentials);
    }

    /// <summary>Tells a transport what these credentials consist of; called by the transport.</summary>
    /// <param name="configurator">The transport's receiver.</param>
    /// <param name="state">Passed through to the receiver.</param>
    public abstract void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state);

    private sealed class InsecureCredentials : ChannelCredentials
    {
        public override void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state) =>
            configurator.SetInsecureCredentials(state);
    }

    private sealed class CompositeCredentials(ChannelCredentials channelCredentials, CallCredentials callCredentials)
        : ChannelCredentials
    {
        public override void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state) =>
            configurator.SetCompositeCredentials(state, channelCredentials, callCredentials);
    }
}

/// <summary>TLS, optionally with roots, a client certificate and a check of one's own; immutable.</summary>
public sealed class SslCredentials : ChannelCredentials
{
    private readonly VerifyPeerCallback? _verifyPeerCallback;

    /// <summary>TLS against the machine's trusted roots.</summary>
    public SslCredentials()
        : this(null)
    {
    }

    /// <summary>TLS.</summary>
    /// <param name="rootCertificates">Trusted roots in PEM; null for the machine's.</param>
    public SslCredentials(string? rootCertificates)
        : this(rootCertificates, null)
    {
    }

    /// <summary>TLS with a client certificate.</summary>
    /// <param name="rootCertificates">Trusted roots in PEM; null for the machine's.</param>
    /// <param name="keyCertificatePair">The client's certificate; null for none.</param>
    public SslCredentials(string? rootCertificates, KeyCertificatePair? keyCertificatePair)
        : this(rootCertificates, keyCertificatePair, null)
    {
    }

    /// <summary>TLS with a client certificate and a further check of the server.</summary>
    /// <param name="rootCertificates">Trusted roots in PEM; null for the machine's.</param>
    /// <param name="keyCertificatePair">The client's certificate; null for none.</param>
    /// <param name="verifyPeerCallback">The further check; null for none.</param>
    public SslCredentials(
        string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback)
    {
        RootCertificates = rootCertificates;
        KeyCertificatePair = keyCertificatePair;
        _verifyPeerCallback = verifyPeerCallback;
    }

    /// <summary>Trusted roots in PEM; null for the machine's.</summary>
    public string? RootCertificates { get; }

    /// <summary>The client's certificate; null for none.</summary>
    public KeyCertificatePair? KeyCertificatePair { get; }

    /// <inheritdoc/>
    public override void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state) =>
        configurator.SetSslCredentials(state, RootCertificates, KeyCertificatePair, _verifyPeerCallback);
}

/// <summary>How a transport learns what channel credentials consist of: exactly one of the methods is called.</summary>
public abstract class ChannelCredentialsConfiguratorBase
{
    /// <summary>The channel is plain text.</summary>
    public abstract void SetInsecureCredentials(object? state);

    /// <summary>The channel is TLS; null has the meaning it has in <see cref="SslCredentials"/>.</summary>
    public abstract void SetSslCredentials(
        object? state,
        string? rootCertificates,
        KeyCertificatePair? keyCertificatePair,
        VerifyPeerCallback? verifyPeerCallback);

    /// <summary>The channel is secured by the first and its calls carry the second.</summary>
    public abstract void SetCompositeCredentials(
        object? state, ChannelCredentials channelCredentials, CallCredentials callCredentials);
}

/// <summary>A certificate with its private key; immutable.</summary>
public sealed class KeyCertificatePair
{
    /// <summary>A certificate with its private key.</summary>
    /// <param name="certificateChain">The certificate and its chain in PEM.</param>
    /// <param name="privateKey">The private key in PEM.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public KeyCertificatePair(string certificateChain, string privateKey)
    {
        ArgumentNullException.ThrowIfNull(certificateChain);
        ArgumentNullException.ThrowIfNull(privateKey);
        CertificateChain = certificateChain;
        PrivateKey = privateKey;
    }

    /// <summary>The certificate and its chain in PEM.</summary>
    public string CertificateChain { get; }

    /// <summary>The private key in PEM.</summary>
    public string PrivateKey { get; }
}

/// <summary>A check of the server beside the verification of its certificate; false refuses it.</summary>
public delegate bool VerifyPeerCallback(VerifyPeerContext context);

/// <summary>The server to be checked; immutable.</summary>
public class VerifyPeerContext
{
    /// <summary>A server to be checked; made by transports.</summary>
    /// <param name="targetName">The name the client asked for.</param>
    /// <param name="peerPem">The server's certificate in PEM.</param>
    public VerifyPeerContext(string targetName, string peerPem)
    {
        TargetName = targetName;
        PeerPem = peerPem;
    }

    /// <summary>The name the client asked for.</summary>
    public string TargetName { get; }

    /// <summary>The server's certificate in PEM.</summary>
    public string PeerPem { get; }
}
