using ScoringEngine.Core.Features;
using ScoringEngine.Storage.Schemas;

namespace ScoringEngine.Storage.Tests.Schemas;

/// <summary>Features and schemas in a few words.</summary>
internal static class Columns
{
    public static Feature Number(int id, string name) => new() { Id = id, Name = name, Kind = FeatureKind.Numeric };

    public static Feature Flag(int id, string name) => new() { Id = id, Name = name, Kind = FeatureKind.Boolean };

    public static Feature Category(int id, string name, params string[] categories)
        => new() { Id = id, Name = name, Kind = FeatureKind.Categorical, Categories = [.. categories] };

    public static FeatureSchema Schema(params Feature[] features) => new(features);
}

/// <summary>Keeps payloads in the order they come, as a journal does; fails on command.</summary>
internal sealed class SchemaRecords : ISchemaLog
{
    private readonly Lock _append = new();

    public List<(bool IsVersion, byte[] Payload)> Payloads { get; } = [];

    public bool Fails { get; set; }

    /// <summary>Called with each payload that was taken, before its addition is seen.</summary>
    public Action? Added { get; init; }

    public void Version(ReadOnlySpan<byte> payload) => Add(true, payload);

    public void Category(ReadOnlySpan<byte> payload) => Add(false, payload);

    /// <summary>The schemas that a recovery makes of the payloads.</summary>
    public StoredSchemas Replay(StoredSchemas? onto = null)
    {
        StoredSchemas schemas = onto ?? new StoredSchemas();
        foreach ((bool isVersion, byte[] payload) in Payloads)
        {
            if (isVersion)
            {
                schemas.LoadVersion(payload);
            }
            else
            {
                schemas.LoadCategory(payload);
            }
        }
        return schemas;
    }

    private void Add(bool isVersion, ReadOnlySpan<byte> payload)
    {
        if (Fails)
        {
            throw new IOException("no space left on device");
        }
        lock (_append)
        {
            Payloads.Add((isVersion, payload.ToArray()));
        }
        Added?.Invoke();
    }
}
