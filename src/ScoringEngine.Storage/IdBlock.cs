namespace ScoringEngine.Storage;

/// <summary>A block of customer ids: their UTF-8 bytes one after another, and where each ends.</summary>
public readonly ref struct IdBlock
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ReadOnlySpan<int> _ends;

    /// <summary>Wraps packed ids.</summary>
    /// <param name="bytes">The ids without separators.</param>
    /// <param name="ends">End offset of each id in <paramref name="bytes"/>, ascending; the last is its length.</param>
    /// <exception cref="ArgumentException">The offsets descend or do not end at the length of <paramref name="bytes"/>.</exception>
    public IdBlock(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> ends)
    {
        int start = 0;
        foreach (int end in ends)
        {
            if (end < start)
            {
                throw new ArgumentException($"end offset {end} comes after {start}", nameof(ends));
            }
            start = end;
        }
        if (start != bytes.Length)
        {
            throw new ArgumentException($"the last end offset is {start}, expected {bytes.Length}", nameof(ends));
        }
        _bytes = bytes;
        _ends = ends;
    }

    /// <summary>Number of ids.</summary>
    public int Count => _ends.Length;

    /// <summary>The id at an index.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            int start = index == 0 ? 0 : _ends[index - 1];
            return _bytes[start.._ends[index]];
        }
    }
}
