using System.Reflection;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Storage.Tests;

/// <summary>Pins the direction of dependencies, Server -> Storage -> Core, by what the compiled assemblies refer to.</summary>
public class ArchitectureTests
{
    [Fact]
    public void Core_References_OnlyPureLibraries()
    {
        string[] references = References(typeof(FeatureSchema).Assembly);
        Assert.DoesNotContain(references, name => name.StartsWith("FASTER", StringComparison.Ordinal)
            || name.StartsWith("ScoringEngine.", StringComparison.Ordinal) || IsServing(name) || IsHosting(name));
    }

    [Fact]
    public void Storage_References_CoreAndFasterButNoServing()
    {
        string[] references = References(typeof(CustomerStore).Assembly);
        Assert.Contains("ScoringEngine.Core", references);
        Assert.Contains("FASTER.core", references);
        Assert.DoesNotContain("ScoringEngine.Server", references);
        Assert.DoesNotContain(references, IsServing);
    }

    private static bool IsServing(string name) => name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)
        || name.StartsWith("Grpc.", StringComparison.Ordinal);

    private static bool IsHosting(string name) => name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal)
        || name.StartsWith("System.Net.", StringComparison.Ordinal);

    private static string[] References(Assembly assembly) => [.. assembly.GetReferencedAssemblies().Select(reference => reference.Name ?? "")];
}
