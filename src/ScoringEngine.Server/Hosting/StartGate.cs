namespace ScoringEngine.Server.Hosting;

/// <summary>Whether the server takes calls: it listens before its customers are recovered, so that probes get an answer. Thread-safe.</summary>
internal sealed class StartGate
{
    private volatile bool _open;

    /// <summary>Whether calls are taken.</summary>
    public bool IsOpen => _open;

    /// <summary>Takes calls from now on.</summary>
    public void Open() => _open = true;
}
