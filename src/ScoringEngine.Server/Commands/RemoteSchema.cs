using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;
using FeatureKind = ScoringEngine.Core.Features.FeatureKind;

namespace ScoringEngine.Server.Commands;

/// <summary>The feature schema that a server tells.</summary>
internal static class RemoteSchema
{
    /// <summary>The schema of a model.</summary>
    /// <exception cref="InvalidDataException">The server's features are no schema that this version knows.</exception>
    public static FeatureSchema Of(Model model)
    {
        try
        {
            return new FeatureSchema(model.Features.Select(FeatureOf));
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"the server's feature schema cannot be used: {e.Message}", e);
        }
    }

    private static Feature FeatureOf(FeatureDefinition definition) => new()
    {
        Id = (int)definition.Id,
        Name = definition.Name,
        Kind = definition.Kind switch
        {
            Protocol.V1.FeatureKind.Numeric => FeatureKind.Numeric,
            Protocol.V1.FeatureKind.Categorical => FeatureKind.Categorical,
            Protocol.V1.FeatureKind.Boolean => FeatureKind.Boolean,
            _ => throw new InvalidDataException($"the server's feature '{definition.Name}' is of a kind that this version does not know"),
        },
        Unit = definition.Unit.Length > 0 ? definition.Unit : null,
        Missing = definition.Required ? MissingHandling.Reject : MissingHandling.Allow,
        Minimum = definition.HasMinimum ? definition.Minimum : null,
        Maximum = definition.HasMaximum ? definition.Maximum : null,
        Context = definition.Context,
        Personal = definition.Personal,
        Protected = definition.Protected,
        Categories = [.. definition.Categories],
    };
}
