namespace ScoringEngine.Storage;

/// <summary>
/// Addresses of the record versions that a newer one replaced at the tail of the log. FASTER marks such a version only
/// while its page may still change, so a scan could not tell it from a live one. Four bytes a version. Thread-safe.
/// </summary>
internal sealed class SupersededVersions(int pageBytes)
{
    private readonly Dictionary<long, List<int>> _offsetsByPage = [];

    public long Count { get; private set; }

    public void Add(long address)
    {
        (long page, long offset) = Math.DivRem(address, pageBytes);
        lock (_offsetsByPage)
        {
            if (!_offsetsByPage.TryGetValue(page, out List<int>? offsets))
            {
                _offsetsByPage.Add(page, offsets = []);
            }
            offsets.Add((int)offset);
            Count++;
        }
    }

    /// <summary>The addresses on the page of <paramref name="address"/>, as known now, and where that page ends; null when there are none.</summary>
    public HashSet<long>? OnPageOf(long address, out long pageEnd)
    {
        long page = address / pageBytes;
        pageEnd = (page + 1) * pageBytes;
        lock (_offsetsByPage)
        {
            return _offsetsByPage.TryGetValue(page, out List<int>? offsets)
                ? offsets.Select(offset => (page * pageBytes) + offset).ToHashSet() : null;
        }
    }
}
