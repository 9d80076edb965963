namespace Grpc.Core;

/// <summary>Messages that arrive one after another. One reader at a time.</summary>
/// <typeparam name="T">The message.</typeparam>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message the last <see cref="MoveNext"/> that answered true found; undefined before it.</summary>
    T Current { get; }

    /// <summary>Waits for the next message; false at the end of the stream. An error of the call is thrown.</summary>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}

/// <summary>Messages that are sent one after another. One write at a time: await each before the next.</summary>
/// <typeparam name="T">The message.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>How the next messages are written; null for the call's own options.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Sends a message; done when the transport has taken it, which is how a slow peer holds the writer back.</summary>
    Task WriteAsync(T message);

    /// <summary>Sends a message unless cancelled first; cancelling a write cancels the call.</summary>
    /// <exception cref="NotSupportedException">The token can be cancelled and the writer cannot heed it.</exception>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException("This writer cannot cancel a write.")
        : WriteAsync(message);
}

/// <summary>The requests of a call, on the client.</summary>
/// <typeparam name="T">The request message.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Tells the server that no request follows.</summary>
    Task CompleteAsync();
}

/// <summary>The responses of a call, on the server; the stream ends when the method returns.</summary>
/// <typeparam name="T">The response message.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}

/// <summary>Shorter ways to read a stream.</summary>
public static class AsyncStreamReaderExtensions
{
    /// <summary>Waits for the next message without a way to stop waiting; false at the end of the stream.</summary>
    public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> streamReader)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return streamReader.MoveNext(CancellationToken.None);
    }
}
