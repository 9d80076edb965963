using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Synthetic;

/// <summary>Who is surveyed, and what they answer: the needs of their segment with noise, and their own words.</summary>
internal sealed class Survey
{
    private const int SmallestSize = 2000;
    private const double Noise = 0.08;

    private readonly SyntheticWorld _world;
    private readonly byte[][][] _words;
    private readonly ulong _threshold;

    public Survey(SyntheticWorld world, long customers)
    {
        _world = world;
        _words = [.. world.Needs.Select(need => need.Words.Select(CsvBuffer.Encode).ToArray())];
        Size = Math.Min(customers, Math.Max(SmallestSize, customers / 100));

        // The customers of the smallest hashes: a random sample of exact size. Hashes of a bijection never tie.
        ulong[] hashes = new ulong[customers];
        for (int i = 0; i < hashes.Length; i++)
        {
            hashes[i] = Hash(i);
        }
        Array.Sort(hashes);
        _threshold = hashes[Size - 1];
    }

    public long Size { get; }

    public bool Includes(long index) => Hash(index) <= _threshold;

    public void Answer(SyntheticCustomer customer, CsvBuffer row)
    {
        // Streams below 0 are apart from the customers' own, so that an answer does not depend on who else is asked.
        SeededRandom random = new(_world.Seed, -1 - customer.Index);
        WorldSegment segment = _world.Segments[customer.Segment];
        double dearest = double.NegativeInfinity;
        int loudest = 0;
        for (int n = 0; n < _world.Needs.Length; n++)
        {
            double stated = Math.Clamp(segment.NeedWeights[n] + (Noise * random.NextNormal()), 0, 1);
            row.Number(stated, 3);
            (loudest, dearest) = stated > dearest ? (n, stated) : (loudest, dearest);
        }
        row.Encoded(_words[loudest][random.Next(_words[loudest].Length)]);
    }

    private ulong Hash(long index) => SeededRandom.Mix((ulong)index ^ SeededRandom.Mix((ulong)_world.Seed));
}
