namespace ScoringEngine.Storage;

/// <summary>
/// Addresses of the record versions that a newer one replaced at the tail of the log. FASTER marks such a version only
/// while its page may still change, so a scan could not tell it from a live one. Four bytes a version. Thread-safe.
/// </summary>
internal sealed class SupersededVersions(int pageBytes)
{
    private readonly Dictionary<long, List<int>> _offsetsByPage = [];
    private long _count;

    public long Count => Volatile.Read(ref _count);

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
            _count++;
        }
    }

    /// <summary>The addresses on the page of <paramref name="address"/>, as known now; null when there are none.</summary>
    public HashSet<long>? OnPageOf(long address)
    {
        long page = address / pageBytes;
        lock (_offsetsByPage)
        {
            return _offsetsByPage.TryGetValue(page, out List<int>? offsets)
                ? offsets.Select(offset => (page * pageBytes) + offset).ToHashSet() : null;
        }
    }

    /// <summary>Forgets the page that starts at <paramref name="address"/>: it is no longer part of the log.</summary>
    public void Forget(long address)
    {
        lock (_offsetsByPage)
        {
            if (_offsetsByPage.Remove(address / pageBytes, out List<int>? offsets))
            {
                _count -= offsets.Count;
            }
        }
    }
}
