namespace ScoringEngine.Storage.Schemas;

/// <summary>
/// Stored customers as if all had been stored under one schema version: features by id, with the store's category codes. What
/// a customer is shown as, and what <see cref="CustomerStore.Patch"/> brings one to.
/// </summary>
public sealed class StoredLayout : RowMapping, IFeatureLayout
{
    internal StoredLayout(StoredSchemas schemas, ushort version)
        : base(schemas, schemas.FeaturesOf(version)) => SchemaVersion = version;

    /// <inheritdoc/>
    public ushort SchemaVersion { get; }

    int IFeatureLayout.Columns => Count;

    void IFeatureLayout.Rewrite(ushort schemaVersion, ReadOnlySpan<float> stored, Span<float> row) => Map(schemaVersion, stored, row);
}
