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
using Durability = ScoringEngine.Storage.Journals.Durability;

// Trains on synthetic customers and serves them beside handlers that cost nothing. Either leaves what a load client needs in a folder, the
// bodies to post and, when everything is ready, the port, and runs until its standard input ends; or, with decide, is called itself.
bool decides = args is ["decide", ..];
string durability = decides && Enum.TryParse(args[^1], ignoreCase: true, out Durability level) && !char.IsDigit(args[^1][0]) ? $"{level}" : "";
string[] rest = args[(decides ? 1 : 0)..^(durability.Length > 0 ? 1 : 0)];
durability = durability.Length > 0 ? durability : nameof(Durability.Commit);
if (rest is not [string folder, ..] || rest.Skip(1).Any(a => !int.TryParse(a, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
{
    Console.Error.WriteLine("usage: ScoringEngine.LoadTarget FOLDER [CUSTOMERS]\n       ScoringEngine.LoadTarget decide FOLDER [CUSTOMERS [SECONDS [CALLERS]]] [commit|interval|none]");
    return (int)ExitCode.Usage;
}
int customers = Number(1, 20_000);
SyntheticWorld world = new(seed: 1);
string workspaceFolder = Path.Combine(folder, "workspace");
SampleWriter.Write(world, customers, folder);
WorkspaceWriter.Create(workspaceFolder, SyntheticWorkspace.Files(world));
Train(Workspace.Load(workspaceFolder), folder);

BaselineService baseline = new();
Dictionary<string, string?> settings = new() { [nameof(ServerOptions.Workspace)] = workspaceFolder, [nameof(ServerOptions.Port)] = "0" };
if (decides)
{
    settings[nameof(ServerOptions.DataDirectory)] = Path.Combine(folder, "data");
    settings[nameof(ServerOptions.Durability)] = durability;
}
await using ScoringServer server = await ScoringServer.StartAsync(settings,
    builder => builder.Services.AddSingleton(baseline),
    application => application.MapGrpcService<BaselineService>());
await RootCommandFactory.RunAsync(["import", "--data", Path.Combine(folder, "customers.csv"), "--server", server.Address.Authority], new InvocationConfiguration());
if (decides)
{
    int seconds = Number(2, 10);
    int callers = Number(3, 64);
    DecideLoad load = new(server.Address, customers);
    await load.RunAsync(callers, TimeSpan.FromSeconds(Math.Min(5, seconds))); // warm-up: tiered compilation
    TimeSpan before = Environment.CpuUsage.TotalTime;
    (TimeSpan[] latencies, double rate) = await load.RunAsync(callers, TimeSpan.FromSeconds(seconds));
    double processor = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / latencies.Length;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rate:0} decisions/s, {settings[nameof(ServerOptions.Durability)]}, {callers} callers; "
        + $"p50 {latencies[latencies.Length / 2].TotalMicroseconds:0} us, p99 {latencies[latencies.Length * 99 / 100].TotalMicroseconds:0} us; "
        + $"{processor:0} us of processor time a decision, callers included"));
    return (int)ExitCode.Success;
}

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

int Number(int index, int usual) => rest.Length > index ? int.Parse(rest[index], CultureInfo.InvariantCulture) : usual;

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
