using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.CommandLine;
using Direction = ScoringEngine.Core.Decisions.Direction;

namespace ScoringEngine.Server.Commands;

/// <summary>What a command tells of the interactions that it decides for. Belongs to one command.</summary>
internal sealed class InteractionOptions
{
    private static readonly string[] TimeFormats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFK"];

    private readonly Option<string?> _channel = new("--channel")
    {
        Description = "Channel of the interactions, one of the workspace's; without it only propositions for any channel are offered",
        HelpName = "NAME",
    };

    private readonly Option<Direction> _direction = new("--direction")
    {
        Description = "Who starts them: inbound (the customer) or outbound (the company, so that quiet hours hold)",
        HelpName = "inbound|outbound",
    };

    private readonly Option<string?> _role = new("--role")
    {
        Description = "Role of who makes the offers, one of the policy's; without it every concession needs approval",
        HelpName = "NAME",
    };

    private readonly Option<long> _slots = new("-k")
    {
        Description = "How many propositions to choose for a customer, 1 to 100",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
        CustomParser = WholeNumber.Within(1, 100),
    };

    private readonly Option<DateTimeOffset> _time = new("--time")
    {
        Description = "When it is decided: what validity, windows and quiet hours are counted from (default: now)",
        HelpName = "TIME",
        DefaultValueFactory = _ => DateTimeOffset.UtcNow,
        CustomParser = ParseTime,
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_channel);
        command.Add(_direction);
        command.Add(_role);
        command.Add(_slots);
        command.Add(_time);
    }

    /// <summary>Reads a day, or a day and a time; without an offset it is UTC.</summary>
    public static DateTimeOffset ParseTime(ArgumentResult result)
    {
        string text = result.Tokens.Single().Value;
        if (!DateTimeOffset.TryParseExact(text, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
        {
            result.AddError($"'{text}': expected a time such as 2026-03-31 or 2026-03-31T09:30Z");
        }
        return time;
    }

    public Interaction Of(ParseResult parse) => new(
        parse.GetValue(_channel) ?? "", parse.GetValue(_direction), parse.GetValue(_role) ?? "", (int)parse.GetValue(_slots), parse.GetValue(_time));
}

/// <summary>What all decisions of a command have in common.</summary>
internal sealed record Interaction(string Channel, Direction Direction, string Role, int Slots, DateTimeOffset Time)
{
    /// <summary>Index of the channel in a workspace; -1 when not told.</summary>
    /// <exception cref="CommandFailure">The workspace has no such channel.</exception>
    public int ChannelIn(Workspace workspace) => IndexOf(Channel, "channel", workspace.Channels);

    /// <summary>Index of the role among the policy's; -1 when not told.</summary>
    /// <exception cref="CommandFailure">The policy has no such role.</exception>
    public int RoleIn(Workspace workspace) => IndexOf(Role, "role", [.. workspace.Policy.Roles.Keys]);

    /// <summary>The same as a server is told it.</summary>
    public DecideRequest ToRequest(string customer = "") => new()
    {
        CustomerId = customer,
        Channel = Channel,
        Direction = (Protocol.V1.Direction)Direction,
        Role = Role,
        MaxPropositions = (uint)Slots,
    };

    private static int IndexOf(string name, string what, ImmutableArray<string> names)
        => name.Length == 0 ? -1 : names.IndexOf(name) is >= 0 and int index ? index
            : throw new CommandFailure($"--{what} {name}: no such {what} in the workspace{NearestName.Hint(name, names)}", ExitCode.Usage);
}
