using System.Globalization;
using System.Text;
using ScoringEngine.Storage.Files;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Storage;

/// <summary>What a repair found and what became of it, for the operator. Not thread-safe.</summary>
internal sealed class RepairReport
{
    private readonly List<string> _lines = [];
    private readonly List<string> _files = [];

    /// <summary>Whether nothing was wrong.</summary>
    public bool IsEmpty => _lines.Count == 0;

    /// <summary>Whether something is lost for good.</summary>
    public bool Loses { get; private set; }

    /// <summary>The files that are damaged.</summary>
    public IReadOnlyList<string> Files => _files;

    /// <summary>Takes note of damage whose content stands elsewhere as well.</summary>
    public void Found(StorageCorruptionException damage) => Add(damage.File, damage.Message);

    /// <summary>Takes note of something that is lost.</summary>
    /// <param name="path">The damaged file; null when it is none.</param>
    /// <param name="what">What is lost.</param>
    public void Lost(string? path, string what)
    {
        Loses = true;
        Add(path, what);
    }

    /// <summary>Takes note of what the repair did.</summary>
    public void Note(string text) => _lines.Add(text);

    /// <summary>Writes the report; returns its path.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public string Write(DataDirectory directory, DateTimeOffset now)
    {
        string path = Path.Combine(directory.Root, string.Create(CultureInfo.InvariantCulture, $"repair-{now:yyyyMMdd'T'HHmmssfff'Z'}.txt"));
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"Repair of {directory.Root} at {now:O}\n\n");
        text.Append(Loses ? "Some of what was stored is lost:\n" : "Nothing is lost: all that was stored stood in other files as well.\n");
        foreach (string line in _lines)
        {
            text.Append("- ").Append(line).Append('\n');
        }
        if (_files.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nThe damaged files are kept in {directory.Damaged} until somebody deletes them; they may hold customers who are erased later.\n");
        }
        directory.Files.Replace(path, Encoding.UTF8.GetBytes(text.ToString()));
        return path;
    }

    private void Add(string? path, string what)
    {
        _lines.Add(what);
        if (path is not null && !_files.Contains(path))
        {
            _files.Add(path);
        }
    }
}
