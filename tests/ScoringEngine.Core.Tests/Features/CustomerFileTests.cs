using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Features;

public sealed class CustomerFileTests
{
    private static readonly FeatureSchema Schema = new(
    [
        new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric, Minimum = 0, Maximum = 100 },
        new Feature { Id = 2, Name = "plan", Kind = FeatureKind.Categorical, Categories = ["basic", "plus"] },
        new Feature { Id = 3, Name = "app", Kind = FeatureKind.Boolean, Missing = MissingHandling.Reject },
        new Feature { Id = 4, Name = "channel", Kind = FeatureKind.Categorical, Categories = ["phone", "chat"], Context = true, Default = 1 },
        new Feature { Id = 5, Name = "queue", Kind = FeatureKind.Numeric, Context = true },
    ]);

    private readonly List<string> _rejected = [];

    private CustomerFile Open(string text, string? target = null, bool withContext = false, CategoryDictionary? categories = null)
        => Open(Csv.Of(text), target, withContext, categories);

    private CustomerFile Open(CsvTable table, string? target = null, bool withContext = false, CategoryDictionary? categories = null)
        => CustomerFile.Open(table, categories ?? new CategoryDictionary(Schema), "id",
            target is null ? null : new ProfitTarget { Terms = ProfitTarget.Parse(target) },
            rejection => _rejected.Add(rejection.ToString()), withContext);

    private static string Show(CustomerFile file)
        => $"{Encoding.UTF8.GetString(file.Id)}: {string.Join(' ', file.Values.ToArray().Select(v => v.ToString(CultureInfo.InvariantCulture)))}";

    private static List<string> ReadAll(CustomerFile file)
    {
        List<string> rows = [];
        while (file.Read())
        {
            rows.Add(Show(file));
        }
        return rows;
    }

    [Fact]
    public void Read_ColumnsInAnyOrderAndMore_GivesTheSchemasOrder()
    {
        using CustomerFile file = Open("extra,plan,id,app,tenure\nx,plus,C1,yes,12.5\ny,pro,C2,no,\nz,,C3,1,0\n");
        Assert.Equal(["C1: 12.5 1 1", "C2: NaN 2 0", "C3: 0 NaN 1"], ReadAll(file));
        Assert.Empty(_rejected);
        Assert.Same(Schema, file.Schema);
        Assert.Equal(0, file.Table.IndexOf("extra"));
    }

    [Fact]
    public void Read_NewCategories_AreAddedToTheDictionary()
    {
        CategoryDictionary categories = new(Schema);
        using CustomerFile file = Open("id,plan,app,tenure\n1,pro,1,1\n2,Zürich,1,1\n3,pro,1,1\n", categories: categories);
        Assert.Equal(["1: 1 2 1", "2: 1 3 1", "3: 1 2 1"], ReadAll(file));
        Assert.Equal(["basic", "plus", "pro", "Zürich"], categories.NamesOf(1));
    }

    [Fact]
    public void Read_WithContext_UsesColumnsAndDefaultsWhereAColumnIsAbsent()
    {
        using CustomerFile absent = Open("id,tenure,plan,app\n1,2,basic,1\n", withContext: true);
        Assert.Equal(["1: 2 0 1 1 NaN"], ReadAll(absent));
        using CustomerFile present = Open("id,tenure,plan,app,channel,queue\n1,2,basic,1,phone,30\n2,2,basic,1,,\n", withContext: true);
        Assert.Equal(["1: 2 0 1 0 30", "2: 2 0 1 NaN NaN"], ReadAll(present));
        using CustomerFile without = Open("id,tenure,plan,app,channel,queue\n1,2,basic,1,phone,30\n");
        Assert.Equal(["1: 2 0 1"], ReadAll(without));
    }

    [Theory]
    [InlineData("1,x,basic,1", "(stdin):2: column 'tenure': 'x': expected a number")]
    [InlineData("1,NaN,basic,1", "(stdin):2: column 'tenure': 'NaN': expected a number")]
    [InlineData("1,\"1,5\",basic,1", "(stdin):2: column 'tenure': '1,5': expected a number")]
    [InlineData("1,Infinity,basic,1", "(stdin):2: column 'tenure': 'Infinity': infinite, expected a finite number")]
    [InlineData("1,-1e999,basic,1", "(stdin):2: column 'tenure': '-1e999': infinite, expected a finite number")]
    [InlineData("1,-0.5,basic,1", "(stdin):2: column 'tenure': '-0.5': -0.5, expected at least 0")]
    [InlineData("1,100.5,basic,1", "(stdin):2: column 'tenure': '100.5': 100.5, expected at most 100")]
    [InlineData("1,1,basic,maybe", "(stdin):2: column 'app': 'maybe': expected yes/no, true/false or 1/0")]
    [InlineData("1,1,basic,2", "(stdin):2: column 'app': '2': expected yes/no, true/false or 1/0")]
    [InlineData("1,1,basic,", "(stdin):2: column 'app': '': missing, but a value is required")]
    [InlineData(",1,basic,1", "(stdin):2: column 'id': '': empty, expected a customer id")]
    [InlineData("  ,1,basic,1", "(stdin):2: column 'id': '': empty, expected a customer id")]
    [InlineData("1,1,basic", "(stdin):2: 3 fields, expected 4")]
    [InlineData("1,1,basic,1,1", "(stdin):2: 5 fields, expected 4")]
    [InlineData("1,\"1\"2,basic,1", "(stdin):2: text after a closing quote")]
    [InlineData("\"1\n2\",x,basic,1", "(stdin):2: column 'tenure': 'x': expected a number")]
    public void Read_WrongRow_IsRejectedWithItsPlaceAndReason(string row, string expected)
    {
        using CustomerFile file = Open($"id,tenure,plan,app\n{row}\nC2,1,basic,1\n");
        Assert.Equal(["C2: 1 0 1"], ReadAll(file));
        Assert.Equal([expected], _rejected);
        Assert.Equal(1, file.RejectedCount);
    }

    [Fact]
    public void Read_IdOf128Bytes_IsTheLongest()
    {
        string longest = new string('ü', 64);
        using CustomerFile file = Open($"id,tenure,plan,app\n{longest},1,basic,1\n{longest}x,1,basic,1\n");
        Assert.Equal([$"{longest}: 1 0 1"], ReadAll(file));
        Assert.Equal([$"(stdin):3: column 'id': '{longest}x': 129 bytes long, expected at most 128"], _rejected);
    }

    [Fact]
    public void Read_TextThatIsNotUtf8_IsRejectedRatherThanMisspelt()
    {
        byte[] latin1 = Encoding.Latin1.GetBytes("id,tenure,plan,app\nZoë,1,basic,1\n2,1,Zürich,1\n3,1,basic,1\n");
        CategoryDictionary categories = new(Schema);
        using CustomerFile file = Open(Csv.Of(latin1), categories: categories);
        Assert.Equal(["3: 1 0 1"], ReadAll(file));
        Assert.Equal(
            ["(stdin):2: column 'id': 'Zo\uFFFD': not valid UTF-8", "(stdin):3: column 'plan': 'Z\uFFFDrich': not valid UTF-8"], _rejected);
        Assert.Equal(["basic", "plus"], categories.NamesOf(1));
    }

    [Theory]
    [InlineData("yes", true)]
    [InlineData("YES", true)]
    [InlineData("True", true)]
    [InlineData("t", true)]
    [InlineData("Y", true)]
    [InlineData("1", true)]
    [InlineData("1.0", true)]
    [InlineData("no", false)]
    [InlineData("FALSE", false)]
    [InlineData("F", false)]
    [InlineData("n", false)]
    [InlineData("0", false)]
    [InlineData("0.0", false)]
    public void TryParseBoolean_UsualWords_AreRead(string text, bool expected)
    {
        Assert.True(CustomerFile.TryParseBoolean(Encoding.UTF8.GetBytes(text), out bool value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("yes!")]
    [InlineData("ja")]
    [InlineData("1.00")]
    public void TryParseBoolean_AnythingElse_IsNot(string text)
        => Assert.False(CustomerFile.TryParseBoolean(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Target_SignedSum_IsComputedAndNaNWithoutOne()
    {
        using CustomerFile file = Open("id,tenure,plan,app,revenue,cost\n1,1,basic,1,100.5,40\n2,1,basic,1,-3,1e2\n", "revenue - cost");
        Assert.True(file.Read());
        Assert.Equal(60.5f, file.Target);
        Assert.True(file.Read());
        Assert.Equal(-103f, file.Target);
        using CustomerFile none = Open("id,tenure,plan,app\n1,1,basic,1\n");
        Assert.True(none.Read());
        Assert.True(float.IsNaN(none.Target));
    }

    [Theory]
    [InlineData("x,1", "column 'revenue': 'x': the target needs a finite number")]
    [InlineData("1,", "column 'cost': '': the target needs a finite number")]
    [InlineData("NaN,1", "column 'revenue': 'NaN': the target needs a finite number")]
    [InlineData("1,1e39", "column 'cost': '1e39': the target needs a finite number")]
    [InlineData("3e38,-3e38", "column 'cost': '-3e38': the target's sum does not fit a float32")]
    public void Target_NotAFiniteNumber_IsRejected(string values, string expected)
    {
        using CustomerFile file = Open($"id,tenure,plan,app,revenue,cost\n1,1,basic,1,{values}\n", "revenue - cost");
        Assert.False(file.Read());
        Assert.Equal(["(stdin):2: " + expected], _rejected);
    }

    [Theory]
    [InlineData("customer,tenure,plan,app", "(stdin):1: no column 'id'; found customer, tenure, plan, app")]
    [InlineData("id,tenur,plan,ap", "(stdin):1: the schema's column(s) 'tenure' (did you mean 'tenur'?), 'app' (did you mean 'ap'?) not found")]
    [InlineData("id,tenure,plan,app", "(stdin):1: no column 'revenue'; found id, tenure, plan, app")]
    public void Open_ColumnMissing_IsRefused(string header, string expected)
        => Assert.Equal(expected, Assert.Throws<InvalidDataException>(() => Open(header + "\n", "revenue")).Message);

    [Fact]
    public void Reject_ByTheCaller_CountsLikeAnyOther()
    {
        using CustomerFile file = Open("id,tenure,plan,app\n1,1,basic,1\n");
        Assert.True(file.Read());
        file.Reject("id", "1", "seen before");
        Assert.Equal(["(stdin):2: column 'id': '1': seen before"], _rejected);
        Assert.Equal(1, file.RejectedCount);
    }

    [Fact]
    public void Read_ManyDamagedRows_EveryRowIsReadOrRejected()
    {
        const int Rows = 2000;
        SeededRandom random = new(9);
        string[] tenures = ["1", "99.9", "", "x", "-1", "1e9", "nan"];
        string[] apps = ["1", "no", "", "maybe", "\"yes\"", "\"1\"2"];
        string[] ids = ["C", "", "D\nE"];
        StringBuilder text = new("id,tenure,plan,app\n");
        for (int i = 0; i < Rows; i++)
        {
            string id = ids[random.Next(10) < 8 ? 0 : random.Next(3)];
            text.Append($"\"{(id.Length == 0 ? "" : id + i)}\",{tenures[random.Next(7)]},plan {random.Next(5)},{apps[random.Next(6)]}{(random.Next(20) == 0 ? ",more" : "")}\n");
        }
        using CustomerFile file = Open(text.ToString());
        int read = ReadAll(file).Count;
        Assert.InRange(read, 100, Rows - 100);
        Assert.Equal(Rows, read + file.RejectedCount);
        Assert.Equal(file.RejectedCount, _rejected.Count);
        Assert.All(_rejected, rejection => Assert.Matches(@"^\(stdin\):\d+: .+", rejection));
    }

    [Fact]
    public void Telco_RealFile_ReadsEveryCustomerAndBlankChargesAreMissing()
    {
        FeatureSchema schema = new(
        [
            new Feature { Id = 1, Name = "tenure", Kind = FeatureKind.Numeric, Minimum = 0 },
            new Feature { Id = 2, Name = "TotalCharges", Kind = FeatureKind.Numeric, Minimum = 0 },
            new Feature { Id = 3, Name = "Partner", Kind = FeatureKind.Boolean },
        ]);
        using CustomerFile file = CustomerFile.Open(CsvTable.Open(ScoringEngine.Tests.RealData.File("telco/Telco-Customer-Churn.csv")),
            new CategoryDictionary(schema), "customerID", new ProfitTarget { Terms = [("MonthlyCharges", 1)] }, r => _rejected.Add(r.ToString()));
        int rows = 0;
        int missing = 0;
        double target = 0;
        while (file.Read())
        {
            rows++;
            missing += float.IsNaN(file.Values[1]) ? 1 : 0;
            target += file.Target;
        }
        Assert.Equal((7043, 11, 0L), (rows, missing, file.RejectedCount));
        Assert.Equal(64.76, target / rows, 0.01);
    }
}
