using System.Collections.Immutable;
using System.Text;

namespace ScoringEngine.Core.Workspaces;

/// <summary>
/// The text files of a workspace as they were at one moment: what a workspace is made from and archived as. Immutable.
/// </summary>
public sealed class WorkspaceSource
{
    /// <summary>Names of the files that a workspace may have, in ordinal order.</summary>
    public static readonly ImmutableArray<string> Names
        = [Needs.FileName, Plan.FileName, Policy.FileName, Catalogue.FileName, WorkspaceSchema.FileName, Strategy.FileName];

    private readonly ImmutableSortedDictionary<string, Exception> _unreadable = ImmutableSortedDictionary<string, Exception>.Empty;

    /// <summary>Files that stand in for those of a folder.</summary>
    /// <param name="directory">Full path of the workspace's folder.</param>
    /// <param name="contents">Content by name.</param>
    public WorkspaceSource(string directory, ImmutableSortedDictionary<string, ReadOnlyMemory<byte>> contents)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(contents);
        Directory = directory;
        Contents = contents.WithComparers(StringComparer.Ordinal);
    }

    private WorkspaceSource(string directory, ImmutableSortedDictionary<string, ReadOnlyMemory<byte>> contents,
        ImmutableSortedDictionary<string, Exception> unreadable)
        : this(directory, contents)
    {
        _unreadable = unreadable;
    }

    /// <summary>Full path of the workspace's folder.</summary>
    public string Directory { get; }

    /// <summary>Content by name, in ordinal order; files that are not there, or cannot be read, are left out.</summary>
    public ImmutableSortedDictionary<string, ReadOnlyMemory<byte>> Contents { get; }

    /// <summary>Reads the files of a folder, each once; nothing is checked.</summary>
    /// <exception cref="WorkspaceException">There is no such folder.</exception>
    public static WorkspaceSource Open(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        return System.IO.Directory.Exists(path) ? Read(path)
            : throw new WorkspaceException(directory, "no such folder, expected a workspace (scoring-engine init makes one)");
    }

    private static WorkspaceSource Read(string directory)
    {
        ImmutableSortedDictionary<string, ReadOnlyMemory<byte>>.Builder contents
            = ImmutableSortedDictionary.CreateBuilder<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        ImmutableSortedDictionary<string, Exception>.Builder unreadable = ImmutableSortedDictionary.CreateBuilder<string, Exception>(StringComparer.Ordinal);
        foreach (string name in Names)
        {
            try
            {
                contents.Add(name, File.ReadAllBytes(Path.Combine(directory, name)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Whoever needs the file tells it with everything else that is wrong.
                unreadable.Add(name, e);
            }
        }
        return new WorkspaceSource(directory, contents.ToImmutable(), unreadable.ToImmutable());
    }

    /// <summary>Whether the file was there, readable or not.</summary>
    internal bool Has(string name) => Contents.ContainsKey(name) || _unreadable.GetValueOrDefault(name) is not (null or FileNotFoundException);

    /// <summary>The text of a file.</summary>
    /// <exception cref="IOException">It is not there, or could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    internal string Text(string name)
    {
        if (!Contents.TryGetValue(name, out ReadOnlyMemory<byte> content))
        {
            throw _unreadable.GetValueOrDefault(name) ?? new FileNotFoundException("file not found", name);
        }
        using StreamReader reader = new(new MemoryStream(content.ToArray()), Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
