using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace ScoringEngine.Core.Rules;

/// <summary>
/// Reads comparisons as people write them: <c>tenure >= 12</c>, <c>plan in [basic, "plan b"]</c>, <c>age is missing</c>. Comparators are
/// <c>&lt; &lt;= &gt; &gt;= = !=</c>, <c>in [...]</c>, <c>not in [...]</c>, <c>is known</c> and <c>is missing</c>. A name
/// with blanks, brackets, commas, quotes or one of <c>&lt; &gt; = !</c> in it stands in single or double quotes; the quote itself is doubled there.
/// </summary>
public static class RuleParser
{
    private const string Comparators = "<, <=, >, >=, =, !=, in, not in, is known or is missing";

    /// <summary>Reads one comparison; what the names mean is not looked at.</summary>
    /// <param name="text">The text.</param>
    /// <param name="comparison">The comparison, null when the text is none.</param>
    /// <param name="error">What is wrong and at which character, counted from 1; null when nothing is.</param>
    public static bool TryParseComparison(string text, [NotNullWhen(true)] out Comparison? comparison, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        Reader reader = new(text);
        try
        {
            comparison = Read(ref reader, text.Trim());
            error = null;
            return true;
        }
        catch (FormatException e)
        {
            comparison = null;
            error = $"'{text.Trim()}': {e.Message}";
            return false;
        }
    }

    private static Comparison Read(ref Reader reader, string text)
    {
        string subject = reader.Name("a feature");
        (Comparator comparator, bool list) = ReadComparator(ref reader);
        ImmutableArray<string> values = comparator is Comparator.Known or Comparator.Missing ? []
            : list ? ReadList(ref reader)
            : [reader.Name("a value")];
        reader.End();
        return new Comparison(text, subject, comparator, values);
    }

    private static (Comparator Comparator, bool List) ReadComparator(ref Reader reader)
    {
        Token token = reader.Next();
        switch (token.Quoted ? null : token.Text)
        {
            case "<":
                return (Comparator.Less, false);
            case "<=":
                return (Comparator.AtMost, false);
            case ">":
                return (Comparator.Greater, false);
            case ">=":
                return (Comparator.AtLeast, false);
            case "=":
                return (Comparator.Equal, false);
            case "!=":
                return (Comparator.NotEqual, false);
            case "in":
                return (Comparator.In, true);
            case "not":
                reader.Expect("in", "in");
                return (Comparator.NotIn, true);
            case "is":
                return (reader.Expect("known or missing", "known", "missing") == "known" ? Comparator.Known : Comparator.Missing, false);
            default:
                throw Reader.Expected(Comparators, token);
        }
    }

    private static ImmutableArray<string> ReadList(ref Reader reader)
    {
        reader.Expect("[", "[");
        ImmutableArray<string>.Builder values = ImmutableArray.CreateBuilder<string>();
        do
        {
            values.Add(reader.Name("a value"));
        }
        while (reader.Expect(", or ]", ",", "]") == ",");
        return values.ToImmutable();
    }

    /// <summary>A piece of the text; at the end of it the text is empty.</summary>
    private readonly record struct Token(string Text, int Position, bool Quoted)
    {
        public bool IsEnd => Text.Length == 0 && !Quoted;
    }

    private struct Reader(string text)
    {
        private const string Special = "<>=![],'\"";
        private int _at;

        public Token Next()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at]))
            {
                _at++;
            }
            int start = _at;
            if (start == text.Length)
            {
                return new Token("", start, false);
            }
            char first = text[start];
            if (first is '\'' or '"')
            {
                return new Token(Unquote(first), start, true);
            }
            if (Special.Contains(first))
            {
                _at += first is '<' or '>' or '!' && start + 1 < text.Length && text[start + 1] == '=' ? 2 : 1;
            }
            else
            {
                while (_at < text.Length && !char.IsWhiteSpace(text[_at]) && !Special.Contains(text[_at]))
                {
                    _at++;
                }
            }
            return new Token(text[start.._at], start, false);
        }

        /// <summary>A name or number, quoted or not.</summary>
        public string Name(string what)
        {
            Token token = Next();
            return token.IsEnd || (!token.Quoted && Special.Contains(token.Text[0])) ? throw Expected(what, token) : token.Text;
        }

        /// <summary>One of some words or signs.</summary>
        public string Expect(string what, params ReadOnlySpan<string> any)
        {
            Token token = Next();
            return token.Quoted || !any.Contains(token.Text) ? throw Expected(what, token) : token.Text;
        }

        public void End()
        {
            Token token = Next();
            if (!token.IsEnd)
            {
                throw Expected("the end, for names with blanks stand in quotes,", token);
            }
        }

        public static FormatException Expected(string what, Token found)
            => new($"expected {what} at character {found.Position + 1}, found {(found.IsEnd ? "the end" : $"'{found.Text}'")}");

        private string Unquote(char quote)
        {
            int start = _at++;
            StringBuilder name = new();
            while (_at < text.Length)
            {
                char c = text[_at++];
                if (c == quote)
                {
                    if (_at == text.Length || text[_at] != quote)
                    {
                        return name.ToString();
                    }
                    _at++;
                }
                name.Append(c);
            }
            throw new FormatException($"the quote at character {start + 1} is not closed");
        }
    }
}
