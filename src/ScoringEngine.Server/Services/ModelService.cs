using System.Collections.Immutable;
using System.Globalization;
using Google.Rpc;
using Grpc.Core;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage.Journals;

namespace ScoringEngine.Server.Services;

/// <summary>Tells which versions the workspace has and what they consist of, and changes the served one. Thread-safe; register one instance.</summary>
internal sealed class ModelService(ModelHolder models, ModelLoader loader, TimeProvider time, ILogger<ModelService> log) : Protocol.V1.ModelService.ModelServiceBase
{
    private const int MaxPageSize = 1000;
    private const int DefaultPageSize = 100;

    // The version that was described last and is not served: it never changes, and loading takes long. One at a time.
    private readonly Lock _loading = new();
    private (Workspace Workspace, int Version, Model Model)? _described;

    /// <inheritdoc/>
    public override Task<ListModelsResponse> ListModels(ListModelsRequest request, ServerCallContext context)
    {
        Violations violations = default;
        if (request.PageSize > MaxPageSize)
        {
            violations.Add("page_size", $"{request.PageSize}, expected 0 to {MaxPageSize}");
        }
        // The token is the version at which the page starts, so that a version trained meanwhile shifts nothing.
        int first = int.MaxValue;
        if (request.PageToken.Length > 0 && !int.TryParse(request.PageToken, NumberStyles.None, CultureInfo.InvariantCulture, out first))
        {
            violations.Add("page_token", $"{Failure.Quote(request.PageToken)}, expected a next_page_token");
        }
        violations.ThrowIfAny();

        ServedModel model = models.Current;
        int size = request.PageSize == 0 ? DefaultPageSize : (int)request.PageSize;
        ImmutableArray<int> versions = [.. VersionsOf(model.Workspace).Where(v => v <= first)];
        ListModelsResponse response = new()
        {
            NextPageToken = versions.Length > size ? versions[size].ToString(CultureInfo.InvariantCulture) : "",
        };
        response.Models.AddRange(versions.Take(size).Select(v => SummaryOf(model, v)));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<GetModelResponse> GetModel(GetModelRequest request, ServerCallContext context)
    {
        ServedModel model = models.Current;
        Workspace workspace = model.Workspace;
        int served = model.Models.Manifest.Version;
        uint version = request.Version == 0 ? (uint)served : request.Version;
        bool isServed = version == served;
        if ((request.Name.Length > 0 && request.Name != workspace.Name) || (!isServed && !VersionsOf(workspace).Contains((int)version)))
        {
            string name = request.Name.Length > 0 ? request.Name : workspace.Name;
            throw Failure.Of(StatusCode.NotFound, Failure.ModelNotFound, $"no model {Failure.Quote(name)} version {version}").ToException();
        }
        return Task.FromResult(new GetModelResponse
        {
            Model = isServed ? Messages.Model(model.Models, workspace, active: true) : Describe(workspace, (int)version),
        });
    }

    /// <inheritdoc/>
    public override async Task<ReloadWorkspaceResponse> ReloadWorkspace(ReloadWorkspaceRequest request, ServerCallContext context)
    {
        ServedModel running = models.Current;
        uint version = request.Version == 0 ? (uint)running.Models.Manifest.Version : request.Version;
        if (!VersionsOf(running.Workspace).Contains((int)version))
        {
            throw Failure.Of(StatusCode.NotFound, Failure.ModelNotFound, $"no model {Failure.Quote(running.Workspace.Name)} version {version}").ToException();
        }
        try
        {
            ServedModel model = await Task.Run(() => loader.Reload(models, (int)version), context.CancellationToken);
            ServerLog.Reloaded(log, model.Workspace.Name, model.Models.Manifest.Version);
            ReloadWorkspaceResponse response = new()
            {
                Model = Messages.Summary(model.Models.Manifest, active: true),
                WorkspaceHash = Convert.ToHexStringLower(model.Archive.Hash.Span),
            };
            response.Warnings.AddRange(ModelLoader.Warnings(model, time).Select(p => p.ToString()));
            return response;
        }
        catch (WorkspaceException e)
        {
            ServerLog.ReloadRefused(log, running.Workspace.Name, e);
            PreconditionFailure problems = new();
            problems.Violations.AddRange(e.Problems.Select(p => new PreconditionFailure.Types.Violation
            {
                Type = "WORKSPACE",
                Subject = p.Line > 0 ? $"{Path.GetFileName(p.File)}:{p.Line}" : Path.GetFileName(p.File),
                Description = p.Message,
            }).Take(Violations.Limit));
            throw Failure.Of(StatusCode.FailedPrecondition, Failure.WorkspaceInvalid,
                $"the workspace has {e.Problems.Count} problems, the running one serves on: {problems.Violations[0].Subject}: {problems.Violations[0].Description}", problems).ToException();
        }
        catch (InvalidDataException e)
        {
            ServerLog.VersionUnreadable(log, running.Workspace.Name, (int)version, e);
            throw Failure.Of(StatusCode.FailedPrecondition, Failure.ModelUnusable,
                $"version {version} cannot be loaded, the running one serves on; the server's log says why").ToException();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not JournalUnavailableException)
        {
            throw Unreadable(running.Workspace, e);
        }
    }

    private Model Describe(Workspace workspace, int version)
    {
        lock (_loading)
        {
            if (_described is { } last && last.Workspace == workspace && last.Version == version)
            {
                return last.Model;
            }
            try
            {
                Model model = Messages.Model(ModelPackage.Load(workspace, version), workspace, active: false);
                _described = (workspace, version, model);
                return model;
            }
            catch (InvalidDataException e)
            {
                ServerLog.VersionUnreadable(log, workspace.Name, version, e);
                throw Failure.Of(StatusCode.FailedPrecondition, Failure.ModelUnusable,
                    $"version {version} cannot be loaded; the server's log says why").ToException();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(workspace, e);
            }
        }
    }

    private ImmutableArray<int> VersionsOf(Workspace workspace)
    {
        try
        {
            return workspace.Versions();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(workspace, e);
        }
    }

    private RpcException Unreadable(Workspace workspace, Exception reason)
    {
        ServerLog.ModelUnreadable(log, workspace.Name, reason);
        return Failure.Of(StatusCode.Unavailable, Failure.ModelUnreadable,
            $"the files of model {Failure.Quote(workspace.Name)} cannot be read; the server's log says why").ToException();
    }

    private ModelSummary SummaryOf(ServedModel model, int version)
    {
        ModelManifest served = model.Models.Manifest;
        if (version == served.Version)
        {
            return Messages.Summary(served, active: true);
        }
        try
        {
            return Messages.Summary(ModelPackage.ReadManifest(model.Workspace, version), active: false);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            ServerLog.VersionUnreadable(log, model.Workspace.Name, version, e);
            return new ModelSummary { Name = model.Workspace.Name, Version = (uint)version };
        }
    }
}
