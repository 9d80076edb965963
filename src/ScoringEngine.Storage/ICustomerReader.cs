namespace ScoringEngine.Storage;

/// <summary>
/// Receives one customer of <see cref="CustomerStore.Read{TReader}"/>. A struct costs no allocation.
/// </summary>
public interface ICustomerReader
{
    /// <summary>
    /// Reads a copy of the record, as one write left it: once, without a lock, but while the store cannot give memory
    /// back. Be short, keep nothing of <paramref name="customer"/>, and do not call the store (that throws
    /// <see cref="InvalidOperationException"/>).
    /// </summary>
    void Read(in CustomerView customer);
}

/// <summary>Receives the customers of <see cref="CustomerStore.ReadMany{TReader}"/>.</summary>
public interface ICustomerBlockReader
{
    /// <summary>
    /// Like <see cref="ICustomerReader.Read"/>, for the customer whose id has index <paramref name="index"/> in the
    /// block. The order of calls is not that of the block; an id that is not stored has no call.
    /// </summary>
    void Read(int index, in CustomerView customer);
}

/// <summary>Receives the customers of <see cref="CustomerStore.Scan{TVisitor}"/>.</summary>
public interface ICustomerVisitor
{
    /// <summary>
    /// Visits a copy of the record: no lock is held and the store may be called. Both arguments are valid during
    /// the call only.
    /// </summary>
    void Visit(ReadOnlySpan<byte> id, in CustomerView customer);
}
