namespace ScoringEngine.Storage.Schemas;

/// <summary>
/// Takes what a <see cref="StoredSchemas"/> holds: each addition before anything uses it (a journal), or all of it (a
/// snapshot). Payloads are those of <see cref="SchemaPayload"/>. What a member throws leaves the schemas as they are.
/// </summary>
internal interface ISchemaLog
{
    /// <summary>Takes a schema version; one call at a time, in the order of versions.</summary>
    void Version(ReadOnlySpan<byte> payload);

    /// <summary>
    /// Takes a category; one call at a time and in the order of codes for each feature, after the first version that has the
    /// feature.
    /// </summary>
    void Category(ReadOnlySpan<byte> payload);
}
