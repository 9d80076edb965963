using System.Diagnostics;
using System.Reflection;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.KillTest;

/// <summary>Kills <see cref="LibraryWriter"/> again and again; it compares at each start.</summary>
internal static class LibraryKills
{
    public static async Task<int> RunAsync(int cycles, string folder, int seed, TextWriter output)
    {
        Directory.CreateDirectory(folder);
        SeededRandom random = new(seed);
        int early = 0;
        int closed = 0;
        for (int cycle = 0; cycle <= cycles; cycle++)
        {
            using Process writer = Start(folder, (seed * 1_000_003) + cycle);
            if (cycle < cycles && random.Next(5) == 0)
            {
                // While it starts, recovers or compares.
                early++;
                await Task.Delay(random.Next(600));
                writer.Kill();
                await writer.WaitForExitAsync();
                continue;
            }
            string said = await writer.StandardOutput.ReadLineAsync() ?? "";
            if (!said.StartsWith(LibraryWriter.Ready, StringComparison.Ordinal))
            {
                output.WriteLine($"cycle {cycle}, folder {folder}: {said}\n{await writer.StandardOutput.ReadToEndAsync()}");
                await writer.WaitForExitAsync();
                return 1;
            }
            if (cycle == cycles)
            {
                output.WriteLine($"{cycles} cycles ({early} killed while starting, {closed} closed in order): {said}");
            }
            await Task.Delay(random.Next(400));
            if (cycle == cycles || random.Next(20) == 0)
            {
                closed++;
                writer.StandardInput.Close();
                await writer.WaitForExitAsync();
                if (writer.ExitCode != 0)
                {
                    output.WriteLine($"cycle {cycle}, folder {folder}: closing ended with code {writer.ExitCode}");
                    return 1;
                }
                continue;
            }
            writer.Kill();
            await writer.WaitForExitAsync();
        }
        return 0;
    }

    private static Process Start(string folder, int seed)
        => Process.Start(new ProcessStartInfo(Path.ChangeExtension(Assembly.GetExecutingAssembly().Location, OperatingSystem.IsWindows() ? ".exe" : null),
            ["writer", folder, $"{seed}"])
        { RedirectStandardInput = true, RedirectStandardOutput = true })!;
}
