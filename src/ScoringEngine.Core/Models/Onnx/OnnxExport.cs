using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;
using static ScoringEngine.Core.Models.Onnx.OnnxGraphBuilder;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>
/// Writes a model set as an ONNX model (ai.onnx 17, ai.onnx.ml 3), so that other runtimes can serve it: one float input
/// <c>features</c> [rows x features], in the order of the schema, NaN for missing, categories as codes.
/// </summary>
/// <remarks>
/// <para>Outputs: <c>segment_id</c> and <c>segment_distance</c>; with a profit model <c>expected_profit</c>,
/// <c>potential</c> and <c>tier</c>; <c>propensity.ID</c> for each proposition with a model. The metadata property
/// <c>scoring_engine.features</c> lists the features with their kinds, context defaults and categories, and
/// <c>scoring_engine.outputs</c> says what the outputs are.</para>
/// <para>Evaluated by <see cref="OnnxModel"/> the results are the scorer's, bit by bit but for the
/// last one of a linear stage, which is summed in double precision. Another runtime adds floats in
/// another order and has another exp and log, so that its results differ by rounding, about 1e-6 relative; where two
/// segments are that equally near, or an expected profit is that near to the bound of a tier, segment or tier differ.</para>
/// </remarks>
public static class OnnxExport
{
    /// <summary>Name of the input.</summary>
    public const string FeaturesInput = "features";

    /// <summary>Prefix of the outputs that are propensities; the proposition's id follows.</summary>
    public const string PropensityPrefix = "propensity.";

    /// <summary>Metadata property: a JSON array of the features, each with name, kind, and default or categories where it has some.</summary>
    public const string FeaturesProperty = "scoring_engine.features";

    /// <summary>Metadata property: a JSON object from the name of an output to what it is.</summary>
    public const string OutputsProperty = "scoring_engine.outputs";

    /// <summary>The bytes of the file.</summary>
    /// <exception cref="NotSupportedException">A part was imported and cannot be written; the message names it.</exception>
    public static byte[] ToBytes(ModelSet models)
    {
        ArgumentNullException.ThrowIfNull(models);
        return new Writer(models).Write();
    }

    private sealed class Writer(ModelSet models)
    {
        private readonly OnnxGraphBuilder _graph = new("scoring_engine");
        private readonly JsonObject _outputs = [];
        private string? _treeRows;

        public byte[] Write()
        {
            string rows = DropUnknownCategories(_graph.Input(
                FeaturesInput, OnnxElementType.Float, "feature values in the order of the metadata; NaN is missing", -1, models.Schema.Count));
            WriteSegments(rows);
            if (models.Profit is { } profit)
            {
                WriteProfit(rows, profit);
            }
            foreach ((string id, PropensityModel propensity) in models.Propensities)
            {
                WritePropensity(rows, id, propensity);
            }
            return _graph.ToModel(models.Manifest.Version.ToString(CultureInfo.InvariantCulture),
            [
                ("scoring_engine.model", models.Manifest.Name),
                ("scoring_engine.version", models.Manifest.Version.ToString(CultureInfo.InvariantCulture)),
                ("scoring_engine.schema_hash", models.Schema.Hash),
                (FeaturesProperty, DescribeFeatures()),
                (OutputsProperty, _outputs.ToJsonString()),
            ]).ToByteArray();
        }

        /// <summary>Codes beyond the known categories become NaN, as the scorer makes them.</summary>
        private string DropUnknownCategories(string rows)
        {
            if (models.Schema.Features.All(f => f.Kind != FeatureKind.Categorical))
            {
                return rows;
            }
            float[] last = [.. models.Schema.Features.Select(f => f.Kind == FeatureKind.Categorical
                ? MathF.BitDecrement(f.Categories.Length) : float.PositiveInfinity)];
            string unknown = _graph.Node("Greater", [rows, _graph.Constant(last, 1, last.Length)]);
            return _graph.Node("Where", [unknown, _graph.Constant([float.NaN], 1), rows]);
        }

        private void WriteSegments(string rows)
        {
            SegmentModel segments = models.Segments;
            if (!segments.HasCentroids)
            {
                throw new NotSupportedException("segments: an imported ONNX model cannot be written into another; serve its own file");
            }
            int dimensions = segments.Encoding.Dimensions.Length;
            string centroids = _graph.Constant([.. segments.Centroids], 1, segments.Segments.Length, dimensions);
            string points = _graph.Node("Unsqueeze", [Encode(rows), _graph.Constant([1L], 1)]);
            string difference = _graph.Node("Sub", [points, centroids]);
            string squares = _graph.Node("Mul", [difference, difference]);
            string distances = _graph.Node("ReduceSum", [squares, _graph.Constant([2L], 1)], Attribute("keepdims", 0));
            string index = _graph.Node("ArgMin", [distances], Attribute("axis", 1), Attribute("keepdims", 0));
            string ids = _graph.Constant([.. segments.Segments.Select(s => (long)s.Id)], segments.Segments.Length);
            string nearest = _graph.Node("ReduceMin", [distances], Attribute("axes", [1L]), Attribute("keepdims", 1));
            Output(_graph.Node("Gather", [ids, index]), "segment_id", OnnxElementType.Int64,
                "segment of the customer: " + string.Join(", ", segments.Segments.Select(s => $"{s.Id} {s.Name}")), -1);
            Output(_graph.Node("Sqrt", [nearest]), "segment_distance", OnnxElementType.Float,
                "distance to the segment's centroid in standardised units", -1, 1);
        }

        /// <summary>[rows x dimensions] the standardised coordinates.</summary>
        private string Encode(string rows)
        {
            ImmutableArray<SegmentDimension> all = models.Segments.Encoding.Dimensions;
            List<string> parts = [];
            List<int> order = [];
            AddPart(d => d.Category < 0 && !d.Log1P, (values, _) => values);
            AddPart(d => d.Log1P, (values, _) => Log1P(values));
            AddPart(d => d.Category >= 0, OneHot);
            string joined = parts.Count == 1 ? parts[0] : _graph.Node("Concat", [.. parts], Attribute("axis", 1));

            // Distances are summed in the order of the dimensions.
            string inOrder = Reorder(joined, order);
            string centred = _graph.Node("Sub", [inOrder, _graph.Constant([.. all.Select(d => d.Mean)], 1, all.Length)]);
            string scaled = _graph.Node("Mul", [centred, _graph.Constant([.. all.Select(d => d.Scale)], 1, all.Length)]);
            string present = _graph.Node("Where", [_graph.Node("IsNaN", [scaled]), _graph.Constant([0f], 1), scaled]);
            return _graph.Node("Clip", [present, _graph.Constant([-RowPanels.Limit]), _graph.Constant([RowPanels.Limit])]);

            void AddPart(Func<SegmentDimension, bool> belongs, Func<string, SegmentDimension[], string> transform)
            {
                int[] places = [.. Enumerable.Range(0, all.Length).Where(d => belongs(all[d]))];
                if (places.Length > 0)
                {
                    string features = _graph.Constant([.. places.Select(d => (long)all[d].Feature)], places.Length);
                    parts.Add(transform(_graph.Node("Gather", [rows, features], Attribute("axis", 1)), [.. places.Select(d => all[d])]));
                    order.AddRange(places);
                }
            }
        }

        /// <summary>In double precision, where 1 + x keeps what a small x is.</summary>
        private string Log1P(string values)
        {
            string wide = _graph.Node("Cast", [values], Attribute("to", (long)OnnxElementType.Double));
            string log = _graph.Node("Log", [_graph.Node("Add", [wide, _graph.Constant([1.0], 1)])]);
            return _graph.Node("Cast", [log], Attribute("to", (long)OnnxElementType.Float));
        }

        /// <summary>1 for the dimension's category, 0 for another; NaN where none of the feature's dimensions has the value.</summary>
        private string OneHot(string codes, SegmentDimension[] dimensions)
        {
            int count = dimensions.Length;
            string equal = _graph.Node("Equal", [codes, _graph.Constant([.. dimensions.Select(d => (float)d.Category)], 1, count)]);
            string hot = _graph.Node("Cast", [equal], Attribute("to", (long)OnnxElementType.Float));
            float[] together = [.. dimensions.SelectMany(a => dimensions.Select(b => a.Feature == b.Feature ? 1f : 0f))];
            string known = _graph.Node("MatMul", [hot, _graph.Constant(together, count, count)]);
            string isKnown = _graph.Node("Greater", [known, _graph.Constant([0f], 1)]);
            return _graph.Node("Where", [isKnown, hot, _graph.Constant([float.NaN], 1)]);
        }

        private void WriteProfit(string rows, ProfitModel profit)
        {
            string expected = Margin(rows, profit.Expected);
            string proxy = profit.Target.Proxy ? " (a proxy)" : "";
            Output(expected, "expected_profit", OnnxElementType.Float, $"expected profit{proxy} per {profit.Target.Period}", -1, 1);
            if (profit.Upper is not null)
            {
                string beyond = _graph.Node("Sub", [Margin(rows, profit.Upper), expected]);
                Output(_graph.Node("Max", [beyond, _graph.Constant([0f], 1)]), "potential", OnnxElementType.Float,
                    FormattableString.Invariant($"quantile {profit.Quantile} of profit{proxy} less the expected one, 0 or more"), -1, 1);
            }

            // Tiers count the bounds that are passed; their numbers are those of the enumeration, worst to best.
            string[] passed = [.. new[]
            {
                _graph.Node("GreaterOrEqual", [expected, _graph.Constant([AtLeast(-profit.Tiers.MarginalBand)], 1)]),
                _graph.Node("Greater", [expected, _graph.Constant([Above(profit.Tiers.MarginalBand)], 1)]),
                _graph.Node("GreaterOrEqual", [expected, _graph.Constant([AtLeast(profit.Tiers.CreatorsThreshold)], 1)]),
            }.Select(bound => _graph.Node("Cast", [bound], Attribute("to", (long)OnnxElementType.Int64)))];
            Output(_graph.Node("Add", [_graph.Node("Add", [passed[0], passed[1]]), passed[2]]), "tier", OnnxElementType.Int64,
                "0 value destroyer, 1 marginal, 2 sustainer, 3 value creator", -1, 1);
        }

        private void WritePropensity(string rows, string id, PropensityModel propensity)
        {
            string probability = propensity.Model is null
                ? _graph.LearningNode("TreeEnsembleRegressor", [rows], TreeEnsembleWriter.Constant(propensity.Propensity(0)))
                : Smooth(Calibrate(Margin(rows, propensity.Model), propensity.Calibration), propensity);
            Output(probability, PropensityPrefix + id, OnnxElementType.Float, "propensity of acceptance, 0..1", -1, 1);
        }

        private string Margin(string rows, IRowModel model) => model switch
        {
            ObliviousEnsemble ensemble => Margin(rows, ensemble),
            BoostedModel boosted => _graph.Node("Add", [Margin(rows, boosted.Trees), Margin(rows, boosted.Stage)]),
            LogisticRegression regression => Margin(rows, regression),
            ExponentialModel exponential => Exponential(Margin(rows, exponential.Inner)),
            AveragedModel both => _graph.Node("Mul",
                [_graph.Node("Add", [Margin(rows, both.Trees), Margin(rows, both.Regression)]), _graph.Constant([0.5f], 1)]),
            _ => throw new NotSupportedException($"{model.GetType().Name} cannot be written as ONNX"),
        };

        /// <summary>
        /// The first piece's weighted sum of answers in double precision, plus what each bound that is passed (or each
        /// category that is met) adds to it.
        /// </summary>
        private string Margin(string rows, LinearStage stage)
        {
            int terms = stage.Terms.Length;
            int pieces = stage.Pieces.Count;
            string values = Gather([.. stage.Terms.Select(t => (long)t.Feature)]);
            string distance = _graph.Node("Sub", [values, _graph.Constant([.. stage.Terms.Select(t => t.Center)], 1, terms)]);
            string present = _graph.Node("Where", [_graph.Node("IsNaN", [distance]), _graph.Constant([0f], 1), distance]);
            string clipped = _graph.Node("Min",
            [
                _graph.Node("Max", [present, _graph.Constant([.. stage.Terms.Select(t => -t.Limit)], 1, terms)]),
                _graph.Constant([.. stage.Terms.Select(t => t.Limit)], 1, terms),
            ]);
            string answers = _graph.Node("Cast", [clipped], Attribute("to", (long)OnnxElementType.Double));
            string margin = Sums(0, 1);
            if (pieces > 1)
            {
                string met = _graph.Node(stage.Pieces.IsCategory ? "Equal" : "Greater",
                    [Gather([stage.Pieces.Feature]), _graph.Constant([.. stage.Pieces.Bounds], 1, pieces - 1)]);
                string added = _graph.Node("Mul", [_graph.Node("Cast", [met], Attribute("to", (long)OnnxElementType.Double)), Sums(1, pieces)]);
                margin = _graph.Node("Add", [margin, _graph.Node("MatMul", [added, _graph.Constant([.. Enumerable.Repeat(1.0, pieces - 1)], pieces - 1, 1)])]);
            }
            return _graph.Node("Cast", [margin], Attribute("to", (long)OnnxElementType.Float));

            string Gather(long[] features) => _graph.Node("Gather", [rows, _graph.Constant(features, features.Length)], Attribute("axis", 1));

            string Sums(int from, int to)
            {
                double[] weights = [.. Enumerable.Range(0, terms).SelectMany(t => Added(from, to, p => stage.Weights[(t * pieces) + p]))];
                double[] intercepts = [.. Added(from, to, p => stage.Intercepts[p])];
                return _graph.Node("Add", [_graph.Node("MatMul", [answers, _graph.Constant(weights, terms, to - from)]), _graph.Constant(intercepts, 1, to - from)]);
            }

            IEnumerable<double> Added(int from, int to, Func<int, float> ofPiece)
                => Enumerable.Range(from, to - from).Select(p => p == 0 ? ofPiece(0) : (double)ofPiece(p) - ofPiece(stage.Pieces.IsCategory ? 0 : p - 1));
        }

        private string Exponential(string margin)
        {
            string wide = _graph.Node("Cast", [margin], Attribute("to", (long)OnnxElementType.Double));
            return _graph.Node("Cast", [_graph.Node("Exp", [wide])], Attribute("to", (long)OnnxElementType.Float));
        }

        /// <summary>The weighted sum of answers, in double precision and in the order of the terms.</summary>
        private string Margin(string rows, LogisticRegression regression)
        {
            if (regression.Terms.IsEmpty)
            {
                return _graph.LearningNode("TreeEnsembleRegressor", [rows], TreeEnsembleWriter.Constant((float)regression.Intercept));
            }
            List<string> parts = [];
            List<int> order = [];
            AddPart(LogisticTermKind.Number, (values, terms) =>
            {
                string wide = _graph.Node("Cast", [values], Attribute("to", (long)OnnxElementType.Double));
                string centred = _graph.Node("Sub", [wide, Row(terms, t => t.Mean)]);
                string scaled = _graph.Node("Div", [centred, Row(terms, t => t.Scale)]);
                string present = _graph.Node("Where", [_graph.Node("IsNaN", [scaled]), _graph.Constant([0.0], 1), scaled]);
                return _graph.Node("Clip", [present, _graph.Constant([-LogisticTerm.MaxDeviation]), _graph.Constant([LogisticTerm.MaxDeviation])]);
            });
            AddPart(LogisticTermKind.Category, (values, terms) => _graph.Node(
                "Cast", [_graph.Node("Equal", [values, _graph.Constant([.. terms.Select(t => (float)t.Category)], 1, terms.Length)])],
                Attribute("to", (long)OnnxElementType.Double)));
            AddPart(LogisticTermKind.Missing, (values, _) => _graph.Node(
                "Cast", [_graph.Node("IsNaN", [values])], Attribute("to", (long)OnnxElementType.Double)));

            string answers = Reorder(parts.Count == 1 ? parts[0] : _graph.Node("Concat", [.. parts], Attribute("axis", 1)), order);
            string weights = _graph.Constant([.. regression.Terms.Select(t => t.Weight)], regression.Terms.Length, 1);
            string sum = _graph.Node("Add", [_graph.Node("MatMul", [answers, weights]), _graph.Constant([regression.Intercept], 1)]);
            return _graph.Node("Cast", [sum], Attribute("to", (long)OnnxElementType.Float));

            string Row(LogisticTerm[] terms, Func<LogisticTerm, double> value)
                => _graph.Constant([.. terms.Select(value)], 1, terms.Length);

            void AddPart(LogisticTermKind kind, Func<string, LogisticTerm[], string> answer)
            {
                int[] places = [.. Enumerable.Range(0, regression.Terms.Length).Where(i => regression.Terms[i].Kind == kind)];
                if (places.Length > 0)
                {
                    LogisticTerm[] terms = [.. places.Select(i => regression.Terms[i])];
                    string features = _graph.Constant([.. terms.Select(t => (long)t.Feature)], terms.Length);
                    parts.Add(answer(_graph.Node("Gather", [rows, features], Attribute("axis", 1)), terms));
                    order.AddRange(places);
                }
            }
        }

        /// <summary>Sorts columns by the numbers that <paramref name="order"/> gives them.</summary>
        private string Reorder(string columns, List<int> order)
            => order.SequenceEqual(order.Order()) ? columns : _graph.Node("Gather",
                [columns, _graph.Constant([.. order.Order().Select(place => (long)order.IndexOf(place))], order.Count)], Attribute("axis", 1));

        private string Calibrate(string margin, Calibration calibration) => calibration switch
        {
            PlattCalibration platt => Calibrate(margin, platt),
            IsotonicCalibration isotonic => Calibrate(margin, isotonic),
            _ => throw new NotSupportedException($"{calibration.GetType().Name} cannot be written as ONNX"),
        };

        private string Calibrate(string margin, PlattCalibration calibration)
        {
            string wide = _graph.Node("Cast", [margin], Attribute("to", (long)OnnxElementType.Double));
            string logit = _graph.Node("Add",
                [_graph.Node("Mul", [wide, _graph.Constant([calibration.Slope], 1)]), _graph.Constant([calibration.Intercept], 1)]);
            return _graph.Node("Sigmoid", [logit]);
        }

        /// <summary>The knots that are not above the margin choose one of knots + 1 lines; the outer two are level.</summary>
        private string Calibrate(string margin, IsotonicCalibration calibration)
        {
            ImmutableArray<float> knots = calibration.Margins;
            ImmutableArray<float> probabilities = calibration.Probabilities;
            int[] above = [.. Enumerable.Range(0, knots.Length + 1)];
            string passed = _graph.Node("GreaterOrEqual", [margin, _graph.Constant([.. knots], 1, knots.Length)]);
            string count = _graph.Node("MatMul",
                [_graph.Node("Cast", [passed], Attribute("to", (long)OnnxElementType.Float)), _graph.Constant([.. knots.Select(_ => 1f)], knots.Length, 1)]);
            string line = _graph.Node("Cast", [count], Attribute("to", (long)OnnxElementType.Int64));
            string wide = _graph.Node("Cast", [margin], Attribute("to", (long)OnnxElementType.Double));
            string run = _graph.Node("Sub", [wide, OfLine(i => knots[Math.Max(i - 1, 0)])]);
            string part = _graph.Node("Div", [run, OfLine(i => IsLevel(i) ? 1 : (double)knots[i] - knots[i - 1])]);
            string rise = _graph.Node("Mul", [part, OfLine(i => IsLevel(i) ? 0 : (double)probabilities[i] - probabilities[i - 1])]);
            string risen = _graph.Node("Add", [OfLine(i => probabilities[Math.Max(i - 1, 0)]), rise]);
            return _graph.Node("Min", [risen, OfLine(i => probabilities[Math.Min(i, knots.Length - 1)])]);

            bool IsLevel(int i) => i == 0 || i == knots.Length;

            string OfLine(Func<int, double> value) => _graph.Node("Gather", [_graph.Constant([.. above.Select(value)], above.Length), line]);
        }

        private string Smooth(string probability, PropensityModel propensity)
        {
            double weight = propensity.EffectiveOffers + propensity.PriorStrength;
            double evidence = weight > 0 ? propensity.EffectiveOffers : 0;
            double prior = weight > 0 ? propensity.PriorStrength * propensity.PriorRate : propensity.PriorRate;
            string sum = _graph.Node("Add",
                [_graph.Node("Mul", [probability, _graph.Constant([evidence], 1)]), _graph.Constant([prior], 1)]);
            string smoothed = _graph.Node("Div", [sum, _graph.Constant([weight > 0 ? weight : 1], 1)]);
            return _graph.Node("Cast", [smoothed], Attribute("to", (long)OnnxElementType.Float));
        }

        private string Margin(string rows, ObliviousEnsemble ensemble)
            => _graph.LearningNode("TreeEnsembleRegressor", [_treeRows ??= WithCodeBins(rows)], TreeEnsembleWriter.Attributes(ensemble, models.Quantiser));

        /// <summary>The rows, and behind them the bin of each code column: a table's element 1 + code, element 0 for a missing one.</summary>
        private string WithCodeBins(string rows)
        {
            QuantisedColumn[] columns = [.. models.Quantiser.Columns.Where(c => !c.BinOfCode.IsEmpty)];
            return columns.Length == 0 ? rows : _graph.Node("Concat", [rows, .. columns.Select(Bins)], Attribute("axis", 1));

            string Bins(QuantisedColumn column)
            {
                string codes = _graph.Node("Gather", [rows, _graph.Constant([(long)column.Feature], 1)], Attribute("axis", 1));
                string known = _graph.Node("Less", [codes, _graph.Constant([(float)column.BinOfCode.Length], 1)]);
                string place = _graph.Node("Where", [known, _graph.Node("Add", [codes, _graph.Constant([1f], 1)]), _graph.Constant([0f], 1)]);
                string table = _graph.Constant([0, .. column.BinOfCode.Select(bin => (float)bin)], column.BinOfCode.Length + 1);
                return _graph.Node("Gather", [table, _graph.Node("Cast", [place], Attribute("to", (long)OnnxElementType.Int64))]);
            }
        }

        private void Output(string value, string name, OnnxElementType type, string description, params ReadOnlySpan<int> dimensions)
        {
            _graph.Output(value, name, type, description, dimensions);
            _outputs[name] = description;
        }

        private string DescribeFeatures()
        {
            JsonArray features = [];
            foreach (Feature feature in models.Schema.Features)
            {
                JsonObject item = new() { ["name"] = feature.Name, ["kind"] = feature.Kind.ToString().ToLowerInvariant() };
                if (feature.Kind == FeatureKind.Categorical)
                {
                    item["categories"] = new JsonArray([.. feature.Categories.Select(c => (JsonNode)c)]);
                }
                if (feature.Context)
                {
                    item["context"] = true;
                    item["default"] = float.IsNaN(feature.Default) ? null : feature.Default;
                }
                features.Add((JsonNode)item);
            }
            return features.ToJsonString();
        }

        /// <summary>The smallest float from <paramref name="bound"/> on: for floats x, x >= it says x >= bound.</summary>
        private static float AtLeast(double bound) => (float)bound >= bound ? (float)bound : MathF.BitIncrement((float)bound);

        /// <summary>The greatest float up to <paramref name="bound"/>: for floats x, x > it says x > bound.</summary>
        private static float Above(double bound) => (float)bound <= bound ? (float)bound : MathF.BitDecrement((float)bound);
    }
}
