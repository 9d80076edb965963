using System.Diagnostics;
using System.Text;
using Google.Protobuf.Collections;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Storage;
using Feature = ScoringEngine.Core.Features.Feature;
using FeatureKind = ScoringEngine.Core.Features.FeatureKind;

namespace ScoringEngine.Server.Services;

/// <summary>
/// One import: checks the shape of each block before it uses any of it, then stores the rows that can be accepted and
/// counts the others. Used by one call.
/// </summary>
/// <param name="schema">The features that customers have.</param>
/// <param name="schemaVersion">The store's version of these features.</param>
/// <param name="database">Where the customers go.</param>
/// <param name="time">The clock.</param>
internal sealed class CustomerImport(FeatureSchema schema, ushort schemaVersion, CustomerDatabase database, TimeProvider time)
{
    private const int MaxReported = 100;

    private readonly FeatureSchema _schema = schema;
    private readonly int[] _required =
        [.. Enumerable.Range(0, schema.CustomerCount).Where(f => schema.Features[f].Missing == MissingHandling.Reject)];
    // Counts from the start; rejected rows of the block at hand.
    private readonly ImportCustomersResponse _done = new();
    private int _told;
    private int _blocks;
    private byte[] _ids = [];
    private int[] _ends = [];
    private float[] _values = [];

    /// <summary>Stores a block.</summary>
    /// <returns>The acknowledgement, to be sent once its sequence is committed: counts from the start, rejected rows of the block.</returns>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: the block is not well formed; nothing of it is stored.</exception>
    /// <exception cref="IOException">The store cannot be written; the first rows of the block may be stored.</exception>
    public ImportCustomersResponse Add(CustomerBlock? block)
    {
        Violations violations = default;
        Column[] columns = [];
        if (block is null)
        {
            violations.Add(Field(""), "missing");
        }
        else
        {
            columns = CheckColumns(block, ref violations);
            CheckShape(block, columns, ref violations);
        }
        violations.ThrowIfAny();
        Store(block!, columns);
        _blocks++;
        ImportCustomersResponse acknowledgement = _done.Clone();
        _told += _done.RejectedRows.Count;
        _done.RejectedRows.Clear();
        return acknowledgement;
    }

    private string Field(string path) => path.Length == 0 ? $"blocks[{_blocks}]" : $"blocks[{_blocks}].{path}";

    private Column[] CheckColumns(CustomerBlock block, ref Violations violations)
    {
        Column[] columns = new Column[block.FeatureNames.Count];
        HashSet<int> named = [];
        for (int c = 0; c < columns.Length && !violations.Full; c++)
        {
            string name = block.FeatureNames[c];
            int f = _schema.IndexOf(name);
            string? wrong = f < 0 ? $"no feature {Failure.Quote(name)}{(_schema.Nearest(name) is { } near ? $" (did you mean '{near}'?)" : "")}"
                : _schema.Features[f].Context ? $"'{name}' is known only in an interaction and is not stored with a customer"
                : named.Add(f) ? null : $"'{name}' is named twice";
            if (wrong is not null)
            {
                violations.Add(Field($"feature_names[{c}]"), wrong);
                continue;
            }
            columns[c] = new Column { Feature = f };
        }
        for (int i = 0; i < block.Categories.Count && !violations.Full; i++)
        {
            CategoryNames names = block.Categories[i];
            int f = _schema.IndexOf(names.FeatureName);
            int c = Array.FindIndex(columns, column => column?.Feature == f);
            string? wrong = f < 0 || c < 0 ? $"{Failure.Quote(names.FeatureName)} is not among feature_names"
                : _schema.Features[f].Kind != FeatureKind.Categorical ? $"'{names.FeatureName}' is not categorical"
                : columns[c].Names is not null ? $"'{names.FeatureName}' comes twice" : null;
            if (wrong is not null)
            {
                violations.Add(Field($"categories[{i}].feature_name"), wrong);
                continue;
            }
            columns[c].Names = names.Names;
            columns[c].Codes = new int[names.Names.Count];
            Array.Fill(columns[c].Codes, Column.NoCodeYet);
        }
        foreach (Column? column in columns)
        {
            if (column is { Names: null } && _schema.Features[column.Feature].Kind == FeatureKind.Categorical)
            {
                violations.Add(Field("categories"), $"nothing for the categorical feature '{_schema.Features[column.Feature].Name}'");
            }
        }
        return columns;
    }

    private void CheckShape(CustomerBlock block, Column[] columns, ref Violations violations)
    {
        uint start = 0;
        for (int r = 0; r < block.IdEnds.Count && !violations.Full; r++)
        {
            uint end = block.IdEnds[r];
            if (end < start || end > block.Ids.Length)
            {
                violations.Add(Field($"id_ends[{r}]"), $"{end}, expected {start} to {block.Ids.Length}");
            }
            start = Math.Max(start, end);
        }
        if (!violations.Any && start != block.Ids.Length)
        {
            violations.Add(Field("id_ends"), $"the last id ends at {start}, expected {block.Ids.Length}");
        }
        long expected = (long)block.IdEnds.Count * columns.Length;
        if (block.Values.Count != expected)
        {
            violations.Add(Field("values"), $"{block.Values.Count} values, expected {block.IdEnds.Count} customers x {columns.Length} features");
        }
        else if (!violations.Any)
        {
            CheckCodes(block.Values, columns, ref violations);
        }
    }

    private void CheckCodes(RepeatedField<float> values, Column[] columns, ref Violations violations)
    {
        for (int c = 0; c < columns.Length; c++)
        {
            if (columns[c].Names is not { } names)
            {
                continue;
            }
            for (int i = c; i < values.Count && !violations.Full; i += columns.Length)
            {
                float code = values[i];
                if (!float.IsNaN(code) && !(code >= 0 && code < names.Count && code == MathF.Floor(code)))
                {
                    violations.Add(Field($"values[{i}]"),
                        FormattableString.Invariant($"'{_schema.Features[columns[c].Feature].Name}': code {code}, expected one of {names.Count} categories"));
                }
            }
        }
    }

    private void Store(CustomerBlock block, Column[] columns)
    {
        int features = _schema.CustomerCount;
        Grow(ref _ids, block.Ids.Length);
        Grow(ref _ends, block.IdEnds.Count);
        Grow(ref _values, block.IdEnds.Count * features);
        int accepted = 0;
        int idBytes = 0;
        int start = 0;
        for (int r = 0; r < block.IdEnds.Count; r++)
        {
            int end = (int)block.IdEnds[r];
            ReadOnlySpan<byte> id = block.Ids.Span[start..end];
            start = end;
            if (!Accept(id, block.Values, r, columns, _values.AsSpan(accepted * features, features)))
            {
                continue;
            }
            id.CopyTo(_ids.AsSpan(idBytes));
            idBytes += id.Length;
            _ends[accepted++] = idBytes;
        }
        BlockReceipt receipt = database.Customers.UpsertMany(new IdBlock(_ids.AsSpan(0, idBytes), _ends.AsSpan(0, accepted)),
            _values.AsSpan(0, accepted * features), new CustomerAttributes(time.GetUtcNow().ToUnixTimeMilliseconds(), schemaVersion));
        _done.RowCount += (ulong)block.IdEnds.Count;
        _done.Sequence = Math.Max(_done.Sequence, receipt.Sequence);
        _done.CreatedCount += (ulong)receipt.Created;
        _done.UpdatedCount += (ulong)(accepted - receipt.Created);
    }

    private bool Accept(ReadOnlySpan<byte> id, RepeatedField<float> values, int row, Column[] columns, Span<float> target)
    {
        string? wrong = CustomerFile.IdViolation(id) ?? Text.Violation(id);
        if (wrong is not null)
        {
            return Reject(row, id, "", wrong);
        }
        target.Fill(float.NaN);
        for (int c = 0, i = row * columns.Length; c < columns.Length; c++, i++)
        {
            float value = values[i];
            Feature feature = _schema.Features[columns[c].Feature];
            if (columns[c].Names is null || float.IsNaN(value))
            {
                wrong = FeatureSchema.Violation(feature, value);
            }
            else
            {
                value = CodeOf(columns[c], (int)value, out wrong);
            }
            if (wrong is not null)
            {
                return Reject(row, id, feature.Name, wrong);
            }
            target[columns[c].Feature] = value;
        }
        foreach (int f in _required)
        {
            if (float.IsNaN(target[f]))
            {
                return Reject(row, id, _schema.Features[f].Name, FeatureSchema.Violation(_schema.Features[f], float.NaN)!);
            }
        }
        return true;
    }

    // A name gets a code of the store only when a row that uses it comes by.
    private float CodeOf(Column column, int code, out string? wrong)
    {
        Debug.Assert(column.Names is not null && code < column.Codes.Length);
        wrong = null;
        if (column.Codes[code] == Column.NoCodeYet)
        {
            string name = column.Names[code];
            wrong = InlineFeatures.CategoryViolation(name);
            if (wrong is not null)
            {
                return float.NaN;
            }
            try
            {
                column.Codes[code] = database.Schemas.CategoriesOf(_schema.Features[column.Feature].Id).GetOrAdd(name);
            }
            catch (InvalidDataException e)
            {
                wrong = e.Message;
                return float.NaN;
            }
        }
        return column.Codes[code];
    }

    private bool Reject(int row, ReadOnlySpan<byte> id, string feature, string reason)
    {
        _done.RejectedCount++;
        if (_told + _done.RejectedRows.Count < MaxReported)
        {
            _done.RejectedRows.Add(new RejectedRow
            {
                Row = _done.RowCount + (ulong)row,
                CustomerId = Encoding.UTF8.GetString(id[..Math.Min(id.Length, FeatureSchema.MaxIdBytes)]),
                FeatureName = feature,
                Reason = reason,
            });
        }
        return false;
    }

    private static void Grow<T>(ref T[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new T[Math.Max(length, 2 * buffer.Length)];
        }
    }

    /// <summary>A column of a block.</summary>
    private sealed class Column
    {
        public const int NoCodeYet = -1;

        /// <summary>Index in the schema.</summary>
        public required int Feature { get; init; }

        /// <summary>Category names by the block's code; null unless categorical.</summary>
        public RepeatedField<string>? Names { get; set; }

        /// <summary>The store's code by the block's code.</summary>
        public int[] Codes { get; set; } = [];
    }
}
