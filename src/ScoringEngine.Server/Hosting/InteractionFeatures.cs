using System.Collections.Immutable;
using ScoringEngine.Core.Features;
using ScoringEngine.Protocol.V1;

namespace ScoringEngine.Server.Hosting;

/// <summary>
/// What a request of Decide tells of the interaction, as far as the schema has categorical context features of these names. Thread-safe.
/// </summary>
internal sealed class InteractionFeatures
{
    private static readonly ImmutableArray<(string Name, Func<DecideRequest, string> Of)> Fields =
    [
        ("channel", r => r.Channel),
        ("direction", r => r.Direction switch { Direction.Inbound => "inbound", Direction.Outbound => "outbound", _ => "" }),
        ("role", r => r.Role),
        ("reason", r => r.Reason),
        ("language", r => r.Language),
    ];

    private readonly FeatureSchema _schema;
    private readonly ImmutableArray<(int Feature, Func<DecideRequest, string> Of)> _fields;

    public InteractionFeatures(FeatureSchema schema)
    {
        _schema = schema;
        _fields = [.. Fields.Select(f => (Feature: schema.IndexOf(f.Name), f.Of))
            .Where(f => f.Feature >= 0 && schema.Features[f.Feature] is { Context: true, Kind: Core.Features.FeatureKind.Categorical })];
    }

    /// <summary>Sets in a row what a request tells; what it leaves out stays, and a category that the schema does not know is missing.</summary>
    public void Fill(DecideRequest request, Span<float> row)
    {
        foreach ((int feature, Func<DecideRequest, string> of) in _fields)
        {
            string value = of(request);
            if (value.Length > 0)
            {
                int code = _schema.CodeOf(feature, value);
                row[feature] = code < 0 ? float.NaN : code;
            }
        }
    }
}
