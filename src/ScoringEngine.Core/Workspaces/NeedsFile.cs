using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Writes surveyed weights into <c>needs.yaml</c> and leaves what else people wrote there.</summary>
public static class NeedsFile
{
    private const string Segments = "segments";

    /// <summary>
    /// Replaces the entries of the segments whose weights changed, and adds those that are new; comments and the other segments stay
    /// as they are. A file in a style in which that cannot be done line by line is written anew, without its comments.
    /// A reader sees the old or the new one.
    /// </summary>
    /// <param name="workspace">The workspace, as loaded.</param>
    /// <param name="needs">Its needs with other weights of segments.</param>
    /// <returns>Whether comments were kept.</returns>
    /// <exception cref="IOException">It cannot be read or written, or it changed since the workspace was loaded.</exception>
    public static bool Write(Workspace workspace, Needs needs)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(needs);
        string path = Path.Combine(workspace.Directory, Needs.FileName);
        if (!File.ReadAllBytes(path).AsSpan().SequenceEqual(workspace.Source.Contents[Needs.FileName].Span))
        {
            throw new IOException($"{path}: was changed in the meantime and is left as it is");
        }
        int[] changed = [.. needs.BySegment.Where(s => !ReferenceEquals(workspace.Needs.BySegment.GetValueOrDefault(s.Key), s.Value)).Select(s => s.Key)];
        string? text = Replace(workspace.Source.Text(Needs.FileName), needs, changed);
        bool kept = text is not null && IsReadable(text);
        WorkspaceWriter.Replace(path, kept ? text! : WorkspaceWriter.NeedsText(needs));
        return kept;
    }

    // Whatever people may have written that lines do not show: the loader has the last word.
    private static bool IsReadable(string text)
    {
        List<WorkspaceProblem> problems = [];
        ImmutableSortedDictionary<string, ReadOnlyMemory<byte>> file = ImmutableSortedDictionary<string, ReadOnlyMemory<byte>>.Empty
            .Add(Needs.FileName, Encoding.UTF8.GetBytes(text));
        return Needs.Load(new WorkspaceSource("", file), problems) is not null && problems.Count == 0;
    }

    /// <summary>The text with the entries of some segments replaced or added; null where it is not in block style.</summary>
    internal static string? Replace(string text, Needs needs, IEnumerable<int> segments)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(text));
        YamlMappingNode root = (YamlMappingNode)stream.Documents[0].RootNode;
        List<string> lines = [.. text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n')];
        if (!root.Children.TryGetValue(new YamlScalarNode(Segments), out YamlNode? node) && root.Style != MappingStyle.Flow && lines[^1] != "...")
        {
            lines.AddRange(["", Segments + ":"]);
            Append(lines.Count, "  ", segments);
            return Join();
        }
        if (root.Style == MappingStyle.Flow || node is not YamlSequenceNode { Style: not SequenceStyle.Flow, Children.Count: > 0 } list
            || root.AllNodes.Any(n => !n.Anchor.IsEmpty) || lines[^1] == "...")
        {
            return null;
        }
        // Line numbers from 0: where each entry starts, and where the line after the list is.
        int[] starts = [.. list.Children.Select(c => (int)c.Start.Line - 1)];
        int end = root.Children.Keys.Select(k => (int)k.Start.Line - 1).Where(l => l > starts[^1]).DefaultIfEmpty(lines.Count).Min();
        int[] ids = [.. list.Children.Select(IdOf)];
        if (Array.Exists(starts, s => !lines[s].TrimStart(' ').StartsWith("- ", StringComparison.Ordinal)) || ids.Contains(0))
        {
            return null;
        }
        string indent = lines[starts[0]][..lines[starts[0]].IndexOf('-', StringComparison.Ordinal)];
        Append(LastOf(starts[^1], end), indent, segments.Where(s => !ids.Contains(s)));
        foreach (int s in segments.Where(ids.Contains).OrderByDescending(s => Array.IndexOf(ids, s)))
        {
            int i = Array.IndexOf(ids, s);
            int last = LastOf(starts[i], i + 1 < starts.Length ? starts[i + 1] : end);
            lines.RemoveRange(starts[i], last - starts[i]);
            Append(starts[i], indent, [s]);
        }
        return Join();

        // Comments and blank lines before the next entry belong to that.
        int LastOf(int start, int next)
        {
            while (next > start + 1 && lines[next - 1].TrimStart() is "" or ['#', ..])
            {
                next--;
            }
            return next;
        }

        void Append(int at, string indentation, IEnumerable<int> ofSegments)
            => lines.InsertRange(at, ofSegments.Order().SelectMany(s => WorkspaceWriter.SegmentText(s, needs.BySegment[s], indentation).TrimEnd('\n').Split('\n')));

        string Join() => string.Join('\n', lines) + "\n";
    }

    private static int IdOf(YamlNode entry)
        => entry is YamlMappingNode mapping && mapping.Children.TryGetValue(new YamlScalarNode("segment"), out YamlNode? id)
            && int.TryParse((id as YamlScalarNode)?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
