using System.Globalization;
using ScoringEngine.KillTest;

// library CYCLES FOLDER SEED: kills a process that has the database in it, starts it again and compares.
// server CYCLES FOLDER SEED PROGRAM: the same with a server that runs PROGRAM (the scoring-engine executable), over gRPC.
// writer FOLDER SEED: what the first kills.
switch (args)
{
    case ["library", string cycles, string folder, string seed]:
        return await LibraryKills.RunAsync(Number(cycles), folder, Number(seed), Console.Out);
    case ["server", string cycles, string folder, string seed, string program]:
        return await ServerKills.RunAsync(Number(cycles), folder, Number(seed), program, Console.Out);
    case ["writer", string folder, string seed]:
        return await LibraryWriter.RunAsync(folder, Number(seed), Console.In, Console.Out);
    default:
        Console.Error.WriteLine("expected library CYCLES FOLDER SEED, or server CYCLES FOLDER SEED PROGRAM; see tests/kill.sh");
        return 2;
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
