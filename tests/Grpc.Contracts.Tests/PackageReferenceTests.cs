using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;

namespace Grpc.Contracts.Tests;

/// <summary>
/// The packages' assemblies were compiled against contract assemblies that are not ours. Every type and member they refer
/// to must exist here with the same signature, else a call fails only when it first gets there: after an upgrade of the
/// packages these tests say what is missing.
/// </summary>
public class PackageReferenceTests
{
    private static readonly Assembly[] Contracts = [typeof(Metadata).Assembly, typeof(ICompressionProvider).Assembly];

    public static TheoryData<string> Packages =>
        [typeof(GrpcServiceOptions).Assembly.GetName().Name!, typeof(GrpcChannel).Assembly.GetName().Name!];

    [Theory]
    [MemberData(nameof(Packages))]
    public void ContractAssemblies_Identity_IsTheOneThePackagesBindTo(string package)
    {
        using PEReader file = Open(Assembly.Load(package));
        MetadataReader reader = file.GetMetadataReader();

        Dictionary<string, string> bound = reader.AssemblyReferences
            .Select(handle => reader.GetAssemblyReference(handle).GetAssemblyName())
            .Where(name => name.Name!.StartsWith("Grpc.", StringComparison.Ordinal))
            .ToDictionary(name => name.Name!, name => name.FullName);

        Assert.Equal(Contracts.Select(contract => contract.FullName).Order(), bound.Values.Order());
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void ContractAssemblies_EveryTypeReference_Resolves(string package)
    {
        using PEReader file = Open(Assembly.Load(package));
        MetadataReader reader = file.GetMetadataReader();
        HashSet<string> defined = [.. Contracts.SelectMany(DefinedTypes)];

        List<string> referenced = [.. reader.TypeReferences
            .Where(handle => IsContract(ScopeOf(reader, handle)))
            .Select(handle => $"[{ScopeOf(reader, handle)}]{Names.Instance.GetTypeFromReference(reader, handle, 0)}")];

        AssertDefined(referenced, defined);
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void ContractAssemblies_EveryMemberReference_Resolves(string package)
    {
        using PEReader file = Open(Assembly.Load(package));
        MetadataReader reader = file.GetMetadataReader();
        HashSet<string> defined = [.. Contracts.SelectMany(DefinedMembers)];

        List<string> referenced = [];
        foreach (MemberReference member in reader.MemberReferences.Select(reader.GetMemberReference))
        {
            if (GenericDefinitionOf(reader, member.Parent) is { } type && IsContract(ScopeOf(reader, type)))
            {
                string signature = member.GetKind() == MemberReferenceKind.Method
                    ? Describe(member.DecodeMethodSignature(Names.Instance, null))
                    : member.DecodeFieldSignature(Names.Instance, null);
                referenced.Add(
                    $"{Names.Instance.GetTypeFromReference(reader, type, 0)}.{reader.GetString(member.Name)} {signature}");
            }
        }

        AssertDefined(referenced, defined);
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void PackageTypes_ThatDeriveFromContracts_LoadAndOverrideOurMembers(string package)
    {
        const BindingFlags Declared =
            BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        Assembly assembly = Assembly.Load(package);

        // Loading a type fails if it leaves a member of its bases or interfaces unimplemented.
        List<MethodInfo> overrides = [.. assembly.GetTypes()
            .Where(type => type.BaseType is not null && Contracts.Contains(type.BaseType.Assembly))
            .SelectMany(type => type.GetMethods(Declared))
            .Where(method => method.IsVirtual && !method.Attributes.HasFlag(MethodAttributes.NewSlot))];

        Assert.NotEmpty(overrides);
        Assert.DoesNotContain(overrides, method => method.GetBaseDefinition().DeclaringType!.Assembly == assembly);
    }

    [Fact]
    public void VersionInfo_CurrentVersion_IsThePackages()
    {
        Version package = typeof(GrpcChannel).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>() is { } version
            ? Version.Parse(version.Version)
            : throw new InvalidOperationException("Grpc.Net.Client has no file version.");

        Assert.Equal(VersionInfo.CurrentVersion, package.ToString(3));
        Assert.Equal(VersionInfo.CurrentAssemblyVersion, typeof(VersionInfo).Assembly.GetName().Version!.ToString());
        Assert.Equal(
            VersionInfo.CurrentAssemblyFileVersion,
            typeof(VersionInfo).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()!.Version);
    }

    /// <summary>Names everything that is missing, whole: a failure here is a list of what to write.</summary>
    private static void AssertDefined(List<string> referenced, HashSet<string> defined)
    {
        Assert.NotEmpty(referenced);
        List<string> missing = [.. referenced.Except(defined)];
        Assert.True(missing.Count == 0, $"Missing in the contracts:\n{string.Join('\n', missing)}");
    }

    private static PEReader Open(Assembly assembly) => new(File.OpenRead(assembly.Location));

    private static bool IsContract(string assembly) => Contracts.Any(contract => contract.GetName().Name == assembly);

    /// <summary>The name of the assembly that a type reference leads to; empty for this module itself.</summary>
    private static string ScopeOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        EntityHandle scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => ScopeOf(reader, (TypeReferenceHandle)scope),
            HandleKind.AssemblyReference =>
                reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name),
            _ => "",
        };
    }

    /// <summary>The referenced type whose member is meant, without its type arguments; null for types of the module itself.</summary>
    private static TypeReferenceHandle? GenericDefinitionOf(MetadataReader reader, EntityHandle parent)
    {
        if (parent.Kind == HandleKind.TypeReference)
        {
            return (TypeReferenceHandle)parent;
        }
        if (parent.Kind != HandleKind.TypeSpecification)
        {
            return null;
        }
        BlobReader blob = reader.GetBlobReader(reader.GetTypeSpecification((TypeSpecificationHandle)parent).Signature);
        if (blob.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance)
        {
            return null;
        }
        blob.ReadSignatureTypeCode();
        EntityHandle definition = blob.ReadTypeHandle();
        return definition.Kind == HandleKind.TypeReference ? (TypeReferenceHandle)definition : null;
    }

    private static IEnumerable<string> DefinedTypes(Assembly contract) =>
        contract.GetExportedTypes().Select(type => $"[{contract.GetName().Name}]{type.FullName!.Replace('+', '/')}");

    /// <summary>Every public or protected method and field of the contract's public types.</summary>
    private static List<string> DefinedMembers(Assembly contract)
    {
        using PEReader file = Open(contract);
        MetadataReader reader = file.GetMetadataReader();
        HashSet<string> exported = [.. contract.GetExportedTypes().Select(type => type.FullName!.Replace('+', '/'))];
        List<string> members = [];
        foreach (TypeDefinitionHandle handle in reader.TypeDefinitions)
        {
            string type = Names.Instance.GetTypeFromDefinition(reader, handle, 0);
            if (!exported.Contains(type))
            {
                continue;
            }
            TypeDefinition definition = reader.GetTypeDefinition(handle);
            members.AddRange(definition.GetMethods().Select(reader.GetMethodDefinition)
                .Where(method => (method.Attributes & MethodAttributes.MemberAccessMask)
                    is MethodAttributes.Public or MethodAttributes.Family or MethodAttributes.FamORAssem)
                .Select(method => $"{type}.{reader.GetString(method.Name)} " +
                    Describe(method.DecodeSignature(Names.Instance, null))));
            members.AddRange(definition.GetFields().Select(reader.GetFieldDefinition)
                .Where(field => (field.Attributes & FieldAttributes.FieldAccessMask)
                    is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem)
                .Select(field => $"{type}.{reader.GetString(field.Name)} {field.DecodeSignature(Names.Instance, null)}"));
        }
        return members;
    }

    private static string Describe(MethodSignature<string> signature) =>
        $"{(signature.Header.IsInstance ? "" : "static ")}{signature.ReturnType} `{signature.GenericParameterCount}" +
        $"({string.Join(", ", signature.ParameterTypes)})";

    /// <summary>Writes the types of a signature as text that is the same on the referring and on the defining side.</summary>
    private sealed class Names : ISignatureTypeProvider<string, object?>
    {
        public static readonly Names Instance = new();

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
        {
            TypeReference type = reader.GetTypeReference(handle);
            string name = Qualify(reader, type.Namespace, type.Name);
            return type.ResolutionScope.Kind == HandleKind.TypeReference
                ? $"{GetTypeFromReference(reader, (TypeReferenceHandle)type.ResolutionScope, 0)}/{name}"
                : name;
        }

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            string name = Qualify(reader, type.Namespace, type.Name);
            return type.GetDeclaringType() is { IsNil: false } outer
                ? $"{GetTypeFromDefinition(reader, outer, 0)}/{name}"
                : name;
        }

        public string GetTypeFromSpecification(
            MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) =>
            $"{genericType}<{string.Join(",", typeArguments)}>";

        public string GetGenericTypeParameter(object? genericContext, int index) => $"!{index}";

        public string GetGenericMethodParameter(object? genericContext, int index) => $"!!{index}";

        public string GetSZArrayType(string elementType) => $"{elementType}[]";

        public string GetArrayType(string elementType, ArrayShape shape) => $"{elementType}[{shape.Rank}]";

        public string GetByReferenceType(string elementType) => $"{elementType}&";

        public string GetPointerType(string elementType) => $"{elementType}*";

        public string GetPinnedType(string elementType) => elementType;

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) =>
            $"{unmodifiedType} {(isRequired ? "modreq" : "modopt")}({modifier})";

        public string GetFunctionPointerType(MethodSignature<string> signature) => $"function {Describe(signature)}";

        private static string Qualify(MetadataReader reader, StringHandle space, StringHandle name) =>
            space.IsNil ? reader.GetString(name) : $"{reader.GetString(space)}.{reader.GetString(name)}";
    }
}
