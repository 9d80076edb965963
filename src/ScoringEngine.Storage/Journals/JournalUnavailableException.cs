namespace ScoringEngine.Storage.Journals;

/// <summary>Why a journal cannot be written.</summary>
public enum JournalUnavailableReason
{
    /// <summary>The disk, or the share of it that is allowed, is full.</summary>
    OutOfSpace,

    /// <summary>Any other failure of the disk, or no right to write to it.</summary>
    InputOutput,
}

/// <summary>
/// A write was refused, or could not be made durable, because the journal cannot be written. It is tried again every second;
/// nothing has to be restarted.
/// </summary>
public sealed class JournalUnavailableException : IOException
{
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    internal JournalUnavailableException(Exception cause)
        : base($"The journal cannot be written: {cause.Message}", cause) => Reason = ReasonOf(cause);

    /// <summary>Why.</summary>
    public JournalUnavailableReason Reason { get; }

    // .NET gives errno as HResult on Unix: ENOSPC is 28 everywhere, EDQUOT 122 on Linux and 69 on BSDs.
    private static JournalUnavailableReason ReasonOf(Exception cause) => cause.HResult is WindowsDiskFull or WindowsHandleDiskFull or 28
        || (cause.HResult == 122 && OperatingSystem.IsLinux()) || (cause.HResult == 69 && OperatingSystem.IsMacOS())
        ? JournalUnavailableReason.OutOfSpace : JournalUnavailableReason.InputOutput;
}
