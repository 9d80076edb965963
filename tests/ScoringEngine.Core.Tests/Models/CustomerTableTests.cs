using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;

namespace ScoringEngine.Core.Tests.Models;

public sealed class CustomerTableTests : IDisposable
{
    private readonly ToyWorkspace _toy = new();

    public void Dispose() => _toy.Dispose();

    [Fact]
    public void Read_AnIdThatComesAgain_KeepsItsLastRowInTheFirstOnesPlace()
    {
        CustomerTable table = _toy.Customers(ToyWorkspace.CustomerHeader + """
            a,1,10,1,basic,100,10
            b,2,20,0,plus,200,20
            a,3,30,0,premium,300,30
            c,4,,1,,400,40
            a,5,50,1,plus,500,50
            """);
        Assert.Equal(3, table.Count);
        Assert.Equal(2, table.Duplicates);
        Assert.Equal([0, 1, 2, -1], new[] { "a", "b", "c", "A" }.Select(table.RowOf));
        Assert.Equal([5, 50, 1, 1, 0], table.Rows.Row(0).ToArray());
        Assert.Equal([2, 20, 0, 1, 0], table.Rows.Row(1).ToArray());
        Assert.Equal([4, float.NaN, 1, float.NaN, 0], table.Rows.Row(2).ToArray());
        Assert.Equal([450, 180, 360], table.Targets);
        Assert.Equal(["a", "b", "c"], table.Hashes.Select(h => new[] { "a", "b", "c" }.Single(id => CustomerHash.Of(Encoding.UTF8.GetBytes(id)) == h)));
    }

    [Fact]
    public void Read_ACategoryTheSchemaLacks_IsMissing()
    {
        CustomerTable table = _toy.Customers(ToyWorkspace.CustomerHeader + "a,1,10,1,gold,100,10\nb,1,10,1,plus,100,10\n");
        Assert.True(float.IsNaN(table.Rows[0, 3]));
        Assert.Equal(1, table.Rows[1, 3]);
        Assert.Empty(_toy.Rejections);
    }

    [Fact]
    public void Read_ContextInTheFile_IsReadAndElsewhereItsDefault()
    {
        CustomerTable table = _toy.Customers("customer,tenure,spend,app,plan,channel,revenue,cost\na,1,1,1,plus,web,1,0\nb,1,1,1,plus,,1,0\n");
        Assert.Equal([1, float.NaN], new[] { table.Rows[0, 4], table.Rows[1, 4] });
        Assert.Equal(0, _toy.Customers(ToyWorkspace.CustomerRows(1)).Rows[0, 4]);
    }

    [Fact]
    public void Read_AnyValueChanged_ChangesTheFingerprint()
    {
        string rows = ToyWorkspace.CustomerRows(30);
        string fingerprint = _toy.Customers(rows).Fingerprint;
        Assert.Equal(fingerprint, _toy.Customers(rows).Fingerprint);
        Assert.Matches("^[0-9a-f]{64}$", fingerprint);
        foreach ((string old, string replacement) in new[] { ("C7,", "C77,"), (",400\n", ",401\n"), ("basic", "premium") })
        {
            Assert.Contains(old, rows);
            Assert.NotEqual(fingerprint, _toy.Customers(rows.Replace(old, replacement)).Fingerprint);
        }
    }

    [Fact]
    public void Read_RowsThatCannotBeRead_AreRejectedAndNotInTheTable()
    {
        CustomerTable table = _toy.Customers(ToyWorkspace.CustomerHeader + "a,x,10,1,basic,100,10\nb,1,10,1,basic,,10\n,1,10,1,basic,5,10\nc,1,10,1,basic,5,1\nd,1\n");
        Assert.Equal(1, table.Count);
        Assert.Equal(0, table.RowOf("c"));
        Assert.Equal([(2, "tenure"), (3, "revenue"), (4, "customer"), (6, "")], _toy.Rejections.Select(r => ((int)r.Line, r.Column)));
    }

    [Fact]
    public void Read_NoRows_IsEmpty()
    {
        CustomerTable table = _toy.Customers(ToyWorkspace.CustomerHeader);
        Assert.Equal((0, 0, 0L), (table.Count, table.Rows.Rows, table.Duplicates));
    }
}
