namespace ScoringEngine.Storage;

/// <summary>The layout that <see cref="CustomerStore.Patch"/> brings a customer's features to.</summary>
public interface IFeatureLayout
{
    /// <summary>Version of the feature schema.</summary>
    ushort SchemaVersion { get; }

    /// <summary>Number of features in that version, 0 to <see cref="CustomerStore.MaxFeatures"/>.</summary>
    int Columns { get; }

    /// <summary>Brings features that were stored under another version to this layout.</summary>
    /// <param name="schemaVersion">The other version.</param>
    /// <param name="stored">The features as they were stored.</param>
    /// <param name="row">[<see cref="Columns"/>] the same in this layout, NaN for what the stored ones lack.</param>
    /// <exception cref="InvalidDataException">The stored features are not of that version.</exception>
    void Rewrite(ushort schemaVersion, ReadOnlySpan<float> stored, Span<float> row);
}
