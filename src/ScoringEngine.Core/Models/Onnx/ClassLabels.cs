namespace ScoringEngine.Core.Models.Onnx;

/// <summary>The classes of a classifier, which are integers or texts.</summary>
internal sealed class ClassLabels
{
    private readonly long[] _integers;
    private readonly string[] _texts;

    public ClassLabels(OnnxNode node, string integers, string texts)
    {
        _integers = node.Ints(integers);
        _texts = node.Texts(texts);
        if (_integers.Length > 0 == _texts.Length > 0)
        {
            throw new InvalidDataException($"expected one of the attributes '{integers}' and '{texts}'");
        }
    }

    public int Count => Math.Max(_integers.Length, _texts.Length);

    /// <summary>The label of each row, by index of the class.</summary>
    public OnnxTensor ToTensor(int[] classes) => _texts.Length > 0
        ? new OnnxTensor<string>([.. classes.Select(c => _texts[c])], [classes.Length])
        : new OnnxTensor<long>([.. classes.Select(c => _integers[c])], [classes.Length]);
}
