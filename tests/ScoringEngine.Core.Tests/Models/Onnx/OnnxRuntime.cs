using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Tests;

namespace ScoringEngine.Core.Tests.Models.Onnx;

/// <summary>
/// The reference runtime, as the npm package onnxruntime-node of the version in <c>tests/onnxruntime/package.json</c>. It is
/// installed once into a folder of the temporary directory; a test is skipped where node, npm or the package is not to be had.
/// </summary>
internal static class OnnxRuntime
{
    private static readonly Lock Installing = new();

    /// <summary>Evaluates models; each result is the outputs, or the message of an error.</summary>
    public static (Dictionary<string, OnnxTensor>? Outputs, string? Error)[] Evaluate(
        params (byte[] Model, IReadOnlyDictionary<string, OnnxTensor> Inputs)[] cases)
    {
        string source = Path.Combine(RealData.RepositoryRoot, "tests", "onnxruntime");
        string folder = Install(source);
        string work = Directory.CreateTempSubdirectory("onnxruntime-check").FullName;
        try
        {
            JsonArray items = [];
            for (int i = 0; i < cases.Length; i++)
            {
                string path = Path.Combine(work, $"{i}.onnx");
                File.WriteAllBytes(path, cases[i].Model);
                items.Add((JsonNode)new JsonObject
                {
                    ["model"] = path,
                    ["inputs"] = new JsonObject(cases[i].Inputs.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Encode(p.Value)))),
                });
            }
            string results = Path.Combine(work, "results.json");
            File.WriteAllText(Path.Combine(work, "cases.json"), items.ToJsonString());
            (int code, string text) = Run(folder, "node", Path.Combine(source, "evaluate.js"), Path.Combine(work, "cases.json"), results);
            Assert.True(code == 0, text);
            return [.. JsonNode.Parse(File.ReadAllText(results))!.AsArray().Select(r => r!.AsObject()).Select(
                r => r.TryGetPropertyValue("error", out JsonNode? error)
                    ? ((Dictionary<string, OnnxTensor>?)null, (string?)error!.GetValue<string>())
                    : (r.ToDictionary(p => p.Key, p => Decode(p.Value!)), null))];
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static string Install(string source)
    {
        string package = Path.Combine(source, "package.json");
        string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(package)))[..16];
        string folder = Path.Combine(Path.GetTempPath(), $"scoring-engine-onnxruntime-{hash}");
        string binding = Path.Combine(folder, "node_modules", "onnxruntime-node", "bin");
        lock (Installing)
        {
            if (!Directory.Exists(binding))
            {
                string unfinished = Directory.CreateTempSubdirectory("scoring-engine-onnxruntime").FullName;
                File.Copy(package, Path.Combine(unfinished, "package.json"));
                (int code, string text) = Run(unfinished, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock");
                if (code != 0)
                {
                    Directory.Delete(unfinished, recursive: true);
                    Assert.Skip($"npm does not install onnxruntime-node: {text}");
                }
                Directory.Move(unfinished, folder);
            }
        }

        // Scripts of packages are not run, so the native library must be in the package itself.
        Assert.NotEmpty(Directory.EnumerateFiles(binding, "onnxruntime_binding.node", SearchOption.AllDirectories));
        return folder;
    }

    private static (int Code, string Text) Run(string folder, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, (text + errors.GetAwaiter().GetResult()).Trim());
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            Assert.Skip($"{program} does not start: {e.Message}");
            throw;
        }
    }

    private static JsonObject Encode(OnnxTensor tensor)
    {
        (string type, JsonNode data) = tensor switch
        {
            OnnxTensor<float> t => ("float32", Bytes(t.Values)),
            OnnxTensor<double> t => ("float64", Bytes(t.Values)),
            OnnxTensor<long> t => ("int64", Bytes(t.Values)),
            OnnxTensor<int> t => ("int32", Bytes(t.Values)),
            OnnxTensor<bool> t => ("bool", Bytes(t.Values)),
            OnnxTensor<string> t => ("string", new JsonArray([.. t.Values.Select(v => (JsonNode)v)])),
            _ => throw new NotSupportedException($"{tensor.ElementType}"),
        };
        return new JsonObject { ["type"] = type, ["dims"] = new JsonArray([.. tensor.Dimensions.Select(d => (JsonNode)d)]), ["data"] = data };

        static JsonNode Bytes<T>(T[] values) where T : unmanaged => Convert.ToBase64String(MemoryMarshal.AsBytes<T>(values));
    }

    private static OnnxTensor Decode(JsonNode node)
    {
        ImmutableArray<int> dimensions = [.. node["dims"]!.AsArray().Select(d => d!.GetValue<int>())];
        JsonNode data = node["data"]!;
        return node["type"]!.GetValue<string>() switch
        {
            "float32" => Numbers<float>(),
            "float64" => Numbers<double>(),
            "int64" => Numbers<long>(),
            "int32" => Numbers<int>(),
            "uint32" => Numbers<uint>(),
            "bool" => Numbers<bool>(),
            "string" => new OnnxTensor<string>([.. data.AsArray().Select(v => v!.GetValue<string>())], dimensions),
            string type => throw new NotSupportedException(type),
        };

        OnnxTensor<T> Numbers<T>() where T : unmanaged
            => new(MemoryMarshal.Cast<byte, T>(Convert.FromBase64String(data.GetValue<string>())).ToArray(), dimensions);
    }
}
