using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Commands;

namespace ScoringEngine.Server.Tests.Commands;

public class CustomerBlockWriterTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(128, 0)]
    [InlineData(10, 1)]
    [InlineData(10, 300)]
    public void TryAdd_ManyCustomers_EveryBlockIsBelowTheLimitAndNothingIsLost(int idBytes, int categoryBytes)
    {
        CategoryDictionary categories = new(TrainedWorkspace.Schema);
        CustomerBlockWriter writer = new(categories);
        List<CustomerBlock> blocks = [];
        for (int i = 0; i < 8000; i++)
        {
            byte[] id = Encoding.UTF8.GetBytes($"{i}".PadLeft(idBytes, 'i'));
            float code = categoryBytes == 0 ? float.NaN : categories.GetOrAdd(3, $"{i}".PadLeft(categoryBytes, 'c'));
            float[] values = [i, float.NaN, i % 2, code];
            if (!writer.TryAdd(id, values))
            {
                blocks.Add(writer.Take());
                Assert.True(writer.TryAdd(id, values));
            }
        }
        blocks.Add(writer.Take());

        Assert.True(writer.IsEmpty);
        Assert.All(blocks, b => Assert.InRange(b.CalculateSize(), 1, CustomerBlockWriter.MaxBytes - 1));
        Assert.All(blocks.SkipLast(1), b => Assert.InRange(b.CalculateSize(), CustomerBlockWriter.MaxBytes * 8 / 10, CustomerBlockWriter.MaxBytes));
        Assert.Equal(8000, blocks.Sum(b => b.IdEnds.Count));
        int customer = 0;
        foreach (CustomerBlock block in blocks)
        {
            Assert.Equal(TrainedWorkspace.Schema.Features.Take(4).Select(f => f.Name), block.FeatureNames);
            for (int r = 0; r < block.IdEnds.Count; r++, customer++)
            {
                int start = r == 0 ? 0 : (int)block.IdEnds[r - 1];
                Assert.Equal($"{customer}".PadLeft(idBytes, 'i'), Encoding.UTF8.GetString(block.Ids.Span[start..(int)block.IdEnds[r]]));
                Assert.Equal(customer, block.Values[4 * r]);
                float code = block.Values[(4 * r) + 3];
                Assert.Equal(categoryBytes == 0 ? null : $"{customer}".PadLeft(categoryBytes, 'c'), float.IsNaN(code) ? null : block.Categories[0].Names[(int)code]);
            }
        }
    }
}
