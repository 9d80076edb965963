namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Linear regression and classification.</summary>
internal static class LinearModels
{
    public static OnnxKernel Regressor(OnnxNode node)
    {
        long targets = node.Int("targets", 1);
        PostTransformKind transform = PostTransform.Of(node);
        Linear linear = new(node, targets);
        PostTransform.RequireDefined(transform, linear.Outputs);
        return inputs =>
        {
            OnnxTensor<float> scores = linear.Scores(inputs[0]!);
            for (int r = 0; r < scores.Dimensions[0]; r++)
            {
                PostTransform.Apply(transform, scores.Values.AsSpan(r * linear.Outputs, linear.Outputs));
            }
            return [scores];
        };
    }

    public static OnnxKernel Classifier(OnnxNode node)
    {
        PostTransformKind transform = PostTransform.Of(node);
        ClassLabels labels = new(node, "classlabels_ints", "classlabels_strings");
        Linear linear = new(node, node.Floats("intercepts").Length);

        // Says how the model was trained.
        node.Ignore("multi_class");
        bool single = linear.Outputs == 1 && labels.Count == 2;
        if (single)
        {
            PostTransform.RequireDefinedOfTwo(transform);
        }
        else if (linear.Outputs != labels.Count)
        {
            throw new InvalidDataException($"{linear.Outputs} intercepts for {labels.Count} classes");
        }
        return inputs =>
        {
            OnnxTensor<float> scores = linear.Scores(inputs[0]!);
            int rows = scores.Dimensions[0];
            int[] classes = new int[rows];
            OnnxTensor<float> result = single ? new OnnxTensor<float>([rows, 2]) : scores;
            for (int r = 0; r < rows; r++)
            {
                Span<float> row = result.Values.AsSpan(r * labels.Count, labels.Count);
                if (single)
                {
                    // One score speaks for the second class.
                    float score = scores.Values[r];
                    classes[r] = score > 0 ? 1 : 0;
                    PostTransform.OfTwo(transform, score, complement: true, row);
                }
                else
                {
                    classes[r] = FirstGreatest(row);
                    PostTransform.Apply(transform, row);
                }
            }
            return [labels.ToTensor(classes), result];
        };
    }

    private static int FirstGreatest(ReadOnlySpan<float> scores)
    {
        int best = 0;
        for (int c = 1; c < scores.Length; c++)
        {
            best = scores[c] > scores[best] ? c : best;
        }
        return best;
    }

    /// <summary>Products of rows and coefficients plus intercepts.</summary>
    private sealed class Linear
    {
        private readonly float[] _coefficients;
        private readonly float[] _intercepts;
        private readonly int _columns;

        public Linear(OnnxNode node, long outputs)
        {
            _coefficients = node.Floats("coefficients");
            _intercepts = node.Floats("intercepts");
            if (outputs < 1 || outputs > _coefficients.Length || _coefficients.Length % outputs != 0
                || (_intercepts.Length > 0 && _intercepts.Length != outputs))
            {
                throw new InvalidDataException($"{_coefficients.Length} coefficients and {_intercepts.Length} intercepts for {outputs} outputs");
            }
            Outputs = (int)outputs;
            _columns = _coefficients.Length / Outputs;
        }

        public int Outputs { get; }

        public OnnxTensor<float> Scores(OnnxTensor input)
        {
            OnnxTensor<float> rows = Encoders.Rows(input);
            if (rows.Dimensions[1] != _columns)
            {
                throw new InvalidDataException($"rows of {rows.Dimensions[1]} values, expected {_columns}");
            }
            OnnxTensor<float> scores = new([rows.Dimensions[0], Outputs]);
            LinearAlgebra.Multiply<float>(rows.Values, false, _coefficients, true, rows.Dimensions[0], _columns, Outputs, scores.Values);
            for (int i = 0; _intercepts.Length > 0 && i < scores.Length; i++)
            {
                scores.Values[i] += _intercepts[i % Outputs];
            }
            return scores;
        }
    }
}
