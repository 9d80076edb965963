namespace Grpc.Core;

/// <summary>What a call made on behalf of a server call inherits from it.</summary>
public class ContextPropagationOptions
{
    /// <summary>Deadline and cancellation.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>Chooses what is inherited.</summary>
    public ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
    {
        IsPropagateDeadline = propagateDeadline;
        IsPropagateCancellation = propagateCancellation;
    }

    /// <summary>Whether the deadline is inherited.</summary>
    public bool IsPropagateDeadline { get; }

    /// <summary>Whether cancellation is inherited.</summary>
    public bool IsPropagateCancellation { get; }
}

/// <summary>
/// Ties a call to the server call it is made for. The ASP.NET Core server makes none: pass the server call's deadline and
/// cancellation token on instead.
/// </summary>
public abstract class ContextPropagationToken
{
    /// <summary>Only for transports.</summary>
    protected ContextPropagationToken()
    {
    }
}
