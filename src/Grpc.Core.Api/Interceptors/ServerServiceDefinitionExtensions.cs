namespace Grpc.Core.Interceptors;

/// <summary>Puts interceptors around the methods of a service.</summary>
public static class ServerServiceDefinitionExtensions
{
    /// <summary>The same service behind an interceptor.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static ServerServiceDefinition Intercept(
        this ServerServiceDefinition serverServiceDefinition, Interceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(serverServiceDefinition);
        ArgumentNullException.ThrowIfNull(interceptor);
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.CreateBuilder();
        serverServiceDefinition.BindService(new InterceptingBinder(builder, interceptor));
        return builder.Build();
    }

    /// <summary>The same service behind interceptors: the first given sees a call first.</summary>
    /// <exception cref="ArgumentNullException">An argument or an interceptor is null.</exception>
    public static ServerServiceDefinition Intercept(
        this ServerServiceDefinition serverServiceDefinition, params Interceptor[] interceptors)
    {
        ArgumentNullException.ThrowIfNull(serverServiceDefinition);
        ArgumentNullException.ThrowIfNull(interceptors);
        return interceptors.Reverse().Aggregate(serverServiceDefinition, Intercept);
    }

    /// <summary>A definition's handlers are never null, so neither are those that come by here.</summary>
    private sealed class InterceptingBinder(ServerServiceDefinition.Builder builder, Interceptor interceptor)
        : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            builder.AddMethod(method, (TRequest request, ServerCallContext context) =>
                interceptor.UnaryServerHandler(request, context, handler!));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            builder.AddMethod(method, (IAsyncStreamReader<TRequest> requests, ServerCallContext context) =>
                interceptor.ClientStreamingServerHandler(requests, context, handler!));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            builder.AddMethod(
                method, (TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context) =>
                    interceptor.ServerStreamingServerHandler(request, responses, context, handler!));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            builder.AddMethod(
                method,
                (IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context) =>
                    interceptor.DuplexStreamingServerHandler(requests, responses, context, handler!));
    }
}
