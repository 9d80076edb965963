using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Decisions;

/// <summary>
/// What a decision was made with, kept for its replay: the text files of the workspace and the manifest of the version, which has
/// the hashes of the version's own files. Versions never change, so they stay where they are.
/// </summary>
public static class WorkspaceArchive
{
    /// <summary>The archive of a workspace with one of its versions.</summary>
    public static ArchiveRecord Of(Workspace workspace, ModelManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(manifest);
        ArchiveRecord archive = new();
        foreach ((string name, ReadOnlyMemory<byte> content) in workspace.Source.Contents.Add(ModelManifest.FileName, Encoding.UTF8.GetBytes(manifest.ToJson())))
        {
            archive.Names.Add(name);
            archive.Contents.Add(ByteString.CopyFrom(content.Span));
        }
        archive.Hash = HashOf(archive);
        return archive;
    }

    /// <summary>The workspace as it was archived, in a folder that still has the version.</summary>
    /// <param name="archive">The archive.</param>
    /// <param name="directory">The workspace's folder.</param>
    /// <exception cref="InvalidDataException">The archive is damaged, or the version is not the archived one any more.</exception>
    /// <exception cref="WorkspaceException">Its files cannot be read by this release.</exception>
    public static (Workspace Workspace, ModelSet Models) Open(ArchiveRecord archive, string directory)
    {
        ArgumentNullException.ThrowIfNull(archive);
        ArgumentNullException.ThrowIfNull(directory);
        if (archive.Names.Count != archive.Contents.Count || archive.Hash != HashOf(archive))
        {
            throw new InvalidDataException($"workspace archive {Name(archive)}: its files do not have its hash");
        }
        ImmutableSortedDictionary<string, ReadOnlyMemory<byte>> contents = archive.Names.Zip(archive.Contents)
            .ToImmutableSortedDictionary(f => f.First, f => f.Second.Memory, StringComparer.Ordinal);
        if (!contents.TryGetValue(ModelManifest.FileName, out ReadOnlyMemory<byte> text))
        {
            throw new InvalidDataException($"workspace archive {Name(archive)}: no {ModelManifest.FileName}");
        }
        ModelManifest manifest = ModelManifest.FromJson(Encoding.UTF8.GetString(text.Span), $"workspace archive {Name(archive)}");
        Workspace workspace = Workspace.Load(new WorkspaceSource(
            Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)), contents.Remove(ModelManifest.FileName)));
        ModelSet models = ModelPackage.Load(workspace, manifest.Version);
        return models.Manifest.ToJson() == manifest.ToJson() ? (workspace, models)
            : throw new InvalidDataException($"{workspace.VersionDirectory(manifest.Version)}: another version {manifest.Version} than the one in workspace archive {Name(archive)}");
    }

    /// <summary>An archive in messages: the first digits of its hash.</summary>
    private static string Name(ArchiveRecord archive) => Convert.ToHexStringLower(archive.Hash.Span[..Math.Min(6, archive.Hash.Length)]);

    private static ByteString HashOf(ArchiveRecord archive)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string name, ByteString content) in archive.Names.Zip(archive.Contents))
        {
            Append(Encoding.UTF8.GetBytes(name));
            Append(content.Span);
        }
        return ByteString.CopyFrom(hash.GetHashAndReset());

        // With its length, so that no two lists of files hash alike.
        void Append(ReadOnlySpan<byte> bytes)
        {
            hash.AppendData(BitConverter.GetBytes((long)bytes.Length));
            hash.AppendData(bytes);
        }
    }
}
