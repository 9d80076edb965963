namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Maps texts, integers or floats to others through a table.</summary>
internal static class LabelEncoder
{
    public static OnnxKernel Build(OnnxNode node)
    {
        string[] classes = node.Version == 1 ? node.Texts("classes_strings") : [];
        string[] texts = node.Texts("keys_strings");
        long[] integers = node.Ints("keys_int64s");
        float[] floats = node.Floats("keys_floats");
        if (node.Version == 1)
        {
            long otherInteger = node.Int("default_int64", -1);
            string otherText = node.Text("default_string", "_Unused");
            long[] places = [.. Enumerable.Range(0, classes.Length).Select(i => (long)i)];
            OnnxKernel toInteger = Table(classes, places, otherInteger);
            OnnxKernel toText = Table(places, classes, otherText);
            return inputs => inputs[0] is OnnxTensor<string> ? toInteger(inputs) : toText(inputs);
        }
        return (texts.Length > 0, integers.Length > 0, floats.Length > 0) switch
        {
            (true, false, false) => To(node, texts),
            (false, true, false) => To(node, integers),
            (false, false, true) => !floats.Any(float.IsNaN) ? To(node, floats)
                : throw new InvalidDataException("a key is NaN, which runtimes look up differently"),
            _ => throw new InvalidDataException("expected keys of one type: texts, integers or floats"),
        };
    }

    private static OnnxKernel To<TKey>(OnnxNode node, TKey[] keys)
        where TKey : notnull
    {
        string[] texts = node.Texts("values_strings");
        long[] integers = node.Ints("values_int64s");
        float[] floats = node.Floats("values_floats");
        string otherText = node.Text("default_string", "_Unused");
        long otherInteger = node.Int("default_int64", -1);
        float otherFloat = node.Float("default_float", -0f);
        return (texts.Length > 0, integers.Length > 0, floats.Length > 0) switch
        {
            (true, false, false) => Table(keys, texts, otherText),
            (false, true, false) => Table(keys, integers, otherInteger),
            (false, false, true) => Table(keys, floats, otherFloat),
            _ => throw new InvalidDataException("expected values of one type: texts, integers or floats"),
        };
    }

    private static OnnxKernel Table<TKey, TValue>(TKey[] keys, TValue[] values, TValue otherwise)
        where TKey : notnull
    {
        if (keys.Length != values.Length)
        {
            throw new InvalidDataException($"{keys.Length} keys and {values.Length} values");
        }
        Dictionary<TKey, int> places = Encoders.Places(keys);
        return inputs => [Elementwise.Map(inputs[0]!.As<TKey>(), v => places.TryGetValue(v, out int place) ? values[place] : otherwise)];
    }
}
