using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using ScoringEngine.Storage.Snapshots;

namespace ScoringEngine.Server.Services;

/// <summary>Looks after what the customer store keeps on disk. Thread-safe; register one instance.</summary>
internal sealed class DataService(CustomerDatabase database, ServerOptions options) : Protocol.V1.DataService.DataServiceBase
{
    /// <inheritdoc/>
    public override Task<GetDataStatisticsResponse> GetDataStatistics(GetDataStatisticsRequest request, ServerCallContext context)
        => Task.FromResult(new GetDataStatisticsResponse { Statistics = Statistics() });

    /// <inheritdoc/>
    public override async Task<CompactDataResponse> CompactData(CompactDataRequest request, ServerCallContext context)
    {
        RequireDirectory();
        await database.CompactAsync(context.CancellationToken);
        return new CompactDataResponse { Statistics = Statistics() };
    }

    /// <inheritdoc/>
    public override async Task<BackupDataResponse> BackupData(BackupDataRequest request, ServerCallContext context)
    {
        RequireDirectory();
        if (!Path.IsPathFullyQualified(request.Folder))
        {
            throw Invalid($"{Failure.Quote(request.Folder)}, expected an absolute path");
        }
        try
        {
            BackupInfo backup = await database.BackupAsync(request.Folder, context.CancellationToken);
            return new BackupDataResponse
            {
                Sequence = backup.Sequence,
                CustomerCount = (ulong)backup.Customers,
                ByteCount = (ulong)backup.Bytes,
            };
        }
        catch (DataDirectoryException e)
        {
            throw Invalid(e.Message);
        }
    }

    private static RpcException Invalid(string description)
    {
        Violations violations = default;
        violations.Add("folder", description);
        return violations.ToStatus().ToException();
    }

    private void RequireDirectory()
    {
        if (!database.IsDurable)
        {
            throw Failure.Of(StatusCode.FailedPrecondition, Failure.NoDataDirectory,
                "customers are in memory only; serve --data FOLDER keeps them").ToException();
        }
    }

    private DataStatistics Statistics()
    {
        CustomerDatabaseStatistics now = database.Statistics;
        DataStatistics message = new()
        {
            CustomerCount = (ulong)now.Store.Customers,
            MemoryBytes = (ulong)now.Store.MemoryBytes,
            IndexBytes = (ulong)now.Store.IndexBytes,
            IndexOutgrown = now.Store.IndexOutgrown,
            SpilledBytes = (ulong)now.Store.DiskBytes,
            Durability = DurabilityOf(),
            CommittedSequence = now.CommittedSequence,
        };
        if (database.IsDurable)
        {
            message.DataDirectory = Path.GetFullPath(options.DataDirectory!);
            message.JournalBytes = (ulong)now.JournalBytes;
            message.SnapshotTime = now.Snapshots is [SnapshotInfo newest, ..] ? Timestamp.FromDateTimeOffset(newest.CreatedAt) : null;
            message.RecoveryDuration = Duration.FromTimeSpan(now.RecoveryTime);
        }
        message.Fault = (now.JournalFault ?? now.StoreFault ?? now.SnapshotFault)?.Message ?? "";
        return message;
    }

    private Durability DurabilityOf() => !database.IsDurable ? Durability.Memory : options.Durability switch
    {
        Storage.Journals.Durability.Commit => Durability.Commit,
        Storage.Journals.Durability.Interval => Durability.Interval,
        Storage.Journals.Durability.None => Durability.None,
        _ => throw new InvalidOperationException($"no message for {options.Durability}"),
    };
}
