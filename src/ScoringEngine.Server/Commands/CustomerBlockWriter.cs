using System.Text;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using Feature = ScoringEngine.Core.Features.Feature;
using FeatureKind = ScoringEngine.Core.Features.FeatureKind;

namespace ScoringEngine.Server.Commands;

/// <summary>
/// Packs customers into blocks that stay below <see cref="MaxBytes"/>, where buffers are still cheap. Category names are
/// sent with the block that uses them.
/// </summary>
internal sealed class CustomerBlockWriter
{
    /// <summary>A block is smaller than this, unless a single customer is not.</summary>
    public const int MaxBytes = 85_000;

    // Upper bounds of what stands around the contents: tags and lengths of the packed fields; of an id's end; of a name.
    private const int FieldBytes = 64;
    private const int IdEndBytes = 3;
    private const int NameBytes = 8;

    private readonly CategoryDictionary _categories;
    private readonly int _features;
    private readonly Dictionary<int, int>?[] _codes;
    private readonly byte[] _ids = new byte[MaxBytes + FeatureSchema.MaxIdBytes];
    private readonly int _emptyBytes;
    private CustomerBlock _block;
    private int _idBytes;
    private int _bytes;

    /// <summary>Writes the customer features of the dictionary's schema.</summary>
    public CustomerBlockWriter(CategoryDictionary categories)
    {
        _categories = categories;
        _features = categories.Schema.CustomerCount;
        _codes = [.. categories.Schema.Features.Take(_features).Select(f => f.Kind == FeatureKind.Categorical ? new Dictionary<int, int>() : null)];
        _block = EmptyBlock();
        _emptyBytes = _block.CalculateSize() + FieldBytes + (NameBytes * _features);
        _bytes = _emptyBytes;
    }

    /// <summary>Whether there is no customer in the block.</summary>
    public bool IsEmpty => _block.IdEnds.Count == 0;

    /// <summary>Adds a customer; false when the block is full and has to be taken first.</summary>
    /// <param name="id">UTF-8, at most <see cref="FeatureSchema.MaxIdBytes"/>.</param>
    /// <param name="values">The customer features; category codes are those of the dictionary.</param>
    public bool TryAdd(ReadOnlySpan<byte> id, ReadOnlySpan<float> values)
    {
        int bytes = BytesOf(id, values);
        if (_bytes + bytes > MaxBytes && !IsEmpty)
        {
            return false;
        }
        id.CopyTo(_ids.AsSpan(_idBytes));
        _idBytes += id.Length;
        _block.IdEnds.Add((uint)_idBytes);
        int categorical = 0;
        for (int f = 0; f < _features; f++)
        {
            float value = values[f];
            if (_codes[f] is { } codes)
            {
                value = float.IsNaN(value) ? value : CodeOf(f, (int)value, codes, _block.Categories[categorical]);
                categorical++;
            }
            _block.Values.Add(value);
        }
        _bytes += bytes;
        return true;
    }

    /// <summary>The block, to be sent; the writer starts the next one.</summary>
    public CustomerBlock Take()
    {
        CustomerBlock block = _block;
        block.Ids = ByteString.CopyFrom(_ids, 0, _idBytes);
        _block = EmptyBlock();
        _idBytes = 0;
        _bytes = _emptyBytes;
        foreach (Dictionary<int, int>? codes in _codes)
        {
            codes?.Clear();
        }
        return block;
    }

    private CustomerBlock EmptyBlock()
    {
        CustomerBlock block = new();
        foreach (Feature feature in _categories.Schema.Features.Take(_features))
        {
            block.FeatureNames.Add(feature.Name);
            if (feature.Kind == FeatureKind.Categorical)
            {
                block.Categories.Add(new CategoryNames { FeatureName = feature.Name });
            }
        }
        return block;
    }

    private int BytesOf(ReadOnlySpan<byte> id, ReadOnlySpan<float> values)
    {
        int bytes = id.Length + IdEndBytes + (sizeof(float) * _features);
        for (int f = 0; f < _features; f++)
        {
            if (_codes[f] is { } codes && !float.IsNaN(values[f]) && !codes.ContainsKey((int)values[f]))
            {
                bytes += NameBytes + Encoding.UTF8.GetByteCount(NameOf(f, (int)values[f]));
            }
        }
        return bytes;
    }

    private int CodeOf(int feature, int code, Dictionary<int, int> codes, CategoryNames names)
    {
        if (!codes.TryGetValue(code, out int blockCode))
        {
            blockCode = names.Names.Count;
            names.Names.Add(NameOf(feature, code));
            codes.Add(code, blockCode);
        }
        return blockCode;
    }

    private string NameOf(int feature, int code) => _categories.NameOf(feature, code)!;
}
