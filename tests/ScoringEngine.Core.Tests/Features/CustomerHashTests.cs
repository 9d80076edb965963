using System.Text;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Tests.Features;

public sealed class CustomerHashTests
{
    // Computed by the published FNV-1a and SplitMix64 in another language: who is held out must never change.
    [Theory]
    [InlineData("", 0, 0xAEBE53F85CDC3C4CUL)]
    [InlineData("C000001", 0, 0xAF3C3367B8197362UL)]
    [InlineData("C000001", 1, 0x5ACBBC1D88D2097FUL)]
    [InlineData("C000002", 0, 0x7B860871BEEB0E12UL)]
    [InlineData("Zoë", -3, 0xE9D7937794084A77UL)]
    public void Of_KnownIds_IsTheGoldenHash(string id, long salt, ulong expected)
        => Assert.Equal(expected, CustomerHash.Of(Encoding.UTF8.GetBytes(id), salt));

    [Theory]
    [InlineData(0, 0.0)]
    [InlineData(1UL << 63, 0.5)]
    [InlineData(0x7FF, 0.0)]
    [InlineData(ulong.MaxValue, 1 - 1.1102230246251565e-16)]
    public void Share_OfTheHash_IsItsHigh53Bits(ulong hash, double expected) => Assert.Equal(expected, CustomerHash.Share(hash));

    [Fact]
    public void Share_NumberedCustomers_IsUniformForEverySaltAndIndependentBetweenSalts()
    {
        const int Customers = 50_000;
        double both = 0;
        double[] first = new double[2];
        for (int i = 0; i < Customers; i++)
        {
            byte[] id = Encoding.UTF8.GetBytes($"C{i:D7}");
            bool a = CustomerHash.Share(CustomerHash.Of(id, 1)) < 0.1;
            bool b = CustomerHash.Share(CustomerHash.Of(id, 2)) < 0.1;
            first[0] += a ? 1 : 0;
            first[1] += b ? 1 : 0;
            both += a && b ? 1 : 0;
        }
        Assert.All(first, n => Assert.Equal(0.1, n / Customers, 5 * Math.Sqrt(0.09 / Customers)));
        Assert.Equal(0.01, both / Customers, 5 * Math.Sqrt(0.0099 / Customers));
    }
}
