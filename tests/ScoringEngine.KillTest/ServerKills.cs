using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.KillTest;

/// <summary>Kills a server again and again; this process is its client and has the audit.</summary>
internal static class ServerKills
{
    public static async Task<int> RunAsync(int cycles, string folder, int seed, string program, TextWriter output)
    {
        string workspace = Path.Combine(folder, "workspace");
        if (!Directory.Exists(workspace))
        {
            MakeWorkspace(program, folder, workspace);
        }
        using Audit audit = new(Path.Combine(folder, "audit"));
        SeededRandom random = new(seed);
        int early = 0;
        int closed = 0;
        for (int cycle = 0; cycle <= cycles; cycle++)
        {
            int port = FreePort();
            using Process server = Process.Start(new ProcessStartInfo(program,
                ["serve", "--workspace", workspace, "--port", $"{port}", "--data", Path.Combine(folder, "data"), "--snapshot-interval", "1", "--snapshot-journal", "1MB"])
            { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> errors = server.StandardError.ReadToEndAsync();
            _ = server.StandardOutput.ReadToEndAsync();
            using GrpcChannel channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
            if (cycle < cycles && random.Next(5) == 0)
            {
                // While it starts or recovers.
                early++;
                await Task.Delay(random.Next(1000));
                await KillAsync(server);
                continue;
            }
            if (!await IsServingAsync(server, channel))
            {
                output.WriteLine($"cycle {cycle}, folder {folder}: the server ended\n{await errors}");
                return 1;
            }
            ServerTarget target = new(channel);
            Findings findings = audit.Verify(await target.ReadAllAsync());
            if (!findings.Clean)
            {
                output.WriteLine($"cycle {cycle}, folder {folder}: {findings}\n{string.Join('\n', findings.Lost.Concat(findings.Phantom).Concat(findings.Torn).Take(20))}");
                await KillAsync(server);
                return 1;
            }
            if (cycle == cycles)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{cycles} cycles ({early} killed while starting, {closed} stopped in order): {findings}, {audit.AcknowledgedWrites} writes acknowledged so far"));
            }
            using CancellationTokenSource stop = new();
            Task writing = new Writers(target, audit, (seed * 1_000_003) + cycle).RunAsync(stop.Token);
            await Task.WhenAny(Task.Delay(random.Next(400)), writing);
            if (writing.IsFaulted)
            {
                await KillAsync(server);
                await writing;
            }
            if (cycle == cycles || random.Next(20) == 0)
            {
                closed++;
                await stop.CancelAsync();
                await writing;
                using (Process.Start("kill", ["-TERM", $"{server.Id}"]))
                {
                    await server.WaitForExitAsync();
                }
                continue;
            }
            await KillAsync(server);
            try
            {
                await writing;
            }
            catch (RpcException)
            {
                // Each writer's last call may or may not have been made.
            }
        }
        return 0;
    }

    /// <summary>Whether the server becomes ready before it ends.</summary>
    private static async Task<bool> IsServingAsync(Process server, GrpcChannel channel)
    {
        Health.HealthClient health = new(channel);
        while (!server.HasExited)
        {
            try
            {
                if ((await health.CheckAsync(new HealthCheckRequest())).Status == HealthCheckResponse.Types.ServingStatus.Serving)
                {
                    return true;
                }
            }
            catch (RpcException)
            {
                // Not listening yet.
            }
            await Task.Delay(20);
        }
        return false;
    }

    private static async Task KillAsync(Process server)
    {
        server.Kill();
        await server.WaitForExitAsync();
    }

    /// <summary>The smallest workspace with the features of <see cref="ServerTarget"/>.</summary>
    private static void MakeWorkspace(string program, string folder, string workspace)
    {
        Directory.CreateDirectory(folder);
        string data = Path.Combine(folder, "customers.csv");
        SeededRandom random = new(seed: 1);
        using (StreamWriter file = File.CreateText(data))
        {
            file.WriteLine($"id,{string.Join(',', ServerTarget.FeatureNames)},profit");
            for (int row = 0; row < 2000; row++)
            {
                // In fractions of both signs, so that any number is accepted.
                float[] values = [.. ServerTarget.FeatureNames.Select(_ => (random.Next(20_001) - 10_000) / 8f)];
                file.WriteLine(string.Create(CultureInfo.InvariantCulture, $"c{row},{string.Join(',', values.Select(v => v.ToString(CultureInfo.InvariantCulture)))},{values.Sum()}"));
            }
        }
        Run(program, ["init", "--data", data, "--id", "id", "--target", "profit", "--out", workspace]);
        Run(program, ["train", "--workspace", workspace, "--data", data]);
    }

    private static void Run(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {arguments[0]} ended with code {process.ExitCode}: {errors.Result}");
        }
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
