using System.CommandLine;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>score</c>: one customer by a running server, or a file without one.</summary>
internal static class ScoreCommand
{
    private const int DefaultReasons = 5;

    private static readonly Argument<string?> Customer = new("CUSTOMER")
    {
        Description = "Id of a stored customer; without it, --feature describes a prospect",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string[]> Features = new("--feature")
    {
        Description = "Value for this call in place of the stored one; NAME= for missing. May come many times",
        HelpName = "NAME=VALUE",
    };

    private static readonly Option<long> Propositions = new("-k")
    {
        Description = "How many propositions to show, best first, 1 to 100",
        HelpName = "N",
        DefaultValueFactory = _ => 3,
        CustomParser = WholeNumber.Within(1, 100),
    };

    private static readonly Option<long> Explain = new("--explain")
    {
        Description = $"Say which N features (1 to 100; {DefaultReasons} without a number) make the expected profit, and the best proposition's "
            + "propensity, what they are; with --data in columns, for the expected profit",
        HelpName = "N",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = argument => argument.Tokens.Count == 0 ? DefaultReasons : WholeNumber.Within(1, 100)(argument),
    };

    private static readonly Option<string> Server = ServerConnection.Option();

    private static readonly Option<string?> Data = new("--data", "-d")
    {
        Description = "Score this file without a server: CSV with a header, plain or .gz; - reads standard input",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Out = new("--out", "-o")
    {
        Description = "File for the scores, CSV; .gz packs it, - writes to standard output",
        HelpName = "FILE",
    };

    private static readonly Option<string> Workspace = CommonOptions.Workspace();

    private static readonly Option<int?> Version = CommonOptions.Version();

    private static readonly Option<long> AllowRejects = CommonOptions.AllowRejects();

    public static Command Create()
    {
        EngineCommand command = new("score", "Show who a customer is, what they are worth and which value propositions come next, and why; or "
            + "score a whole file.",
            "scoring-engine score C0000042",
            "scoring-engine score C0000042 --feature channel=web --feature late_payments=3 -k 5",
            "scoring-engine score C0000042 --explain",
            "scoring-engine score --feature tenure_months=4 --feature plan=basic --json",
            "scoring-engine score --workspace models/mine --data customers.csv --out scores.csv")
        {
            Customer, Features, Propositions, Explain, Server, Data, Out, Workspace, Version, AllowRejects,
        };
        command.Validators.Add(result =>
        {
            bool file = result.GetResult(Data) is not null;
            if (file != result.GetResult(Out) is not null)
            {
                result.AddError("score: --data and --out come together");
            }
            if (file && (result.GetResult(Customer) is { Tokens.Count: > 0 } || result.GetResult(Features) is not null))
            {
                result.AddError("score: either a customer (or --feature) or --data, not both");
            }
        });
        command.SetHandler((parse, output, cancellation) => parse.GetValue(Data) is { } data
            ? Task.FromResult(OfflineScore.Run(
                new OfflineScore.Request(parse.GetRequiredValue(Workspace), data, parse.GetValue(Out)!)
                {
                    Version = parse.GetValue(Version),
                    Propositions = (int)parse.GetValue(Propositions),
                    Reasons = (int)parse.GetValue(Explain),
                    AllowRejects = parse.GetValue(AllowRejects),
                },
                output, cancellation))
            : OnlineScore.RunAsync(
                parse.GetRequiredValue(Server), parse.GetValue(Customer) ?? "", parse.GetValue(Features) ?? [], (uint)parse.GetValue(Propositions),
                (uint)parse.GetValue(Explain), output, cancellation));
        return command;
    }
}
