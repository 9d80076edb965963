using System.Globalization;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Tests.Features;

public sealed class SchemaInferenceTests
{
    private readonly List<RowRejection> _rejected = [];

    private InferredSchema Infer(string text, string target = "")
    {
        using CsvTable table = Csv.Of(text);
        return SchemaInference.Infer(table, "id", target.Length == 0 ? [] : ProfitTarget.Parse(target), _rejected.Add);
    }

    /// <summary>The feature or the remark of column x in a table of an id, x and a numeric column y.</summary>
    private (Feature? Feature, string Comment) Column(IEnumerable<string> values, string name = "x")
    {
        StringBuilder text = new($"id,\"{name}\",y\n");
        int row = 0;
        foreach (string value in values)
        {
            text.Append(CultureInfo.InvariantCulture, $"{row},\"{value}\",{row % 7}\n");
            row++;
        }
        InferredSchema inferred = Infer(text.ToString());
        return (inferred.Features.Features.FirstOrDefault(f => f.Name == name), inferred.Comments.GetValueOrDefault(name, ""));
    }

    private static IEnumerable<string> Repeat(int rows, params string[] values) => Enumerable.Range(0, rows).Select(i => values[i % values.Length]);

    [Fact]
    public void Telco_RealFile_GivesNineteenFeatures()
    {
        using CsvTable table = CsvTable.Open(ScoringEngine.Tests.RealData.File("telco/Telco-Customer-Churn.csv"));
        InferredSchema inferred = SchemaInference.Infer(table, "customerID", [], _rejected.Add);
        Assert.Equal(7043, inferred.Rows);
        Assert.True(double.IsNaN(inferred.MeanAbsoluteTarget));
        Feature[] features = [.. inferred.Features.Features.Where(f => f.Name != "Churn")];
        Assert.Equal(19, features.Length);
        Assert.Equal(Enumerable.Range(1, 20), inferred.Features.Features.Select(f => f.Id));
        Assert.Equal(["gender", "SeniorCitizen"], features.Where(f => f.Protected).Select(f => f.Name));
        Assert.All(features.Where(f => f.Protected), f => Assert.False(f.Segments));
        Assert.Equal(["SeniorCitizen", "Partner", "Dependents", "PhoneService", "PaperlessBilling"],
            features.Where(f => f.Kind == FeatureKind.Boolean).Select(f => f.Name));
        Assert.Equal(["tenure", "MonthlyCharges", "TotalCharges"], features.Where(f => f.Kind == FeatureKind.Numeric).Select(f => f.Name));
        Assert.All(features.Where(f => f.Kind == FeatureKind.Numeric), f => Assert.Equal((0f, false), (f.Minimum, f.Log1P)));
        Assert.Equal("observed 18.8 .. 8684.8; 11 missing", inferred.Comments["TotalCharges"]);
        Assert.Equal("protected by its name, please check", inferred.Comments["gender"]);
        Assert.Equal(["Month-to-month", "Two year", "One year"], features.Single(f => f.Name == "Contract").Categories);
    }

    [Fact]
    public void Telco_ChargesAsTarget_AreNoFeature()
    {
        using CsvTable table = CsvTable.Open(ScoringEngine.Tests.RealData.File("telco/Telco-Customer-Churn.csv"));
        InferredSchema inferred = SchemaInference.Infer(table, "customerID", [("MonthlyCharges", 1)], _rejected.Add);
        Assert.Equal(-1, inferred.Features.IndexOf("MonthlyCharges"));
        Assert.Equal(64.76, inferred.MeanAbsoluteTarget, 0.01);
    }

    [Fact]
    public void Infer_YesNoColumn_IsBoolean()
    {
        (Feature? feature, string comment) = Column(Repeat(60, "yes", "no", ""));
        Assert.Equal(FeatureKind.Boolean, feature!.Kind);
        Assert.Equal("20 missing", comment);
    }

    [Fact]
    public void Infer_FewTexts_AreCategoriesMostFrequentFirst()
    {
        (Feature? feature, string comment) = Column(Repeat(60, "b", "c", "a", "b", "ä"));
        Assert.Equal(FeatureKind.Categorical, feature!.Kind);
        Assert.Equal(["b", "a", "c", "ä"], feature.Categories);
        Assert.True(feature.Segments);
        Assert.Equal("", comment);
    }

    [Fact]
    public void Infer_ManyCategories_FormNoSegments()
    {
        (Feature? feature, _) = Column(Enumerable.Range(0, 400).Select(i => $"town {i % 50}"));
        Assert.Equal((50, false), (feature!.Categories.Length, feature.Segments));
    }

    [Fact]
    public void Infer_SkewedAmounts_AreOnALogScale()
    {
        SeededRandom random = new(3);
        List<string> skewed = [];
        List<string> even = [];
        for (int i = 0; i < 500; i++)
        {
            skewed.Add(DeterministicMath.Exp(2 * random.NextNormal()).ToString("F3", CultureInfo.InvariantCulture));
            even.Add((100 * random.NextDouble()).ToString("F3", CultureInfo.InvariantCulture));
        }
        Assert.Equal((true, 0f), (Column(skewed).Feature!.Log1P, Column(skewed).Feature!.Minimum));
        Assert.Equal((false, 0f), (Column(even).Feature!.Log1P, Column(even).Feature!.Minimum));
        (Feature? negative, _) = Column([.. skewed, "-1"]);
        Assert.Equal((false, null), (negative!.Log1P, negative.Minimum));
    }

    [Fact]
    public void Infer_NumbersWithAFewOtherTexts_SaysHowManyRowsWillBeRejectedAndTheFirst()
    {
        (Feature? feature, string comment) = Column([.. Repeat(98, "1.5", "-2", "7"), "n/a", "?", ""]);
        Assert.Equal(FeatureKind.Numeric, feature!.Kind);
        Assert.Equal("observed -2 .. 7; 1 missing; 2 rows have no number here and will be rejected (first: 'n/a', line 100)", comment);
    }

    [Theory]
    [InlineData("always missing", "")]
    [InlineData("constant", "7")]
    [InlineData("constant ('7') or missing", "7", "")]
    public void Infer_ColumnThatSaysNothing_IsLeftOut(string reason, params string[] values)
        => Assert.Equal((null, reason), Column(Repeat(60, values)));

    [Theory]
    [InlineData("2024-01-31")]
    [InlineData("2024-01-31T10:11:12Z")]
    [InlineData("2024/1/31 10:11")]
    [InlineData("31.12.2024")]
    [InlineData("12/31/2024")]
    [InlineData("31-Dec-2024")]
    [InlineData("31 December 2024")]
    public void Infer_Dates_AreLeftOut(string date)
        => Assert.Equal((null, "a date; derive a number from it (days since, say) to use it"), Column(Repeat(60, date, date.Replace("31", "30"))));

    [Fact]
    public void Infer_RangesAndTimesOfDay_AreNoDates()
    {
        (Feature? bands, _) = Column(Repeat(60, "1-5", "6-10", "10-12"));
        Assert.Equal(["1-5", "10-12", "6-10"], bands!.Categories);
        (Feature? times, _) = Column(Repeat(60, "12:30", "18:00"));
        Assert.Equal(FeatureKind.Categorical, times!.Kind);
    }

    [Fact]
    public void Infer_FreeText_IsLeftOut()
    {
        Assert.Equal((null, "looks like an id or free text: 60 different texts in 60 rows"), Column(Enumerable.Range(0, 60).Select(i => $"text {i}")));
        Assert.Equal((null, "looks like an id or free text: 201 different texts in 2010 rows"), Column(Enumerable.Range(0, 2010).Select(i => $"text {i % 201}")));
        Assert.Equal((null, "looks like an id or free text: over 5001 different texts in 6000 rows"), Column(Enumerable.Range(0, 6000).Select(i => $"text {i}")));
    }

    [Theory]
    [InlineData("customer_number", 60, 1000, 7)]
    [InlineData("AccountId", 60, 5, 3)]
    [InlineData("row", 60, 1, 1)]
    [InlineData("row", 6000, 0, 1)]
    [InlineData("order_no", 6000, 1, 3)]
    public void Infer_DifferentWholeNumberInEveryRow_LooksLikeAnId(string name, int rows, int start, int step)
        => Assert.Equal((null, "looks like an id: a different whole number in every row"),
            Column(Enumerable.Range(0, rows).Select(i => (start + (step * i)).ToString()), name));

    [Theory]
    [InlineData("balance", 60, 7)]
    [InlineData("row", 50, 1)]
    [InlineData("balance", 6000, 3)]
    public void Infer_OtherWholeNumbers_AreNumeric(string name, int rows, int step)
        => Assert.Equal(FeatureKind.Numeric, Column(Enumerable.Range(0, rows).Select(i => (step * i).ToString()), name).Feature!.Kind);

    [Theory]
    [InlineData("gender", true, false)]
    [InlineData("CustomerAge", true, false)]
    [InlineData("age_band", true, false)]
    [InlineData("usage", false, false)]
    [InlineData("average", false, false)]
    [InlineData("firstName", false, true)]
    [InlineData("ZIP code", false, true)]
    [InlineData("e-mail", false, true)]
    [InlineData("filename", false, false)]
    public void Infer_TellingName_IsFlagged(string name, bool isProtected, bool personal)
    {
        (Feature? feature, string comment) = Column(Repeat(60, "1", "2", "3"), name);
        Assert.Equal((isProtected, personal), (feature!.Protected, feature.Personal));
        Assert.Equal(isProtected || personal, comment.EndsWith("by its name, please check", StringComparison.Ordinal));
        Assert.Equal(!isProtected, feature.Segments);
    }

    [Fact]
    public void Infer_ColumnWithoutAName_IsLeftOut()
    {
        InferredSchema inferred = Infer("id,,x\n1,5,1\n2,6,2\n");
        Assert.Equal(["x"], inferred.Features.Features.Select(f => f.Name));
        Assert.Equal("has no name", inferred.Comments[""]);
    }

    [Fact]
    public void Infer_Target_IsNoFeatureAndItsMeanCountsRowsThatHaveOne()
    {
        string rows = string.Concat(Enumerable.Range(0, 38).Select(i => $"{i},{i},{(i % 2 == 0 ? 10 : -10)},4\n"));
        InferredSchema inferred = Infer("id,x,revenue,cost\n" + rows + "38,1,Infinity,4\n39,1,,4\n", "revenue - cost");
        Assert.Equal(["x"], inferred.Features.Features.Select(f => f.Name));
        Assert.Equal(40, inferred.Rows);
        Assert.Equal(10, inferred.MeanAbsoluteTarget, 1e-12);
    }

    [Fact]
    public void Infer_RowsThatAreNone_AreRejected()
    {
        InferredSchema inferred = Infer("id,x\n1,1\n2\n3,2,4\n4,3\n");
        Assert.Equal(2, inferred.Rows);
        Assert.Equal(["(stdin):3: 1 fields, expected 2", "(stdin):4: 3 fields, expected 2"], _rejected.Select(r => r.ToString()));
        Assert.Equal("observed 1 .. 3", inferred.Comments["x"]);
    }

    [Theory]
    [InlineData("id,x\n", "", "(stdin): no rows after the header")]
    [InlineData("id,x\n1,2\n", "y", "(stdin):1: no column 'y'; found id, x")]
    [InlineData("id,x,y\n1,2,3\n2,3,low\n3,4,high\n", "y", "(stdin):3: target column 'y' is not numeric")]
    [InlineData("id,x,y\n1,2,\n2,3,\n", "y", "(stdin): target column 'y' is always missing")]
    [InlineData("id,x,y\n1,2,3\n2,2,4\n", "y", "(stdin): no column to learn from besides the id and the target")]
    [InlineData("customer,x\n1,2\n", "", "(stdin):1: no column 'id'; found customer, x")]
    public void Infer_NothingToLearnFrom_IsRefused(string text, string target, string message)
        => Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Infer(text, target)).Message);

    [Fact]
    public void Infer_Cancelled_Stops()
    {
        using CsvTable table = Csv.Of("id,x\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{i},{i % 9}\n")));
        Assert.Throws<OperationCanceledException>(() => SchemaInference.Infer(table, "id", [], _rejected.Add, cancellation: new CancellationToken(true)));
    }
}
