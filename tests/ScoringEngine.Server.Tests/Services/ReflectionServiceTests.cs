using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Reflection.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using ScoringEngine.Server.Services;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace ScoringEngine.Server.Tests.Services;

public class ReflectionServiceTests
{
    [Fact]
    public async Task ListServices_TwoMapped_NamesBoth()
    {
        ServerReflectionResponse response = await Ask(new ServerReflectionRequest { Host = "h", ListServices = "*" });

        Assert.Equal("h", response.ValidHost);
        Assert.Equal("*", response.OriginalRequest.ListServices);
        Assert.Equal(
            ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"],
            response.ListServicesResponse.Service.Select(service => service.Name));
    }

    [Theory]
    [InlineData("grpc.health.v1.Health")]
    [InlineData("grpc.health.v1.Health.Check")]
    [InlineData("grpc.health.v1.HealthCheckResponse")]
    [InlineData("grpc.health.v1.HealthCheckResponse.status")]
    [InlineData("grpc.health.v1.HealthCheckResponse.ServingStatus")]
    [InlineData("grpc.health.v1.HealthListResponse.StatusesEntry")]
    public async Task FileContainingSymbol_AnyKindOfSymbol_AnswersItsFile(string symbol)
    {
        ServerReflectionResponse response = await Ask(new ServerReflectionRequest { FileContainingSymbol = symbol });

        IReadOnlyList<FileDescriptor> files = Build(response);
        Assert.Equal("grpc/health/v1/health.proto", files[^1].Name);
        ServiceDescriptor health = Assert.Single(files[^1].Services);
        Assert.Equal("grpc.health.v1.Health", health.FullName);
        Assert.True(health.FindMethodByName("Watch").IsServerStreaming);
    }

    [Fact]
    public async Task FileByFilename_KnownFile_AnswersIt()
    {
        ServerReflectionResponse response =
            await Ask(new ServerReflectionRequest { FileByFilename = "grpc/reflection/v1/reflection.proto" });

        Assert.Equal("grpc.reflection.v1.ServerReflection", Build(response)[^1].Services.Single().FullName);
    }

    [Theory]
    [InlineData("file")]
    [InlineData("symbol")]
    [InlineData("extension")]
    [InlineData("extensionNumbers")]
    public async Task Answer_NothingToBeFound_IsANotFoundErrorResponse(string kind)
    {
        ServerReflectionRequest request = kind switch
        {
            "file" => new ServerReflectionRequest { FileByFilename = "none.proto" },
            "symbol" => new ServerReflectionRequest { FileContainingSymbol = "grpc.health.v1.Nothing" },
            "extension" => new ServerReflectionRequest
            {
                FileContainingExtension = new ExtensionRequest
                {
                    ContainingType = "google.protobuf.FieldOptions",
                    ExtensionNumber = 1,
                },
            },
            _ => new ServerReflectionRequest { AllExtensionNumbersOfType = "google.protobuf.FieldOptions" },
        };

        ServerReflectionResponse response = await Ask(request);

        Assert.Equal((int)StatusCode.NotFound, response.ErrorResponse.ErrorCode);
        Assert.NotEmpty(response.ErrorResponse.ErrorMessage);
    }

    [Fact]
    public async Task Answer_NoQuestion_IsAnInvalidArgumentErrorResponse()
    {
        ServerReflectionResponse response = await Ask(new ServerReflectionRequest());

        Assert.Equal((int)StatusCode.InvalidArgument, response.ErrorResponse.ErrorCode);
    }

    [Fact]
    public async Task ServerReflectionInfo_SeveralQuestions_AnswersInOrderAndEndsWithTheRequests()
    {
        await using ServiceHost host = await StartAsync();
        using AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> call =
            new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();

        string[] names = ["none", "grpc.health.v1.Health"];
        foreach (string name in names)
        {
            await call.RequestStream.WriteAsync(new ServerReflectionRequest { FileContainingSymbol = name });
        }
        await call.RequestStream.CompleteAsync();

        List<ServerReflectionResponse> responses = [];
        await foreach (ServerReflectionResponse response in call.ResponseStream.ReadAllAsync())
        {
            responses.Add(response);
        }
        Assert.Equal(names, responses.Select(response => response.OriginalRequest.FileContainingSymbol));
        Assert.NotNull(responses[0].ErrorResponse);
        Assert.NotNull(responses[1].FileDescriptorResponse);
    }

    [Fact]
    public async Task FileByFilename_SharedDependencies_AnswersEachOnceAndEveryFileBeforeItsDependencies()
    {
        Method<string, string> method = new(
            MethodType.Unary, "Service", "Call", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        await using ServiceHost host = await StartAsync(application => application
            .MapPost(method.FullName, () => "").WithMetadata(new GrpcMethodMetadata(typeof(LayeredService), method)));

        ServerReflectionResponse response =
            await Ask(host, new ServerReflectionRequest { FileByFilename = LayeredService.Descriptor.File.Name });

        Assert.Equal(["base.proto", "left.proto", "right.proto", "top.proto"],
            Build(response).Select(file => file.Name).Order());
        Assert.Equal("top.proto", Build(response)[^1].Name);
        ServerReflectionResponse list = await Ask(host, new ServerReflectionRequest { ListServices = "" });
        Assert.Contains("Service", list.ListServicesResponse.Service.Select(service => service.Name));
    }

    private static async Task<ServerReflectionResponse> Ask(ServerReflectionRequest request)
    {
        await using ServiceHost host = await StartAsync();
        return await Ask(host, request);
    }

    private static async Task<ServerReflectionResponse> Ask(ServiceHost host, ServerReflectionRequest request)
    {
        using AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> call =
            new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(request);
        Assert.True(await call.ResponseStream.MoveNext());
        return call.ResponseStream.Current;
    }

    private static Task<ServiceHost> StartAsync(Action<WebApplication>? map = null) => ServiceHost.StartAsync(
        services => services.AddSingleton<HealthService>().AddSingleton<ReflectionService>(),
        application =>
        {
            application.MapGrpcService<HealthService>();
            application.MapGrpcService<ReflectionService>();
            map?.Invoke(application);
        });

    /// <summary>The files of an answer, parsed; the file asked for is the last.</summary>
    private static IReadOnlyList<FileDescriptor> Build(ServerReflectionResponse response) =>
        FileDescriptor.BuildFromByteStrings(response.FileDescriptorResponse.FileDescriptorProto.Reverse());

    /// <summary>A service whose file depends on one file by two ways: top on left and right, both on base.</summary>
    [BindServiceMethod(typeof(LayeredService), "BindService")]
    private sealed class LayeredService
    {
        public static ServiceDescriptor Descriptor { get; } = FileDescriptor.BuildFromByteStrings(
        [
            new FileDescriptorProto { Name = "base.proto" }.ToByteString(),
            new FileDescriptorProto { Name = "left.proto", Dependency = { "base.proto" } }.ToByteString(),
            new FileDescriptorProto { Name = "right.proto", Dependency = { "base.proto", "left.proto" } }.ToByteString(),
            new FileDescriptorProto
            {
                Name = "top.proto",
                Dependency = { "left.proto", "right.proto" },
                Service = { new ServiceDescriptorProto { Name = "Service" } },
            }.ToByteString(),
        ])[^1].Services.Single();
    }
}
