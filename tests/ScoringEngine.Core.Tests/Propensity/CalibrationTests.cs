using ScoringEngine.Core.Numerics;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Trees;

namespace ScoringEngine.Core.Tests.Propensity;

public sealed class CalibrationTests
{
    private static readonly float[] Special = [0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e-30f, -1e30f, 1e30f, 350, -350, 351, -372.6f, 36, -37];

    private static Calibration Curve(bool platt) => platt ? new PlattCalibration(2, 0.3) : new IsotonicCalibration([-2, 0.5f, 3], [0.1f, 0.3f, 0.9f]);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ProbabilitiesOf_EveryLength_GiveTheBitsOfOneMargin(bool platt)
    {
        Calibration calibration = Curve(platt);
        SeededRandom random = new(9);
        for (int length = 0; length <= 70; length++)
        {
            float[] margins = new float[length];
            foreach (ref float margin in margins.AsSpan())
            {
                margin = random.Next(10) == 0 ? Special[random.Next(Special.Length)] : (float)(20 * random.NextNormal());
            }
            double[] probabilities = new double[length];
            calibration.ProbabilitiesOf(margins, probabilities);
            Assert.Equal(margins.Select(m => BitConverter.DoubleToInt64Bits(calibration.Probability(m))), probabilities.Select(BitConverter.DoubleToInt64Bits));
        }
    }

    [Theory]
    [InlineData(0.4)] // the rate, where there were offers
    [InlineData(double.NaN)] // no answer, where there were none
    public void Probabilities_NoAnswerOfTheModel_IsTheRateOrNone(double rate)
    {
        bool offered = !double.IsNaN(rate);
        PropensityModel model = new(new Fixed([float.NaN, 0]), PlattCalibration.Identity, offered ? 10 : 0, 0, offered ? 10 : 0, offered ? rate : 0, 0.2, 10);
        double[] probabilities = new double[2];
        model.Probabilities(new RowBlock([], 2, 0, []), new float[2], probabilities);
        Assert.Equal([rate, 0.5], probabilities);
        Assert.Equal(model.Propensity(float.NaN, 0.3), model.Smooth(probabilities[0], 0.3));
        Assert.Equal(model.Propensity(0, 0.3), model.Smooth(probabilities[1], 0.3));
        Assert.Equal(offered ? 0.35f : 0.3f, model.Smooth(probabilities[0], 0.3));
    }

    private sealed class Fixed(float[] values) : IRowModel
    {
        public int ScratchLength => 0;

        public void Margins(in RowBlock rows, Span<float> margins) => values.CopyTo(margins);

        public void RequireFit(Quantiser quantiser)
        {
        }
    }
}
