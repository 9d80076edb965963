using System.Collections.ObjectModel;

namespace Grpc.Core;

/// <summary>Adds headers such as a token to a call; may wait for them.</summary>
/// <param name="context">The call that asks.</param>
/// <param name="metadata">Where to add the headers.</param>
public delegate Task AsyncAuthInterceptor(AuthInterceptorContext context, Metadata metadata);

/// <summary>The call that asks for credentials; immutable.</summary>
public class AuthInterceptorContext
{
    /// <summary>A call that cannot be cancelled.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public AuthInterceptorContext(string serviceUrl, string methodName)
        : this(serviceUrl, methodName, CancellationToken.None)
    {
    }

    /// <summary>A call.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public AuthInterceptorContext(string serviceUrl, string methodName, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(serviceUrl);
        ArgumentNullException.ThrowIfNull(methodName);
        ServiceUrl = serviceUrl;
        MethodName = methodName;
        CancellationToken = cancellationToken;
    }

    /// <summary>The service's address, the audience of a token.</summary>
    public string ServiceUrl { get; }

    /// <summary>The method's name within its service.</summary>
    public string MethodName { get; }

    /// <summary>Cancelled when the call is.</summary>
    public CancellationToken CancellationToken { get; }
}

/// <summary>Who makes a call, as opposed to how the channel is secured; immutable.</summary>
public abstract class CallCredentials
{
    /// <summary>The headers that an interceptor adds.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="interceptor"/> is null.</exception>
    public static CallCredentials FromInterceptor(AsyncAuthInterceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(interceptor);
        return new InterceptorCredentials(interceptor);
    }

    /// <summary>Several credentials together, applied in this order.</summary>
    /// <exception cref="ArgumentException">Fewer than two are given, or one is null.</exception>
    public static CallCredentials Compose(params CallCredentials[] credentials)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        return credentials.Length >= 2 && !credentials.Contains(null)
            ? new CompositeCredentials(Array.AsReadOnly<CallCredentials>([.. credentials]))
            : throw new ArgumentException("Compose needs two or more credentials.", nameof(credentials));
    }

    /// <summary>Tells a transport what these credentials consist of; called by the transport.</summary>
    /// <param name="configurator">The transport's receiver.</param>
    /// <param name="state">Passed through to the receiver.</param>
    public abstract void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state);

    private sealed class InterceptorCredentials(AsyncAuthInterceptor interceptor) : CallCredentials
    {
        public override void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state) =>
            configurator.SetAsyncAuthInterceptorCredentials(state, interceptor);
    }

    private sealed class CompositeCredentials(ReadOnlyCollection<CallCredentials> credentials) : CallCredentials
    {
        public override void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state) =>
            configurator.SetCompositeCredentials(state, credentials);
    }
}

/// <summary>How a transport learns what call credentials consist of: exactly one of the methods is called.</summary>
public abstract class CallCredentialsConfiguratorBase
{
    /// <summary>They are several credentials, to be applied in this order.</summary>
    public abstract void SetCompositeCredentials(object? state, IReadOnlyList<CallCredentials> credentials);

    /// <summary>They are an interceptor.</summary>
    public abstract void SetAsyncAuthInterceptorCredentials(object? state, AsyncAuthInterceptor interceptor);
}
