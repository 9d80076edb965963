using System.Collections.Immutable;
using System.Text;

namespace ScoringEngine.Core.Features;

/// <summary>What the training of expected profit minimises.</summary>
public enum ProfitLoss
{
    /// <summary>The squared error; any target.</summary>
    Squared,

    /// <summary>Poisson deviance with a log link; counts and the like, 0 or more.</summary>
    Poisson,

    /// <summary>Tweedie deviance with a log link; spend, 0 or more, often exactly 0, with a long tail.</summary>
    Tweedie,
}

/// <summary>
/// What profitability is trained on: a signed sum of columns such as "revenue - cost", over a stated period.
/// </summary>
public sealed record ProfitTarget
{
    /// <summary>The columns with their signs (+1 or -1), at least one.</summary>
    public required ImmutableArray<(string Column, int Sign)> Terms { get; init; }

    /// <summary>The period that a row's sum covers, such as "year" or "month"; shown wherever the figure is.</summary>
    public string Period { get; init; } = "year";

    /// <summary>Whether the sum only stands in for profit (revenue, say); every output then says so.</summary>
    public bool Proxy { get; init; }

    /// <summary>What is minimised; the upper quantile behind the potential has its own loss in any case.</summary>
    public ProfitLoss Loss { get; init; }

    /// <summary>Power of the mean that the variance of a Tweedie target is proportional to, strictly between 1 and 2.</summary>
    public double TweediePower { get; init; } = 1.5;

    /// <summary>Numeric features with which expected profit and its upper quantile never fall.</summary>
    public ImmutableArray<string> RisesWith { get; init; } = [];

    /// <summary>Numeric features with which they never rise.</summary>
    public ImmutableArray<string> FallsWith { get; init; } = [];

    /// <summary>
    /// Reads an expression: column names joined by " + " and " - " (with spaces, so that names may contain hyphens).
    /// </summary>
    /// <exception cref="FormatException">A column is missing or comes twice.</exception>
    public static ImmutableArray<(string Column, int Sign)> Parse(string expression)
    {
        ArgumentNullException.ThrowIfNull(expression);
        List<(string, int)> terms = [];
        StringBuilder column = new();
        int sign = 1;
        string[] tokens = expression.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < tokens.Length; i++)
        {
            bool isSign = tokens[i] is "+" or "-";
            if (isSign && (i > 0 || tokens.Length > 1))
            {
                if (i > 0)
                {
                    Add(terms, column, sign, expression);
                }
                sign = tokens[i] == "-" ? -1 : 1;
                continue;
            }
            column.Append(column.Length > 0 ? " " : "").Append(tokens[i]);
        }
        Add(terms, column, sign, expression);
        return [.. terms];
    }

    /// <summary>The expression as it is written in files.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach ((string column, int sign) in Terms)
        {
            text.Append((text.Length, sign) switch { (0, > 0) => "", (0, _) => "- ", (_, > 0) => " + ", _ => " - " });
            text.Append(column);
        }
        return text.ToString();
    }

    private static void Add(List<(string Column, int Sign)> terms, StringBuilder column, int sign, string expression)
    {
        if (column.Length == 0)
        {
            throw new FormatException($"target '{expression}': expected column names joined by ' + ' or ' - '");
        }
        string name = column.ToString();
        if (terms.Exists(t => t.Column == name))
        {
            throw new FormatException($"target '{expression}': column '{name}' comes twice");
        }
        terms.Add((name, sign));
        column.Clear();
    }
}
