using System.Numerics;
using System.Runtime.Intrinsics;

namespace ScoringEngine.Core.Numerics;

/// <summary>
/// The operations of a vector of floats, so that a kernel is written once for every width. Each is one correctly
/// rounded operation a lane; a kernel gives the same bits at any width as long as lanes do not mix.
/// </summary>
internal interface IFloatLanes<TVector>
    where TVector : struct
{
    /// <summary>Lanes of a vector, a power of two of at most 16.</summary>
    static abstract int Count { get; }

    static abstract TVector Create(float value);

    static abstract TVector Load(ref float source, nuint at);

    static abstract void Store(TVector vector, ref float destination, nuint at);

    /// <summary>Stores lanes that hold whole numbers.</summary>
    static abstract void StoreAsInt(TVector vector, ref int destination, nuint at);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>The lesser, for lanes without NaN and zeros of one sign.</summary>
    static abstract TVector Min(TVector a, TVector b);

    /// <summary>The greater, for lanes without NaN and zeros of one sign.</summary>
    static abstract TVector Max(TVector a, TVector b);

    /// <summary>a &lt; b ? then : otherwise.</summary>
    static abstract TVector IfLess(TVector a, TVector b, TVector then, TVector otherwise);

    /// <summary>0 in place of NaN.</summary>
    static abstract TVector NaNToZero(TVector vector);
}

/// <summary>The widest vector <see cref="Vector{T}"/> stands for: 128 or 256 bits, or plain code where there are none.</summary>
internal readonly struct NativeLanes : IFloatLanes<Vector<float>>
{
    public static int Count => Vector<float>.Count;

    public static Vector<float> Create(float value) => new(value);

    public static Vector<float> Load(ref float source, nuint at) => Vector.LoadUnsafe(ref source, at);

    public static void Store(Vector<float> vector, ref float destination, nuint at) => vector.StoreUnsafe(ref destination, at);

    public static void StoreAsInt(Vector<float> vector, ref int destination, nuint at)
        => Vector.ConvertToInt32Native(vector).StoreUnsafe(ref destination, at);

    public static Vector<float> Add(Vector<float> a, Vector<float> b) => a + b;

    public static Vector<float> Subtract(Vector<float> a, Vector<float> b) => a - b;

    public static Vector<float> Multiply(Vector<float> a, Vector<float> b) => a * b;

    public static Vector<float> Min(Vector<float> a, Vector<float> b) => Vector.MinNative(a, b);

    public static Vector<float> Max(Vector<float> a, Vector<float> b) => Vector.MaxNative(a, b);

    public static Vector<float> IfLess(Vector<float> a, Vector<float> b, Vector<float> then, Vector<float> otherwise)
        => Vector.ConditionalSelect(Vector.LessThan(a, b), then, otherwise);

    public static Vector<float> NaNToZero(Vector<float> vector)
        => Vector.ConditionalSelect(Vector.Equals(vector, vector), vector, Vector<float>.Zero);
}

/// <summary>512 bits, which <see cref="Vector{T}"/> does not use by default.</summary>
internal readonly struct Lanes512 : IFloatLanes<Vector512<float>>
{
    public static int Count => Vector512<float>.Count;

    public static Vector512<float> Create(float value) => Vector512.Create(value);

    public static Vector512<float> Load(ref float source, nuint at) => Vector512.LoadUnsafe(ref source, at);

    public static void Store(Vector512<float> vector, ref float destination, nuint at) => vector.StoreUnsafe(ref destination, at);

    public static void StoreAsInt(Vector512<float> vector, ref int destination, nuint at)
        => Vector512.ConvertToInt32Native(vector).StoreUnsafe(ref destination, at);

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Vector512.MinNative(a, b);

    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    public static Vector512<float> IfLess(Vector512<float> a, Vector512<float> b, Vector512<float> then, Vector512<float> otherwise)
        => Vector512.ConditionalSelect(Vector512.LessThan(a, b), then, otherwise);

    public static Vector512<float> NaNToZero(Vector512<float> vector)
        => Vector512.ConditionalSelect(Vector512.Equals(vector, vector), vector, Vector512<float>.Zero);
}
