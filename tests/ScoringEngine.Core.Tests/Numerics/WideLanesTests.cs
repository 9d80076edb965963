using System.Runtime.Intrinsics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Numerics;

[Trait("Kind", "kernel")]
public sealed class WideLanesTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Lookup_EveryIndexWithForeignHighBits_TakesTheElement(int bits)
    {
        Assert.SkipUnless(WideLanes.IsSupported, "needs 512-bit vectors");
        using GuardedMemory<float> memory = new(1 << bits);
        Span<float> table = memory.Last([.. Enumerable.Range(0, 1 << bits).Select(i => i + 0.5f)]);
        for (int i = 0; i < 1 << bits; i++)
        {
            int[] index = [.. Enumerable.Range(0, WideLanes.Count).Select(lane => ((i + lane) % (1 << bits)) + (lane << bits))];
            Vector512<float> found = WideLanes.Lookup(ref table[0], bits, Vector512.Create<int>(index));
            for (int lane = 0; lane < WideLanes.Count; lane++)
            {
                Assert.Equal(((i + lane) % (1 << bits)) + 0.5f, found[lane]);
            }
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(7)]
    public void Transpose_SixteenRows_ReadsFourValuesOfEach(int stride)
    {
        Assert.SkipUnless(WideLanes.IsSupported, "needs 512-bit vectors");
        int length = ((WideLanes.Count - 1) * stride) + WideLanes.Features;
        using GuardedMemory<float> memory = new(length);
        Span<float> rows = memory.Last([.. Enumerable.Range(0, length).Select(i => (float)i)]);
        WideLanes.Transpose(ref rows[0], stride, out Vector512<float> x0, out Vector512<float> x1, out Vector512<float> x2, out Vector512<float> x3);
        for (int r = 0; r < WideLanes.Count; r++)
        {
            Assert.Equal([r * stride, (r * stride) + 1, (r * stride) + 2, (r * stride) + 3], [x0[r], x1[r], x2[r], x3[r]]);
        }
    }

    [Fact]
    public void LookupBytes_EveryIndex_TakesTheElement()
    {
        Assert.SkipUnless(WideLanes.IsByteLookupSupported, "needs 512-bit vectors with byte permutation");
        byte[] table = [.. Enumerable.Range(100, WideLanes.ByteTableLength).Select(i => (byte)i)];
        for (int first = 0; first < table.Length; first++)
        {
            byte[] index = [.. Enumerable.Range(first, 64).Select(i => (byte)(i % table.Length))];
            Vector512<byte> found = WideLanes.LookupBytes(Vector512.Create<byte>(table), Vector512.Create<byte>(table.AsSpan(64)), Vector512.Create<byte>(index));
            for (int lane = 0; lane < 64; lane++)
            {
                Assert.Equal(table[index[lane]], found[lane]);
            }
        }
    }
}
