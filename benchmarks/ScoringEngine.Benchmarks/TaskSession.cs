using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json.Nodes;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;
using ScoringEngine.Storage;

namespace ScoringEngine.Benchmarks;

/// <summary>
/// Runs tasks for another process, one line in, one line out, so that comparisons can alternate between engines without
/// a process's start in any time: a line in is a JSON object with "task" and its arguments, a line out one with "seconds"
/// and whatever else the task yields. Matrices are files of row-major little-endian float32, read once and not timed;
/// tasks use all processors unless they say otherwise.
/// </summary>
internal sealed class TaskSession
{
    // Rows a thread takes at a time: enough to be cheap to hand out, few enough to end together.
    private const int PieceRows = 16 * 1024;

    private readonly Dictionary<string, float[]> _files = [];

    // Outputs are used again, as by any caller with many batches: fresh memory would be measured with the first touch of its pages.
    private int[] _segments = [];
    private float[] _margins = [];
    private (RowPredictor Predict, int ScratchLength)? _trees;
    private CustomerStore? _store;
    private StoreWorkload? _workload;

    /// <summary>Raw rows in, a margin each out.</summary>
    private delegate void RowPredictor(ReadOnlySpan<float> rows, int rowCount, int rowStride, Span<float> margins, Span<byte> scratch);

    private (RowPredictor Predict, int ScratchLength) Trees => _trees ?? throw new InvalidOperationException("no trees were trained yet");

    private StoreWorkload Workload => _workload ?? throw new InvalidOperationException("no store was loaded yet");

    /// <summary>Answers until the input ends.</summary>
    public static void Run(TextReader input, TextWriter output)
    {
        TaskSession session = new();
        while (input.ReadLine() is { } line)
        {
            JsonObject task = JsonNode.Parse(line)!.AsObject();
            output.WriteLine(session.Answer(task).ToJsonString());
            output.Flush();
        }
    }

    private JsonObject Answer(JsonObject task) => Text(task, "task") switch
    {
        "about" => About(),
        "k-means-fit" => FitClusters(task),
        "segment-assign" => AssignSegments(task),
        "tree-train" => TrainTrees(task),
        "tree-predict" => PredictTrees(task),
        "tree-predict-row" => PredictRows(task),
        "store-load" => LoadStore(task),
        "store-update" => new JsonObject { ["seconds"] = Workload.Update(Number(task, "operations")) },
        "store-read" => new JsonObject { ["seconds"] = Workload.Read(Number(task, "operations")) },
        "store-read-many" => new JsonObject { ["seconds"] = Workload.ReadMany(Number(task, "operations")) },
        "store-scan" => new JsonObject { ["seconds"] = Workload.Scan() },
        "store-close" => CloseStore(),
        string name => throw new InvalidDataException($"unknown task '{name}'"),
    };

    private static JsonObject About() => new()
    {
        ["seconds"] = 0,
        ["engine"] = typeof(FeatureMatrix).Assembly.GetName().Version!.ToString(3),
        ["runtime"] = RuntimeInformation.FrameworkDescription,
        ["vector_bits"] = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128,
    };

    /// <summary>points, columns, k, seed: one start of k-means.</summary>
    private JsonObject FitClusters(JsonObject task)
    {
        FeatureMatrix points = Matrix(task, "points");
        KMeansOptions options = new() { K = Number(task, "k"), Starts = 1, Seed = Number(task, "seed") };
        long start = Stopwatch.GetTimestamp();
        KMeansResult result = KMeans.Fit(points, options);
        return new JsonObject
        {
            ["seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds,
            ["centroids"] = new JsonArray([.. result.Centroids.Select(c => (JsonNode)c)]),
        };
    }

    /// <summary>
    /// rows, columns, centroids, output: the nearest centroid of each row, int32. The centroids are in the rows' units; the
    /// model standardises each row, alike in all columns so that distances keep their order.
    /// </summary>
    private JsonObject AssignSegments(JsonObject task)
    {
        const float Mean = 0.1f;
        const float Scale = 1.1f;
        FeatureMatrix rows = Matrix(task, "rows");
        float[] centroids = [.. task["centroids"]!.AsArray().Select(c => (float)(((double)c! - Mean) * Scale))];
        int k = centroids.Length / rows.Columns;
        SegmentModel model = new(
            new SegmentEncoding([.. Enumerable.Range(0, rows.Columns).Select(f => new SegmentDimension(f, -1, Log1P: false, Mean, Scale))]),
            [.. centroids],
            [.. Enumerable.Range(1, k).Select(id => new Segment { Id = id, Name = $"segment {id}", Description = "", Size = 1, Share = 1.0 / k })],
            k + 1);
        Array.Resize(ref _segments, rows.Rows);
        double seconds = InPieces(rows.Rows, () => new float[model.ScratchLength], (from, count, scratch) =>
            model.Assign(rows.Values.AsSpan(from * rows.Columns), count, rows.Columns, _segments.AsSpan(from, count), [], [], scratch));
        return Done(task, seconds, MemoryMarshal.AsBytes<int>(_segments));
    }

    /// <summary>
    /// rows, columns, categories (by column, 0 for a number), targets, loss, trees, depth, learning_rate: from raw rows to
    /// trees, which later tasks use, on top of a linear stage where that helps.
    /// </summary>
    private JsonObject TrainTrees(JsonObject task)
    {
        FeatureMatrix rows = Matrix(task, "rows");
        FeatureSchema schema = Schema(rows.Columns, task["categories"] as JsonArray);
        float[] targets = Values(Text(task, "targets"));
        TreeTrainingOptions options = new()
        {
            Loss = Text(task, "loss") == "logistic" ? new LogisticLoss() : new SquaredLoss(),
            Trees = Number(task, "trees"),
            Depth = Number(task, "depth"),
            LearningRate = (double)task["learning_rate"]!,
        };
        long start = Stopwatch.GetTimestamp();
        Quantiser quantiser = Quantiser.Fit(schema, rows);
        IRowModel model = BoostedTrainer.Train(rows, new LabelledRows(quantiser.Quantise(rows), targets), options: options).Model;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _trees = model is BoostedModel boosted
            ? ((rows, count, stride, margins, scratch) => boosted.PredictMargins(quantiser, rows, count, stride, margins, scratch), boosted.Trees.ScratchLength)
            : ((rows, count, stride, margins, scratch) => ((ObliviousEnsemble)model).PredictMargins(quantiser, rows, count, stride, margins, scratch),
                ((ObliviousEnsemble)model).ScratchLength);
        return new JsonObject { ["seconds"] = seconds, ["linear_stage"] = model is BoostedModel };
    }

    /// <summary>rows, columns, output: the margin of each row, float32.</summary>
    private JsonObject PredictTrees(JsonObject task)
    {
        FeatureMatrix rows = Matrix(task, "rows");
        (RowPredictor predict, int scratchLength) = Trees;
        Array.Resize(ref _margins, rows.Rows);
        double seconds = InPieces(rows.Rows, () => new byte[scratchLength], (from, count, scratch) =>
            predict(rows.Values.AsSpan(from * rows.Columns), count, rows.Columns, _margins.AsSpan(from, count), scratch));
        return Done(task, seconds, MemoryMarshal.AsBytes<float>(_margins));
    }

    /// <summary>rows, columns: the margins one row after the other on one thread; the seconds are those of a row.</summary>
    private JsonObject PredictRows(JsonObject task)
    {
        FeatureMatrix rows = Matrix(task, "rows");
        (RowPredictor predict, int scratchLength) = Trees;
        byte[] scratch = new byte[scratchLength];
        float[] margin = new float[1];
        long start = Stopwatch.GetTimestamp();
        for (int r = 0; r < rows.Rows; r++)
        {
            predict(rows.Row(r), 1, rows.Columns, margin, scratch);
        }
        return new JsonObject { ["seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds / rows.Rows };
    }

    /// <summary>customers, threads: an empty store takes the customers, which later tasks use; and the bytes it then takes.</summary>
    private JsonObject LoadStore(JsonObject task)
    {
        int customers = Number(task, "customers");
        // Well above the 160 bytes of a record: none goes to disk.
        _store = new CustomerStore(new CustomerStoreOptions { ExpectedCustomers = customers, MemoryBytes = (64L << 20) + (customers * 240L) });
        _workload = new StoreWorkload(_store, customers, Number(task, "threads"));
        double seconds = _workload.Load();
        CustomerStoreStatistics statistics = _store.Statistics;
        return new JsonObject
        {
            ["seconds"] = seconds,
            ["customers"] = statistics.Customers,
            ["record_bytes"] = statistics.LogBytes,
            ["index_bytes"] = statistics.IndexBytes,
            ["disk_bytes"] = statistics.DiskBytes,
        };
    }

    private JsonObject CloseStore()
    {
        _store?.Dispose();
        _store = null;
        _workload = null;
        return new JsonObject { ["seconds"] = 0 };
    }

    private static double InPieces<TScratch>(int rows, Func<TScratch> scratch, Action<int, int, TScratch> work)
    {
        long start = Stopwatch.GetTimestamp();
        Parallel.For(0, (rows + PieceRows - 1) / PieceRows, scratch, (piece, _, own) =>
        {
            int from = piece * PieceRows;
            work(from, Math.Min(PieceRows, rows - from), own);
            return own;
        }, _ => { });
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static JsonObject Done(JsonObject task, double seconds, ReadOnlySpan<byte> result)
    {
        File.WriteAllBytes(Text(task, "output"), result);
        return new JsonObject { ["seconds"] = seconds };
    }

    private static FeatureSchema Schema(int columns, JsonArray? categories) => new(Enumerable.Range(0, columns).Select(f =>
    {
        int codes = categories is null ? 0 : (int)categories[f]!;
        return new Feature
        {
            Id = f + 1,
            Name = $"x{f}",
            Kind = codes == 0 ? FeatureKind.Numeric : FeatureKind.Categorical,
            Categories = [.. Enumerable.Range(0, codes).Select(code => $"{code}")],
        };
    }));

    private FeatureMatrix Matrix(JsonObject task, string name)
    {
        float[] values = Values(Text(task, name));
        int columns = Number(task, "columns");
        return new FeatureMatrix(values.Length / columns, columns, values);
    }

    private float[] Values(string path)
    {
        if (!_files.TryGetValue(path, out float[]? values))
        {
            using FileStream file = File.OpenRead(path);
            values = new float[file.Length / sizeof(float)];
            file.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            _files.Add(path, values);
        }
        return values;
    }

    private static string Text(JsonObject task, string name)
        => (string?)task[name] ?? throw new InvalidDataException($"a task without '{name}': {task.ToJsonString()}");

    private static int Number(JsonObject task, string name)
        => (int?)task[name] ?? throw new InvalidDataException($"a task without '{name}': {task.ToJsonString()}");
}
