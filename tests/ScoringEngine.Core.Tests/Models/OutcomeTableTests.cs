using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;

namespace ScoringEngine.Core.Tests.Models;

public sealed class OutcomeTableTests : IDisposable
{
    private const string Good = "C1,upgrade,2025-01-02T03:04:05Z,web,0.5,1,1,12.5,3,7,20,1,plus";

    private readonly ToyWorkspace _toy = new();

    public void Dispose() => _toy.Dispose();

    [Fact]
    public void Read_GoodRows_HoldsWhatTheySay()
    {
        OutcomeTable table = _toy.Outcomes(ToyWorkspace.OutcomeHeader + $"""
            {Good}
            C2,loyalty_discount,2025-01-02T05:04:05.250+02:00,phone,1,yes,no,,,8,,0,
            C1,online_bill,2025-01-03,,0.01,false,false,0,-1,9,30,,basic
            """);
        Assert.Empty(_toy.Rejections);
        Assert.Equal(3, table.Count);
        Assert.Equal([2, 0, 1], table.Propositions);
        Assert.Equal([1, 0, 0], table.Accepted);
        Assert.Equal([true, true, false], table.Presented);
        long first = new DateTimeOffset(2025, 1, 2, 3, 4, 5, TimeSpan.Zero).ToUnixTimeMilliseconds();
        Assert.Equal([first, first + 250, new DateTimeOffset(2025, 1, 3, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds()], table.DecidedAt);
        Assert.Equal([CustomerHash.Of("C1"u8), CustomerHash.Of("C2"u8), CustomerHash.Of("C1"u8)], table.Hashes);
        Assert.Equal([7, 20, 1, 1, 1], table.Rows.Row(0).ToArray());
        Assert.Equal([8, float.NaN, 0, float.NaN, 0], table.Rows.Row(1).ToArray());
        Assert.Equal([9, 30, float.NaN, 0, float.NaN], table.Rows.Row(2).ToArray());
    }

    [Theory]
    [InlineData("upgrade", "upgrde", "proposition", "upgrde", "not in the catalogue (did you mean 'upgrade'?)")]
    [InlineData("upgrade", "", "proposition", "", "not in the catalogue")]
    [InlineData("2025-01-02T03:04:05Z", "yesterday", "decided_at", "yesterday", "expected an ISO 8601 date and time")]
    [InlineData("2025-01-02T03:04:05Z", "12:30", "decided_at", "12:30", "expected an ISO 8601 date and time")]
    [InlineData("2025-01-02T03:04:05Z", "01/02/2025", "decided_at", "01/02/2025", "expected an ISO 8601 date and time")]
    [InlineData(",0.5,", ",0,", "action_probability", "0", "expected a number above 0 and at most 1")]
    [InlineData(",0.5,", ",1.01,", "action_probability", "1.01", "expected a number above 0 and at most 1")]
    [InlineData(",0.5,", ",NaN,", "action_probability", "NaN", "expected a number above 0 and at most 1")]
    [InlineData(",0.5,", ",,", "action_probability", "", "expected a number above 0 and at most 1")]
    [InlineData(",0.5,1,1,", ",0.5,maybe,1,", "presented", "maybe", "expected yes/no, true/false or 1/0")]
    [InlineData(",0.5,1,1,", ",0.5,,1,", "presented", "", "expected yes/no, true/false or 1/0")]
    [InlineData(",0.5,1,1,", ",0.5,1,2,", "accepted", "2", "expected yes/no, true/false or 1/0")]
    [InlineData(",0.5,1,1,", ",0.5,0,1,", "accepted", "1", "accepted an offer that was not presented")]
    [InlineData(",12.5,", ",lots,", "revenue", "lots", "expected an amount")]
    [InlineData(",3,7,", ",Infinity,7,", "cost", "Infinity", "expected an amount")]
    [InlineData(",7,20,", ",seven,20,", "tenure", "seven", "expected a number")]
    [InlineData("C1,", ",", "customer", "", "empty, expected a customer id")]
    [InlineData(",plus", "", "", "", "12 fields, expected 13")]
    public void Read_ARowThatCannotBeUsed_SaysWhereAndWhy(string old, string replacement, string column, string value, string reason)
    {
        Assert.Contains(old, Good);
        OutcomeTable table = _toy.Outcomes(ToyWorkspace.OutcomeHeader + Good + "\n" + Good.Replace(old, replacement) + "\n" + Good + "\n");
        Assert.Equal([new RowRejection("(stdin)", 3, column, value, reason)], _toy.Rejections);
        Assert.Equal(2, table.Count);
        Assert.Equal(2, table.Rows.Rows);
    }

    [Fact]
    public void Read_ColumnMissing_SaysWhichAndWhatThereIs()
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => _toy.Outcomes(ToyWorkspace.OutcomeHeader.Replace("decided_at", "decided_on")));
        Assert.Contains("no column 'decided_at' (did you mean 'decided_on'?)", e.Message);
    }

    [Fact]
    public void Read_NoFeatures_IsRefusedUnlessLaterOnesAreAllowed()
    {
        const string Rows = """
            customer,proposition,decided_at,channel,action_probability,presented,accepted,revenue,cost
            C1,upgrade,2025-01-02,web,0.5,1,1,,
            C9,upgrade,2025-01-02,web,0.5,1,1,,
            C0,upgrade,2025-01-03,phone,0.5,1,0,,
            """;
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => _toy.Outcomes(Rows));
        Assert.Contains("tenure, spend, app, plan", e.Message);
        Assert.Contains("--later-features", e.Message);

        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(3));
        OutcomeTable table = _toy.Outcomes(Rows, customers);
        Assert.Equal([new RowRejection("(stdin)", 3, "customer", "C9", "not in the customer file")], _toy.Rejections);
        Assert.Equal([.. customers.Rows.Row(1)[..4], 1], table.Rows.Row(0).ToArray());
        Assert.Equal([.. customers.Rows.Row(0)[..4], 0], table.Rows.Row(1).ToArray());
    }

    [Fact]
    public void Read_SomeFeaturesAndLaterOnesAllowed_TakesOnlyTheLackingOnesFromTheCustomers()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(3));
        OutcomeTable table = _toy.Outcomes("""
            customer,proposition,decided_at,channel,action_probability,presented,accepted,revenue,cost,plan,tenure
            C2,upgrade,2025-01-02,web,0.5,1,1,,,basic,77
            """, customers);
        Assert.Equal([77, customers.Rows[2, 1], customers.Rows[2, 2], 0, 1], table.Rows.Row(0).ToArray());
        Assert.NotEqual(77, customers.Rows[2, 0]);
    }

    [Fact]
    public void Read_LaterFeaturesAllowedButNotNeeded_ReadsTheFilesOwn()
    {
        CustomerTable customers = _toy.Customers(ToyWorkspace.CustomerRows(3));
        Assert.Equal([7, 20, 1, 1, 1], _toy.Outcomes(ToyWorkspace.OutcomeHeader + Good, customers).Rows.Row(0).ToArray());
    }

    [Fact]
    public void Read_AnyValueChanged_ChangesTheFingerprint()
    {
        string fingerprint = _toy.Outcomes(ToyWorkspace.OutcomeHeader + Good).Fingerprint;
        Assert.Equal(fingerprint, _toy.Outcomes(ToyWorkspace.OutcomeHeader + Good).Fingerprint);
        foreach ((string old, string replacement) in new[] { ("C1", "C2"), ("upgrade", "online_bill"), ("04:05", "04:06"), (",1,1,12", ",1,0,12"), ("web", "phone"), (",20,", ",21,") })
        {
            Assert.NotEqual(fingerprint, _toy.Outcomes(ToyWorkspace.OutcomeHeader + Good.Replace(old, replacement)).Fingerprint);
        }
        Assert.Empty(_toy.Rejections);
    }
}
