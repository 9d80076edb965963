using System.Globalization;
using System.Text;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Server.Commands;

/// <summary>Draws a whale curve in a terminal: cumulative profit over customers from best to worst.</summary>
internal static class WhaleCurveChart
{
    private const int Width = 60;
    private const int Height = 12;

    /// <summary>The lines of the chart; the vertical axis is in percent of total profit where that is positive, else of the peak.</summary>
    public static string Draw(WhaleCurve curve)
    {
        double unit = curve.Total > 0 ? curve.Total : Math.Max(curve.Peak, 1);
        double[] heights = [.. Enumerable.Range(0, Width + 1).Select(x => curve.At((double)x / Width) / unit)];
        double top = Math.Max(heights.Max(), 0);
        double bottom = Math.Min(heights.Min(), 0);
        double step = (top - bottom) / (Height - 1);
        if (step == 0)
        {
            return "(nobody is profitable, nobody is not)";
        }
        StringBuilder text = new();
        for (int line = Height - 1; line >= 0; line--)
        {
            double level = bottom + (line * step);
            text.Append(string.Create(CultureInfo.InvariantCulture, $"{level * 100,6:0} % |"));
            foreach (double height in heights)
            {
                double distance = (height - level) / step;
                text.Append(Math.Abs(distance) <= 0.5 ? '*' : Math.Abs(level / step) <= 0.5 ? '-' : ' ');
            }
            text.AppendLine();
        }
        text.Append(' ', 9).Append('+').Append('-', Width + 1).AppendLine();
        text.Append(' ', 10).Append("best customers").Append(' ', Width - 28).AppendLine("worst customers");
        return text.ToString();
    }
}
