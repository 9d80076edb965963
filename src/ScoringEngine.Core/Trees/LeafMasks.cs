using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.Intrinsics;

namespace ScoringEngine.Core.Trees;

/// <summary>
/// Finds the leaves of <see cref="StripRows"/> rows at once without branching on their values. Every row carries one bit
/// for each leaf of the tree, in ranks from left to right. A split that sends the row to the right clears the leaves
/// left of it; after all splits, in any order, the lowest bit left is the leaf (QuickScorer: Lucchese et al., SIGIR
/// 2015; vectorised over rows: SIGIR 2016).
/// </summary>
/// <remarks>
/// Bits are kept in words of 32 leaves. Each word has the list of the splits that can clear some of its bits. Only
/// comparisons and bit operations run in lanes, so that every vector width gives the same leaves.
/// </remarks>
internal sealed class LeafMasks
{
    /// <summary>Rows of a strip.</summary>
    public const int StripRows = 64;

    /// <summary>Most leaves of a tree that is evaluated this way; walking larger trees row by row is faster.</summary>
    public const int MaxLeaves = 256;

    private const int WordLeaves = 32;

    private readonly Test[] _tests;
    private readonly Word[] _words;
    private readonly int[] _firstWord;
    private readonly ImmutableArray<GeneralTree> _trees;

    /// <param name="trees">The trees; those with more than <see cref="MaxLeaves"/> leaves are left out.</param>
    /// <param name="columns">Column of each feature that occurs in a split.</param>
    public LeafMasks(ImmutableArray<GeneralTree> trees, IReadOnlyDictionary<int, int> columns)
    {
        List<Test> tests = [];
        List<Word> words = [];
        _trees = trees;
        _firstWord = new int[trees.Length + 1];
        for (int t = 0; t < trees.Length; t++)
        {
            GeneralTree tree = trees[t];
            for (int first = 0; first < tree.Leaves.Length && Holds(t); first += WordLeaves)
            {
                int begin = tests.Count;
                AddTests(tests, tree, columns, first, Lane.MissingLeft);
                int missingRight = tests.Count;
                AddTests(tests, tree, columns, first, Lane.MissingRight);
                int other = tests.Count;
                AddTests(tests, tree, columns, first, Lane.Other);
                words.Add(new Word(begin, missingRight, other, tests.Count));
            }
            _firstWord[t + 1] = words.Count;
        }
        _tests = [.. tests];
        _words = [.. words];
    }

    // Splits of a word in three runs: plain comparisons by where NaN goes, and what has more rules.
    private enum Lane
    {
        MissingLeft,
        MissingRight,
        Other,
    }

    /// <summary>Whether the tree is evaluated here.</summary>
    public bool Holds(int tree) => _trees[tree].Leaves.Length <= MaxLeaves;

    /// <summary>The ranks of the leaves that the rows of a strip reach.</summary>
    /// <param name="tree">A tree that is held.</param>
    /// <param name="values">[columns x <see cref="StripRows"/>], column-major.</param>
    /// <param name="ranks">OUT <see cref="StripRows"/> ranks.</param>
    public void Ranks(int tree, ReadOnlySpan<float> values, Span<int> ranks)
    {
        Debug.Assert(Holds(tree) && ranks.Length >= StripRows);
        ReadOnlySpan<Test> tests = _tests;
        Vector512<int> ranks0 = default, ranks1 = default, ranks2 = default, ranks3 = default;
        for (int w = _firstWord[tree + 1] - 1; w >= _firstWord[tree]; w--)
        {
            Word word = _words[w];
            Vector512<uint> bits0 = Vector512<uint>.AllBitsSet;
            Vector512<uint> bits1 = bits0, bits2 = bits0, bits3 = bits0;
            foreach (ref readonly Test test in tests[word.Begin..word.MissingRight])
            {
                ReadOnlySpan<float> x = values.Slice(test.Offset, StripRows);
                Vector512<float> threshold = Vector512.Create(test.Threshold);
                Vector512<uint> mask = Vector512.Create(test.Cleared);
                bits0 &= ~(Vector512.GreaterThan(Vector512.Create(x), threshold).AsUInt32() & mask);
                bits1 &= ~(Vector512.GreaterThan(Vector512.Create(x[16..]), threshold).AsUInt32() & mask);
                bits2 &= ~(Vector512.GreaterThan(Vector512.Create(x[32..]), threshold).AsUInt32() & mask);
                bits3 &= ~(Vector512.GreaterThan(Vector512.Create(x[48..]), threshold).AsUInt32() & mask);
            }
            foreach (ref readonly Test test in tests[word.MissingRight..word.Other])
            {
                ReadOnlySpan<float> x = values.Slice(test.Offset, StripRows);
                Vector512<float> threshold = Vector512.Create(test.Threshold);
                Vector512<uint> kept = Vector512.Create(~test.Cleared);
                bits0 &= Vector512.LessThanOrEqual(Vector512.Create(x), threshold).AsUInt32() | kept;
                bits1 &= Vector512.LessThanOrEqual(Vector512.Create(x[16..]), threshold).AsUInt32() | kept;
                bits2 &= Vector512.LessThanOrEqual(Vector512.Create(x[32..]), threshold).AsUInt32() | kept;
                bits3 &= Vector512.LessThanOrEqual(Vector512.Create(x[48..]), threshold).AsUInt32() | kept;
            }
            foreach (ref readonly Test test in tests[word.Other..word.End])
            {
                ReadOnlySpan<float> x = values.Slice(test.Offset, StripRows);
                Vector512<uint> kept = Vector512.Create(~test.Cleared);
                bits0 &= GoesLeft(_trees[tree], test.Split, Vector512.Create(x)) | kept;
                bits1 &= GoesLeft(_trees[tree], test.Split, Vector512.Create(x[16..])) | kept;
                bits2 &= GoesLeft(_trees[tree], test.Split, Vector512.Create(x[32..])) | kept;
                bits3 &= GoesLeft(_trees[tree], test.Split, Vector512.Create(x[48..])) | kept;
            }
            Vector512<int> first = Vector512.Create((w - _firstWord[tree]) * WordLeaves);
            ranks0 = Lowest(bits0, first, ranks0);
            ranks1 = Lowest(bits1, first, ranks1);
            ranks2 = Lowest(bits2, first, ranks2);
            ranks3 = Lowest(bits3, first, ranks3);
        }
        ranks0.CopyTo(ranks);
        ranks1.CopyTo(ranks[16..]);
        ranks2.CopyTo(ranks[32..]);
        ranks3.CopyTo(ranks[48..]);
    }

    /// <summary>
    /// The position of the lowest set bit plus <paramref name="first"/>, or <paramref name="otherwise"/> where no bit is
    /// set. A power of two is exact as a float, whose exponent is the position.
    /// </summary>
    private static Vector512<int> Lowest(Vector512<uint> bits, Vector512<int> first, Vector512<int> otherwise)
    {
        Vector512<int> lowest = (bits & (Vector512<uint>.Zero - bits)).AsInt32();
        Vector512<int> exponent = (Vector512.ConvertToSingle(lowest).AsInt32() >> 23) & Vector512.Create(0xFF);
        Vector512<int> none = Vector512.Equals(lowest, Vector512<int>.Zero);
        return Vector512.ConditionalSelect(none, otherwise, exponent - Vector512.Create(127) + first);
    }

    /// <summary>All ones in the lanes that <see cref="GeneralTree.GoesLeft"/> sends left.</summary>
    private static Vector512<uint> GoesLeft(GeneralTree tree, int split, Vector512<float> x)
    {
        SplitRules rules = tree.Rules[split];
        Vector512<uint> missing = ~Vector512.Equals(x, x).AsUInt32();
        if ((rules & SplitRules.ZeroIsMissing) != 0)
        {
            missing |= Vector512.LessThanOrEqual(Vector512.Abs(x), Vector512.Create(GeneralTree.ZeroMagnitude)).AsUInt32();
        }
        Vector512<uint> left = (rules & SplitRules.Category) != 0
            ? InSet(tree.CategorySet((int)tree.Thresholds[split]), x)
            : Vector512.LessThanOrEqual(x, Vector512.Create(tree.Thresholds[split])).AsUInt32();
        return (rules & SplitRules.MissingLeft) != 0 ? left | missing : left & ~missing;
    }

    /// <summary>
    /// All ones in the lanes whose category is in the set. The category's bit within its word, a power of two, is made
    /// as a float from its exponent: there is no shift by lanes on every width.
    /// </summary>
    private static Vector512<uint> InSet(ReadOnlySpan<uint> words, Vector512<float> x)
    {
        Vector512<int> category = Vector512.ConvertToInt32(x);
        Vector512<int> exponent = (category & Vector512.Create(31)) + Vector512.Create(127);
        Vector512<uint> bit = Vector512.ConvertToUInt32((exponent << 23).AsSingle());
        Vector512<int> word = category >> 5;
        Vector512<uint> found = default;
        for (int w = 0; w < words.Length; w++)
        {
            found |= bit & Vector512.Create(words[w]) & Vector512.Equals(word, Vector512.Create(w)).AsUInt32();
        }
        Vector512<uint> inRange = Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero).AsUInt32()
            & Vector512.LessThan(x, Vector512.Create(words.Length * 32f)).AsUInt32();
        return inRange & ~Vector512.Equals(found, Vector512<uint>.Zero);
    }

    private static void AddTests(List<Test> tests, GeneralTree tree, IReadOnlyDictionary<int, int> columns, int firstRank, Lane lane)
    {
        for (int s = 0; s < tree.SplitCount; s++)
        {
            (int begin, int end) = tree.RanksLeftOf(s);
            begin = Math.Max(begin - firstRank, 0);
            end = Math.Min(end - firstRank, WordLeaves);
            if (begin < end && LaneOf(tree.Rules[s]) == lane)
            {
                uint cleared = (uint)((1ul << end) - (1ul << begin));
                tests.Add(new Test(columns[tree.Features[s]] * StripRows, tree.Thresholds[s], cleared, s));
            }
        }
    }

    private static Lane LaneOf(SplitRules rules) => rules switch
    {
        SplitRules.MissingLeft => Lane.MissingLeft,
        SplitRules.None => Lane.MissingRight,
        _ => Lane.Other,
    };

    /// <summary>A split as seen by one word: where its column begins, and the bits it clears when it sends a row right.</summary>
    private readonly record struct Test(int Offset, float Threshold, uint Cleared, int Split);

    /// <summary>The runs of a word's tests.</summary>
    private readonly record struct Word(int Begin, int MissingRight, int Other, int End);
}
