using System.Collections.Immutable;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Type of a tensor's elements; the numbers are those of the file format.</summary>
public enum OnnxElementType
{
    /// <summary>float32.</summary>
    Float = 1,

    /// <summary>int32.</summary>
    Int32 = 6,

    /// <summary>int64.</summary>
    Int64 = 7,

    /// <summary>Text.</summary>
    String = 8,

    /// <summary>True or false.</summary>
    Bool = 9,

    /// <summary>float64.</summary>
    Double = 11,

    /// <summary>uint32.</summary>
    UInt32 = 12,
}

/// <summary>A dense tensor, row-major. Its values are not copied; nobody changes them while a model uses them.</summary>
public abstract class OnnxTensor
{
    /// <summary>Most elements of a tensor.</summary>
    public const int MaxElements = 1 << 26;

    private protected OnnxTensor(OnnxElementType elementType, ImmutableArray<int> dimensions, int length)
    {
        if (Count(dimensions) != length)
        {
            throw new InvalidDataException($"{length} values for a tensor of {Describe(dimensions)}");
        }
        ElementType = elementType;
        Dimensions = dimensions;
        Length = length;
    }

    /// <summary>Type of the elements.</summary>
    public OnnxElementType ElementType { get; }

    /// <summary>Sizes of the axes; empty for a scalar.</summary>
    public ImmutableArray<int> Dimensions { get; }

    /// <summary>Number of elements.</summary>
    public int Length { get; }

    internal int Rank => Dimensions.Length;

    /// <summary>Makes a tensor around <paramref name="values"/>.</summary>
    /// <typeparam name="T">float, double, int, uint, long, bool or string.</typeparam>
    /// <param name="values">Row-major values.</param>
    /// <param name="dimensions">Sizes of the axes; their product is the number of values.</param>
    /// <exception cref="ArgumentException">The sizes do not fit the values.</exception>
    /// <exception cref="NotSupportedException">Elements of that type are not supported.</exception>
    public static OnnxTensor<T> Create<T>(T[] values, params ReadOnlySpan<int> dimensions)
    {
        ArgumentNullException.ThrowIfNull(values);
        try
        {
            return new OnnxTensor<T>(values, [.. dimensions]);
        }
        catch (InvalidDataException e)
        {
            throw new ArgumentException(e.Message, nameof(dimensions), e);
        }
    }

    /// <summary>The tensor with its values typed.</summary>
    /// <exception cref="InvalidDataException">Elements are of another type.</exception>
    public OnnxTensor<T> As<T>() => this as OnnxTensor<T>
        ?? throw new InvalidDataException($"elements are {ElementType}, expected {OnnxTensor<T>.TypeOf()}");

    /// <summary>The same values under other sizes of equal product.</summary>
    internal abstract OnnxTensor Reshape(ImmutableArray<int> dimensions);

    /// <summary>The elements at <paramref name="offsets"/>.</summary>
    internal abstract OnnxTensor Pick(ReadOnlySpan<int> offsets, ImmutableArray<int> dimensions);

    /// <summary>Number of elements of a tensor.</summary>
    /// <exception cref="InvalidDataException">A size is negative or the product exceeds <see cref="MaxElements"/>.</exception>
    internal static int Count(ImmutableArray<int> dimensions)
    {
        long count = 1;
        foreach (int size in dimensions)
        {
            // An empty axis makes the product 0; the others must still not overflow it.
            if (size < 0 || size > MaxElements || (count *= size) > MaxElements)
            {
                throw new InvalidDataException($"a tensor of {Describe(dimensions)}, expected at most {MaxElements} elements");
            }
        }
        return (int)count;
    }

    internal static string Describe(ImmutableArray<int> dimensions) => $"[{string.Join(" x ", dimensions)}]";
}

/// <summary>A tensor whose element type is known.</summary>
/// <typeparam name="T">float, double, int, uint, long, bool or string.</typeparam>
public sealed class OnnxTensor<T> : OnnxTensor
{
    internal OnnxTensor(T[] values, ImmutableArray<int> dimensions)
        : base(TypeOf(), dimensions, values.Length)
        => Values = values;

    internal OnnxTensor(ImmutableArray<int> dimensions)
        : this(new T[Count(dimensions)], dimensions)
    {
    }

    /// <summary>Row-major values.</summary>
    public T[] Values { get; }

    internal static OnnxElementType TypeOf()
        => typeof(T) == typeof(float) ? OnnxElementType.Float
            : typeof(T) == typeof(double) ? OnnxElementType.Double
            : typeof(T) == typeof(int) ? OnnxElementType.Int32
            : typeof(T) == typeof(uint) ? OnnxElementType.UInt32
            : typeof(T) == typeof(long) ? OnnxElementType.Int64
            : typeof(T) == typeof(bool) ? OnnxElementType.Bool
            : typeof(T) == typeof(string) ? OnnxElementType.String
            : throw new NotSupportedException($"tensors of {typeof(T)} are not supported");

    internal override OnnxTensor<T> Reshape(ImmutableArray<int> dimensions) => new(Values, dimensions);

    internal override OnnxTensor<T> Pick(ReadOnlySpan<int> offsets, ImmutableArray<int> dimensions)
    {
        OnnxTensor<T> result = new(dimensions);
        for (int i = 0; i < offsets.Length; i++)
        {
            result.Values[i] = Values[offsets[i]];
        }
        return result;
    }
}
