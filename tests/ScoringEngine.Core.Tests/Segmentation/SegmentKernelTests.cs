using System.Runtime.Intrinsics;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Tests.Numerics;

namespace ScoringEngine.Core.Tests.Segmentation;

/// <summary>
/// The block form of encoding and assignment against a twin in plain code that rounds each operation to float as the
/// kernels must: equal bit by bit, with rows and results that end at a guard page.
/// </summary>
[Trait("Kind", "kernel")]
public sealed class SegmentKernelTests
{
    private const int MaxRows = 256;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2)]
    [InlineData(5, 4)]
    [InlineData(11, 5)]
    [InlineData(28, 16)]
    public void Assign_EveryRowCount_EqualsPlainTwinBitForBit(int features, int k)
    {
        // Feature 6 is skipped and feature 9 is categorical: runs of neighbours of every kind.
        SegmentDimension[] dimensions = [.. Enumerable.Range(0, features).Where(f => f != 6).SelectMany(f => f == 9
            ? Enumerable.Range(0, 3).Select(c => new SegmentDimension(f, c, false, 0.3f, 1.7f))
            : [new SegmentDimension(f, -1, f % 5 == 2, 0.1f * f, 1 + (0.1f * f))])];
        float[] centroids = TestPoints.Normal(k, dimensions.Length, seed: k).Values;
        if (k > 3)
        {
            // Two centroids at one place: ties everywhere.
            centroids.AsSpan(dimensions.Length, dimensions.Length).CopyTo(centroids.AsSpan(3 * dimensions.Length));
        }
        SegmentModel model = new(
            new SegmentEncoding([.. dimensions]), [.. centroids],
            [.. Enumerable.Range(1, k).Select(id => new Segment { Id = id, Name = $"s{id}", Description = "", Size = 1, Share = 1.0 / k })], k + 1);
        FeatureMatrix rows = Rows(features);
        (int Index, int Best, int Second)[] expected = [.. Enumerable.Range(0, MaxRows).Select(r => Naive(rows.Row(r), dimensions, centroids))];

        using GuardedMemory<float> rowMemory = new(rows.Values.Length);
        using GuardedMemory<int> indexMemory = new(MaxRows);
        using GuardedMemory<float> distanceMemory = new(MaxRows);
        using GuardedMemory<float> marginMemory = new(MaxRows);
        float[] scratch = new float[model.ScratchLength];
        for (int count = 0; count <= MaxRows; count += count is > 70 and < 180 ? 9 : 1)
        {
            int length = count == 0 ? 0 : ((count - 1) * features) + model.Encoding.MinimumColumns;
            Span<int> indexes = indexMemory.Last(count);
            Span<float> distances = distanceMemory.Last(count);
            Span<float> margins = marginMemory.Last(count);
            model.Assign(rowMemory.Last(rows.Values.AsSpan(0, length)), count, features, indexes, distances, margins, scratch);
            for (int r = 0; r < count; r++)
            {
                float distance = MathF.Sqrt(BitConverter.Int32BitsToSingle(expected[r].Best));
                float margin = k == 1 ? float.NaN : MathF.Sqrt(BitConverter.Int32BitsToSingle(expected[r].Second)) - distance;
                Assert.Equal((expected[r].Index, distance, margin), (indexes[r], distances[r], margins[r]));
            }
        }
    }

    [Fact]
    public void Log1P_Vector_HasTheBitsOfTheScalar()
    {
        SeededRandom random = new(4);
        float[] values =
        [
            0f, -0f, float.Epsilon, -float.Epsilon, 1e-20f, -1, MathF.BitIncrement(-1), MathF.BitDecrement(-1), -2, 1, 0.41421357f, float.MaxValue,
            float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            .. Enumerable.Range(0, 4_000).Select(i => (float)(random.NextNormal() * Math.Pow(10, (i % 50) - 25))),
        ];
        for (int i = 0; i + 8 <= values.Length; i += 8)
        {
            double[] x = [.. values[i..(i + 8)]];
            double[] found = new double[8];
            Vector512.CopyTo(DeterministicMath.Log1P(Vector512.Create<double>(x)), found);
            Assert.Equal(x.Select(DeterministicMath.Log1P), found);
        }
    }

    private static FeatureMatrix Rows(int features)
    {
        FeatureMatrix rows = TestPoints.Normal(MaxRows, features, seed: 2);
        for (int r = 0; r < MaxRows; r++)
        {
            if (features > 9)
            {
                rows[r, 9] = r % 5 == 4 ? float.NaN : r % 5;
            }
            rows[r, r % features] = (r % 9) switch
            {
                0 => float.NaN,
                1 => -0f,
                2 => float.Epsilon,
                3 => float.MaxValue,
                4 => float.PositiveInfinity,
                5 => float.NegativeInfinity,
                int other => other,
            };
        }
        return rows;
    }

    private static (int Index, int Best, int Second) Naive(ReadOnlySpan<float> row, SegmentDimension[] dimensions, float[] centroids)
    {
        float[] x = new float[dimensions.Length];
        for (int d = 0; d < x.Length; d++)
        {
            (int feature, int category, bool log1P, float mean, float scale) = dimensions[d];
            float value = row[feature];
            bool known = category < 0 || dimensions.Any(other => other.Feature == feature && other.Category == value);
            float coordinate = category >= 0 ? (value == category ? 1 : 0) : log1P ? (float)DeterministicMath.Log1P(value) : value;
            coordinate = (coordinate - mean) * scale;
            x[d] = float.IsNaN(coordinate) || (category >= 0 && !known) ? 0 : Math.Clamp(coordinate, -1e15f, 1e15f);
        }
        int index = -1;
        float best = float.PositiveInfinity;
        float second = float.PositiveInfinity;
        for (int k = 0; k < centroids.Length / x.Length; k++)
        {
            float sum = 0;
            for (int d = 0; d < x.Length; d++)
            {
                float difference = x[d] - centroids[(k * x.Length) + d];
                float square = difference * difference;
                sum += square;
            }
            if (sum < best)
            {
                (index, best, second) = (k, sum, best);
            }
            else
            {
                second = Math.Min(second, sum);
            }
        }
        return (index, BitConverter.SingleToInt32Bits(best), BitConverter.SingleToInt32Bits(second));
    }
}
