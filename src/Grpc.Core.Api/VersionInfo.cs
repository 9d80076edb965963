namespace Grpc.Core;

/// <summary>The version of the gRPC packages that these contracts stand in for.</summary>
public static class VersionInfo
{
    /// <summary>The version of the assembly, which is constant for all of gRPC 2.</summary>
    public const string CurrentAssemblyVersion = "2.0.0.0";

    /// <summary>The version of the assembly's file.</summary>
    public const string CurrentAssemblyFileVersion = "2.85.0.0";

    /// <summary>The version of the packages.</summary>
    public const string CurrentVersion = "2.85.0";
}
