using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace ScoringEngine.Server.Services;

/// <summary>
/// Finds a service's methods as the framework's own provider does, but answers bytes that are no message of the request's
/// type with INVALID_ARGUMENT; the framework would call them a failure of the server. Register it in place of that one.
/// </summary>
/// <typeparam name="TService">A class that derives from a generated service base.</typeparam>
internal sealed class CheckedMethodProvider<TService> : IServiceMethodProvider<TService>
    where TService : class
{
    /// <inheritdoc/>
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        BindServiceMethodAttribute binding = typeof(TService).GetCustomAttribute<BindServiceMethodAttribute>(inherit: true)
            ?? throw new InvalidOperationException($"{typeof(TService)} derives from no generated service base");
        MethodInfo bind = binding.BindType.GetMethod(binding.BindMethodName, [typeof(ServiceBinderBase), typeof(TService).BaseType!])
            ?? throw new InvalidOperationException($"{binding.BindType} has no {binding.BindMethodName}");
        bind.Invoke(null, [new Binder(context), null]);
    }

    private static Method<TRequest, TResponse> Checked<TRequest, TResponse>(Method<TRequest, TResponse> method)
    {
        Func<DeserializationContext, TRequest> parse = method.RequestMarshaller.ContextualDeserializer;
        Marshaller<TRequest> marshaller = new(method.RequestMarshaller.ContextualSerializer, payload =>
        {
            try
            {
                return parse(payload);
            }
            catch (InvalidProtocolBufferException)
            {
                Violations violations = default;
                violations.Add("", $"the bytes are no {typeof(TRequest).Name}");
                throw violations.ToStatus().ToException();
            }
        });
        return new Method<TRequest, TResponse>(method.Type, method.ServiceName, method.Name, marshaller, method.ResponseMarshaller);
    }

    private sealed class Binder(ServiceMethodProviderContext<TService> context) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
            => context.AddUnaryMethod(Checked(method), Metadata(method), Open<UnaryServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
            => context.AddClientStreamingMethod(Checked(method), Metadata(method), Open<ClientStreamingServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
            => context.AddServerStreamingMethod(Checked(method), Metadata(method), Open<ServerStreamingServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
            => context.AddDuplexStreamingMethod(Checked(method), Metadata(method), Open<DuplexStreamingServerMethod<TService, TRequest, TResponse>>(method));

        // A delegate whose first argument is the service.
        private static TDelegate Open<TDelegate>(IMethod method)
            where TDelegate : Delegate
            => Implementation(method).CreateDelegate<TDelegate>();

        private static List<object> Metadata(IMethod method)
            => [.. typeof(TService).GetCustomAttributes(inherit: true), .. Implementation(method).GetCustomAttributes(inherit: true),
                new HttpMethodMetadata([HttpMethods.Post], acceptCorsPreflight: true)];

        [SuppressMessage("Trimming", "IL2090", Justification = "The server is not trimmed.")]
        private static MethodInfo Implementation(IMethod method)
            => typeof(TService).GetMethod(method.Name) ?? throw new InvalidOperationException($"{typeof(TService)} has no method {method.Name}");
    }
}
