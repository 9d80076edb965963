using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using Google.Protobuf;
using Grpc.Net.Client;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Synthetic;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.LoadTarget;
using ScoringEngine.LoadTarget.V1;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;

// Trains on synthetic customers, serves them beside handlers that cost nothing, and leaves what a load client needs in a
// folder: the bodies to post and, when everything is ready, the port. Runs until its standard input ends.
if (args is not [string folder, ..] || (args.Length > 1 && !long.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out _)))
{
    Console.Error.WriteLine("usage: ScoringEngine.LoadTarget FOLDER [CUSTOMERS]");
    return (int)ExitCode.Usage;
}
long customers = args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 20_000;
SyntheticWorld world = new(seed: 1);
string workspaceFolder = Path.Combine(folder, "workspace");
SampleWriter.Write(world, customers, folder);
WorkspaceWriter.Create(workspaceFolder, SyntheticWorkspace.Files(world));
Train(Workspace.Load(workspaceFolder), folder);

BaselineService baseline = new();
await using ScoringServer server = await ScoringServer.StartAsync(
    [KeyValuePair.Create(nameof(ServerOptions.Workspace), (string?)workspaceFolder), KeyValuePair.Create(nameof(ServerOptions.Port), (string?)"0")],
    builder => builder.Services.AddSingleton(baseline),
    application => application.MapGrpcService<BaselineService>());
await RootCommandFactory.RunAsync(["import", "--data", Path.Combine(folder, "customers.csv"), "--server", server.Address.Authority], new InvocationConfiguration());

ScoreRequest request = new() { CustomerId = "C0000042" };
using GrpcChannel channel = GrpcChannel.ForAddress(server.Address);
baseline.Response = await new ScoringService.ScoringServiceClient(channel).ScoreAsync(request);
WriteBody("score.body", request);
WriteBody("prebuilt.body", request);
WriteBody("empty.body", new EmptyRequest());
Console.Error.WriteLine($"a request of {request.CalculateSize()} bytes, an answer of {baseline.Response.CalculateSize()} bytes");
File.WriteAllText(Path.Combine(folder, "port.partial"), server.Address.Port.ToString(CultureInfo.InvariantCulture));
File.Move(Path.Combine(folder, "port.partial"), Path.Combine(folder, "port"), overwrite: true);
await Console.In.ReadToEndAsync();
return (int)ExitCode.Success;

// A gRPC message: not compressed, length, protobuf.
void WriteBody(string name, IMessage message)
{
    byte[] body = new byte[5 + message.CalculateSize()];
    BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), body.Length - 5);
    message.WriteTo(body.AsSpan(5));
    File.WriteAllBytes(Path.Combine(folder, name), body);
}

static void Train(Workspace workspace, string folder)
{
    CategoryDictionary categories = new(workspace.Schema.Features);
    using CustomerFile customers = CustomerFile.Open(CsvTable.Open(Path.Combine(folder, "customers.csv")), categories,
        workspace.Schema.IdColumn, workspace.Schema.Target, Throw, withContext: true);
    OutcomeTable outcomes = OutcomeTable.Read(CsvTable.Open(Path.Combine(folder, "outcomes.csv")), categories, workspace.Propositions, laterFeatures: null, Throw);
    TrainingResult result = ModelTrainer.Train(workspace, CustomerTable.Read(customers), outcomes, previous: null, new TrainingOptions(), DateTimeOffset.UtcNow);
    ModelPackage.Write(workspace, result.Models, result.GoldenRows, "for a load test");
}

static void Throw(RowRejection rejection) => throw new InvalidDataException(rejection.ToString());
