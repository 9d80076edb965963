namespace ScoringEngine.Storage;

/// <summary>Reads a record by copying it, so that its user needs no lock.</summary>
internal struct RecordCopy : ICustomerReader
{
    private byte[]? _buffer;
    private int _length;

    public readonly ReadOnlySpan<byte> Record => _buffer.AsSpan(0, _length);

    public void Read(in CustomerView customer)
    {
        ReadOnlySpan<byte> record = customer.Record;
        if (_buffer is null || _buffer.Length < record.Length)
        {
            _buffer = new byte[record.Length];
        }
        record.CopyTo(_buffer);
        _length = record.Length;
    }
}
