using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage.Schemas;

/// <summary>A column of stored customers.</summary>
/// <param name="Id">Permanent id, 1 or more.</param>
/// <param name="Kind">How the value is to be read; never changes for an id.</param>
/// <param name="Name">Its name in this version.</param>
public readonly record struct StoredFeature(int Id, FeatureKind Kind, string Name);
