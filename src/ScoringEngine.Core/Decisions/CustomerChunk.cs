namespace ScoringEngine.Core.Decisions;

/// <summary>Some customers with their features, as they are handed to a <see cref="DecisionBatch"/> or a <see cref="Simulation"/>.</summary>
/// <param name="customers">The customers.</param>
/// <param name="values">[customers x features], row-major, all features each; read only.</param>
public sealed class CustomerChunk(BatchCustomer[] customers, float[] values)
{
    /// <summary>A good number of customers for a chunk: the unit of work of a thread, and of sums.</summary>
    public const int Size = 4096;

    /// <summary>Number of customers.</summary>
    public int Count => customers.Length;

    /// <summary>The customers.</summary>
    public IReadOnlyList<BatchCustomer> Customers => customers;

    /// <summary>Some rows.</summary>
    internal ReadOnlySpan<float> Rows(int first, int count)
    {
        int columns = values.Length / customers.Length;
        return values.AsSpan(first * columns, count * columns);
    }
}
