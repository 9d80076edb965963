using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Synthetic;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;

namespace ScoringEngine.Server.Commands;

/// <summary><c>demo</c>: the whole tour, from customers to answers, on synthetic customers or on a person's own file.</summary>
internal static class DemoCommand
{
    private const int CustomersToAsk = 5_000;

    private sealed record Request(long Customers, bool Exit, string? Data, string? Id, string? Target, string? Folder, int? Port, long AllowRejects);

    public static Command Create()
    {
        Option<long> customers = new("--customers", "-n")
        {
            Description = "How many synthetic customers",
            HelpName = "N",
            DefaultValueFactory = _ => 200_000,
            CustomParser = WholeNumber.Within(1_000, 10_000_000),
        };
        Option<bool> exit = new("--exit") { Description = "End after the answers instead of serving on" };
        Option<string?> data = new("--data", "-d") { Description = "Take the tour on this customer file instead", HelpName = "FILE" };
        Option<string?> id = new("--id") { Description = "Column of that file that holds the customer's id", HelpName = "COLUMN" };
        Option<string?> target = new("--target") { Description = "Profit in that file: a column or a signed sum of columns", HelpName = "COLUMNS" };
        Option<string?> folder = new("--out", "-o") { Description = "Keep the workspace in this folder; a temporary one is deleted at the end", HelpName = "FOLDER" };
        Option<int?> port = new("--port") { Description = "TCP port on 127.0.0.1 (default: 5005, with --exit a free one)", HelpName = "PORT" };
        Option<long> allowRejects = CommonOptions.AllowRejects();
        EngineCommand command = new("demo", "Show everything at once: make or read customers, train, serve, import, and score a few through gRPC",
            "scoring-engine demo",
            "scoring-engine demo --customers 50000 --exit",
            "scoring-engine demo --data customers.csv --id customer_id --target \"revenue - cost\"")
        {
            customers, exit, data, id, target, folder, port, allowRejects,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(data) is null != result.GetResult(id) is null)
            {
                result.AddError("demo: --data and --id come together");
            }
            if (result.GetValue(data) == "-")
            {
                result.AddError("demo: --data needs a file, which is read several times");
            }
        });
        command.SetHandler((parse, output, cancellation) => RunAsync(
            new Request(parse.GetValue(customers), parse.GetValue(exit), parse.GetValue(data), parse.GetValue(id), parse.GetValue(target),
                parse.GetValue(folder), parse.GetValue(port), parse.GetValue(allowRejects)),
            output, cancellation));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Request request, CommandOutput output, CancellationToken cancellation)
    {
        DirectoryInfo? temporary = request.Folder is null ? Directory.CreateTempSubdirectory("scoring-engine-demo-") : null;
        try
        {
            return await TourAsync(request, request.Folder ?? Path.Combine(temporary!.FullName, "demo"), output, cancellation);
        }
        finally
        {
            temporary?.Delete(recursive: true);
        }
    }

    private static async Task<ExitCode> TourAsync(Request request, string folder, CommandOutput output, CancellationToken cancellation)
    {
        // With --json the tour's only result is the object at its end.
        CommandOutput steps = output.Json ? CommandOutput.Silent(output) : output;
        Stopwatch watch = Stopwatch.StartNew();
        string data = request.Data ?? Path.Combine(folder, "customers.csv");
        TrainCommand.Request training = new(folder, data) { Segments = "auto", AllowRejects = request.AllowRejects };
        ExitCode worst = ExitCode.Success;
        void Note(ExitCode exit) => worst = exit == ExitCode.Success ? worst : exit;
        if (request.Data is null)
        {
            steps.Line("These customers are SYNTHETIC: made up by a random generator, with a truth that the engine is not told.");
            SampleSummary summary = SampleCommand.Write(request.Customers, 1, folder, steps, cancellation);
            SampleCommand.Show(summary, folder, steps);
            training = training with { Outcomes = Path.Combine(folder, "outcomes.csv"), Survey = Path.Combine(folder, "survey.csv") };
        }
        else
        {
            Note(InitCommand.Run(
                new InitCommand.Request(request.Data, request.Id!, folder) { Target = request.Target, AllowRejects = request.AllowRejects }, steps, cancellation));
        }
        TimeSpan prepared = watch.Elapsed;
        Note(TrainCommand.Run(training, steps, cancellation));
        if (worst != ExitCode.Success)
        {
            return worst;
        }
        TimeSpan trained = watch.Elapsed;

        await using ScoringServer server = await ScoringServer.StartAsync(
            new Dictionary<string, string?>
            {
                [nameof(ServerOptions.Workspace)] = folder,
                [nameof(ServerOptions.Port)] = (request.Port ?? (request.Exit ? 0 : new ServerOptions().Port)).ToString(CultureInfo.InvariantCulture),
            },
            cancellation: cancellation);
        string address = server.Address.GetLeftPart(UriPartial.Authority);
        steps.Heading($"Serving on {address}; importing the customers through gRPC");
        Note(await ImportCommand.RunAsync(data, address, request.AllowRejects, steps, cancellation));
        TimeSpan imported = watch.Elapsed;

        JsonArray answers = [];
        foreach ((string id, CustomerScore score) in await ExamplesAsync(data, address, cancellation))
        {
            await OnlineScore.RunAsync(address, id, [], propositions: 3, reasons: 0, steps, cancellation);
            answers.Add(OnlineScore.ToJson(score));
        }
        TimeSpan answered = watch.Elapsed;
        string times = string.Create(CultureInfo.InvariantCulture, $"customers {prepared.TotalSeconds:0.0} s, training {(trained - prepared).TotalSeconds:0.0} s, "
            + $"import {(imported - trained).TotalSeconds:0.0} s, answers {(answered - imported).TotalSeconds:0.0} s");
        steps.Line();
        steps.Line($"Took {answered.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s: {times}."
            + (request.Data is null ? " The customers are synthetic." : ""));
        output.Result(new JsonObject
        {
            ["synthetic"] = request.Data is null,
            ["workspace"] = request.Folder,
            ["seconds"] = answered.TotalSeconds,
            ["answers"] = answers,
        });
        if (!request.Exit)
        {
            steps.Line($"Serving on {address} until Ctrl+C. Try: scoring-engine score {answers[0]?["customerId"]} --server {address}");
            try
            {
                await Task.Delay(Timeout.Infinite, cancellation);
            }
            catch (OperationCanceledException)
            {
                // Being stopped is how serving ends.
            }
        }
        await server.StopAsync();
        return worst;
    }

    /// <summary>One customer of each tier that occurs among the first customers, creators first; without tiers, the first customer.</summary>
    private static async Task<List<(string Id, CustomerScore Score)>> ExamplesAsync(string data, string address, CancellationToken cancellation)
    {
        using ServerConnection server = await ServerConnection.OpenAsync(address, cancellation);
        ScoringService.ScoringServiceClient client = new(server.Invoker);
        Dictionary<Tier, (string Id, CustomerScore Score)> found = [];
        foreach (string[] ids in FirstIds(data, server.Model.IdColumn).Chunk(500))
        {
            BatchScoreRequest batch = new();
            batch.Requests.AddRange(ids.Select(id => new ScoreRequest { CustomerId = id }));
            BatchScoreResponse response = await client.BatchScoreAsync(batch, cancellationToken: cancellation);
            foreach (CustomerScore score in response.Results.Select(r => r.Score).OfType<CustomerScore>())
            {
                found.TryAdd(score.Tier, (score.CustomerId, score));
            }
        }
        Tier[] shown = [Tier.ValueCreator, Tier.Sustainer, Tier.ValueDestroyer, Tier.Unspecified];
        List<(string, CustomerScore)> examples = [.. shown.Where(found.ContainsKey).Select(t => found[t])];
        return examples.Count > 0 ? examples : [.. found.Values];
    }

    private static IEnumerable<string> FirstIds(string data, string idColumn)
    {
        using CsvTable table = CsvTable.Open(data);
        int column = table.Require(idColumn);
        for (int i = 0; i < CustomersToAsk && table.Read(); i++)
        {
            if (table.RowViolation is null && CustomerFile.IdViolation(table[column]) is null)
            {
                yield return Encoding.UTF8.GetString(table[column]);
            }
        }
    }
}
