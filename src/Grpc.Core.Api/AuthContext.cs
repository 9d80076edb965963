using System.Text;

namespace Grpc.Core;

/// <summary>What a server knows of its peer's identity; immutable.</summary>
public class AuthContext
{
    private readonly Dictionary<string, List<AuthProperty>> _properties;

    /// <summary>An identity.</summary>
    /// <param name="peerIdentityPropertyName">Which property identifies the peer; null when it is not authenticated.</param>
    /// <param name="properties">The properties by name; kept, not copied.</param>
    /// <exception cref="ArgumentNullException"><paramref name="properties"/> is null.</exception>
    public AuthContext(string? peerIdentityPropertyName, Dictionary<string, List<AuthProperty>> properties)
    {
        ArgumentNullException.ThrowIfNull(properties);
        PeerIdentityPropertyName = peerIdentityPropertyName;
        _properties = properties;
    }

    /// <summary>Whether the peer is authenticated.</summary>
    public bool IsPeerAuthenticated => PeerIdentityPropertyName is not null;

    /// <summary>Which property identifies the peer; null when it is not authenticated.</summary>
    public string? PeerIdentityPropertyName { get; }

    /// <summary>The properties that identify the peer; empty when it is not authenticated.</summary>
    public IEnumerable<AuthProperty> PeerIdentity =>
        PeerIdentityPropertyName is null ? [] : FindPropertiesByName(PeerIdentityPropertyName);

    /// <summary>Every property.</summary>
    public IEnumerable<AuthProperty> Properties => _properties.Values.SelectMany(values => values);

    /// <summary>The properties of a name; empty when there are none.</summary>
    public IEnumerable<AuthProperty> FindPropertiesByName(string propertyName) =>
        _properties.TryGetValue(propertyName, out List<AuthProperty>? values) ? values : [];
}

/// <summary>One property of a peer's identity; immutable.</summary>
public class AuthProperty
{
    private readonly byte[] _valueBytes;

    private AuthProperty(string name, byte[] valueBytes)
    {
        Name = name;
        _valueBytes = valueBytes;
    }

    /// <summary>The name, such as "x509_common_name".</summary>
    public string Name { get; }

    /// <summary>The value, read as UTF-8.</summary>
    public string Value => Encoding.UTF8.GetString(_valueBytes);

    /// <summary>A new copy of the value's bytes.</summary>
    public byte[] ValueBytes => [.. _valueBytes];

    /// <summary>A property; the bytes are copied.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static AuthProperty Create(string name, byte[] valueBytes)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(valueBytes);
        return new AuthProperty(name, [.. valueBytes]);
    }
}
