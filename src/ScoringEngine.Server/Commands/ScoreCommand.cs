using System.CommandLine;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary><c>score</c>: one customer by a running server.</summary>
internal static class ScoreCommand
{
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

    private static readonly Option<uint> Propositions = new("-k")
    {
        Description = "How many propositions to show, best first, 1 to 100",
        HelpName = "N",
        DefaultValueFactory = _ => 3,
    };

    private static readonly Option<string> Server = ServerConnection.Option();

    public static Command Create()
    {
        Command command = new("score", """
            Show who a customer is, what they are worth and which value propositions come next, and why.

            Examples:
              scoring-engine score C0000042
              scoring-engine score C0000042 --feature channel=web --feature late_payments=3 -k 5
              scoring-engine score --feature tenure_months=4 --feature plan=basic --json
            """)
        {
            Customer, Features, Propositions, Server,
        };
        command.SetHandler((parse, output, cancellation) => OnlineScore.RunAsync(
            parse.GetRequiredValue(Server), parse.GetValue(Customer) ?? "", parse.GetValue(Features) ?? [], parse.GetValue(Propositions), output, cancellation));
        return command;
    }
}
