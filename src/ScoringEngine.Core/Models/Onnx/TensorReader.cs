using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Google.Protobuf.Collections;
using ScoringEngine.Core.Models.Onnx.Format;
using DataType = ScoringEngine.Core.Models.Onnx.Format.TensorProto.Types.DataType;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>Reads the tensors of a model file.</summary>
internal static class TensorReader
{
    /// <exception cref="InvalidDataException">The tensor is of a kind that is not supported, or its sizes do not fit its data.</exception>
    public static OnnxTensor Read(TensorProto message)
    {
        if (message.DataLocation != TensorProto.Types.DataLocation.Default || message.Segment is not null)
        {
            throw new InvalidDataException("its values are in another file, which is not supported");
        }
        ImmutableArray<int> dimensions = [.. message.Dims.Select(ToSize)];
        return (DataType)message.DataType switch
        {
            DataType.Float => Numbers(message, dimensions, message.FloatData, v => v),
            DataType.Double => Numbers(message, dimensions, message.DoubleData, v => v),
            DataType.Int32 => Numbers(message, dimensions, message.Int32Data, v => v),
            DataType.Int64 => Numbers(message, dimensions, message.Int64Data, v => v),
            DataType.Uint32 => Numbers(message, dimensions, message.Uint64Data, v => (uint)v),
            DataType.Bool => Booleans(message, dimensions),
            DataType.String => new OnnxTensor<string>([.. message.StringData.Select(s => s.ToString(Encoding.UTF8))], dimensions),
            _ => throw new InvalidDataException($"elements of type {message.DataType} ({(DataType)message.DataType}) are not supported"),
        };
    }

    public static int ToSize(long value) => value is >= 0 and <= OnnxTensor.MaxElements ? (int)value
        : throw new InvalidDataException($"size {value}, expected 0 to {OnnxTensor.MaxElements}");

    private static OnnxTensor<T> Numbers<TField, T>(
        TensorProto message, ImmutableArray<int> dimensions, RepeatedField<TField> field, Func<TField, T> convert)
        where T : unmanaged
        => new(message.RawData.IsEmpty ? [.. field.Select(convert)] : Raw<T>(message), dimensions);

    private static OnnxTensor<bool> Booleans(TensorProto message, ImmutableArray<int> dimensions)
        => new(message.RawData.IsEmpty ? [.. message.Int32Data.Select(v => v != 0)] : [.. Raw<byte>(message).Select(v => v != 0)], dimensions);

    private static T[] Raw<T>(TensorProto message)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = message.RawData.Span;
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("raw tensors are little-endian");
        }
        return bytes.Length % Marshal.SizeOf<T>() == 0 ? MemoryMarshal.Cast<byte, T>(bytes).ToArray()
            : throw new InvalidDataException($"{bytes.Length} bytes are no whole number of elements");
    }
}
