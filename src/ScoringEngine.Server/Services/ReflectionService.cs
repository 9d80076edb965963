using System.Reflection;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Reflection.V1;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace ScoringEngine.Server.Services;

/// <summary>
/// The standard <c>grpc.reflection.v1</c> service over the services that the server has mapped, itself included.
/// Immutable once made; register one instance, which the first call makes, when everything is mapped.
/// </summary>
internal sealed class ReflectionService : ServerReflection.ServerReflectionBase
{
    private readonly List<string> _services;
    private readonly Dictionary<string, FileDescriptor> _filesByName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileDescriptor> _filesBySymbol = new(StringComparer.Ordinal);

    /// <summary>Describes the gRPC services among the endpoints that are mapped by now.</summary>
    public ReflectionService(EndpointDataSource endpoints)
    {
        List<ServiceDescriptor> services = [.. endpoints.Endpoints
            .Select(endpoint => endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.ServiceType)
            .OfType<Type>()
            .Distinct()
            .Select(DescriptorOf)];
        _services = [.. services.Select(service => service.FullName).Order(StringComparer.Ordinal)];
        foreach (FileDescriptor file in services.SelectMany(service => WithDependencies(service.File)))
        {
            if (_filesByName.TryAdd(file.Name, file))
            {
                foreach (string symbol in SymbolsOf(file))
                {
                    _filesBySymbol[symbol] = file;
                }
            }
        }
    }

    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        await foreach (ServerReflectionRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(Answer(request), context.CancellationToken);
        }
    }

    private ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        ServerReflectionResponse response = new() { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case ServerReflectionRequest.MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new ListServiceResponse
                {
                    Service = { _services.Select(name => new ServiceResponse { Name = name }) },
                };
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileByFilename:
                AnswerFile(response, _filesByName, request.FileByFilename);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol:
                AnswerFile(response, _filesBySymbol, request.FileContainingSymbol);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingExtension:
            case ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType:
                response.ErrorResponse = Error(StatusCode.NotFound, "Extensions are not described here.");
                break;
            default:
                response.ErrorResponse = Error(StatusCode.InvalidArgument, "The request asks nothing.");
                break;
        }
        return response;
    }

    private static void AnswerFile(
        ServerReflectionResponse response, Dictionary<string, FileDescriptor> files, string name)
    {
        if (files.TryGetValue(name, out FileDescriptor? file))
        {
            response.FileDescriptorResponse = new FileDescriptorResponse
            {
                FileDescriptorProto = { WithDependencies(file).Select(each => each.SerializedData) },
            };
        }
        else
        {
            response.ErrorResponse = Error(StatusCode.NotFound, $"\"{name}\" is not known.");
        }
    }

    private static ErrorResponse Error(StatusCode code, string message) =>
        new() { ErrorCode = (int)code, ErrorMessage = message };

    /// <summary>The descriptor in the generated class that binds a service, found the way the server finds that class.</summary>
    private static ServiceDescriptor DescriptorOf(Type serviceType) =>
        serviceType.GetCustomAttribute<BindServiceMethodAttribute>()?.BindType
            .GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as ServiceDescriptor
        ?? throw new InvalidOperationException($"{serviceType} is not derived from a generated service base.");

    /// <summary>The file, then all it depends on, each file before those it depends on.</summary>
    private static IEnumerable<FileDescriptor> WithDependencies(FileDescriptor file)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        List<FileDescriptor> dependenciesFirst = [];
        Visit(file);
        return Enumerable.Reverse(dependenciesFirst);

        void Visit(FileDescriptor current)
        {
            if (seen.Add(current.Name))
            {
                foreach (FileDescriptor dependency in current.Dependencies)
                {
                    Visit(dependency);
                }
                dependenciesFirst.Add(current);
            }
        }
    }

    private static IEnumerable<string> SymbolsOf(FileDescriptor file)
    {
        IEnumerable<IDescriptor> services =
            file.Services.SelectMany(service => service.Methods.Prepend<IDescriptor>(service));
        return services.Concat(file.EnumTypes).Concat(file.MessageTypes.SelectMany(SymbolsOf))
            .Select(descriptor => descriptor.FullName);
    }

    private static IEnumerable<IDescriptor> SymbolsOf(MessageDescriptor message) =>
        message.Fields.InDeclarationOrder()
            .Concat<IDescriptor>(message.EnumTypes)
            .Concat(message.NestedTypes.SelectMany(SymbolsOf))
            .Prepend(message);
}
