using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// Reads XGBoost's deprecated binary format, little-endian, with or without its <c>binf</c> header. Structures:
/// LearnerModelParamLegacy (136 bytes), names of objective and booster, GBTreeModelParam (160) with each tree's
/// TreeParam (148), nodes (20) and statistics (16), or DeprecatedGBLinearModelParam (136) and weights; attributes.
/// </summary>
internal sealed class XgBoostBinary(ModelFile file)
{
    private const int LearnerParameters = 136;
    private const int EnsembleParameters = 160;
    private const int TreeParameters = 148;
    private const int LinearParameters = 136;
    private const int NodeLength = 20;
    private const int StatisticsLength = 16;
    private const int LongestName = 64;

    // The highest bit of a node's feature: a missing value goes left.
    private const uint DefaultLeftBit = 1u << 31;

    // Feature of a node that pruning deleted.
    private const uint DeletedNode = uint.MaxValue;

    private int _position;

    private ReadOnlySpan<byte> Rest => file.Bytes.AsSpan(_position);

    public static XgBoostContents Read(ModelFile file) => new XgBoostBinary(file).Read();

    private XgBoostContents Read()
    {
        XgBoostContents contents = new() { Format = "binary" };
        if (Rest.StartsWith("binf"u8))
        {
            _position = 4;
        }
        ReadOnlySpan<byte> parameters = Take(LearnerParameters);
        contents.BaseScore = BinaryPrimitives.ReadSingleLittleEndian(parameters);
        contents.FeatureCount = Int32(parameters, 1);
        contents.ClassCount = Int32(parameters, 2);
        bool attributes = Int32(parameters, 3) != 0;
        (int major, int minor) = (Int32(parameters, 5), Int32(parameters, 6));
        if (major is < 0 or > 99 || minor is < 0 or > 99)
        {
            throw Error($"version {major}.{minor} is none: this is no XGBoost model");
        }
        contents.Version = new Version(major, minor, 0);
        contents.BaseScoreIsMargin = major < 1;
        contents.Objective = Name();
        contents.Booster = Name();
        switch (contents.Booster)
        {
            case "gbtree":
                ReadTrees(contents);
                break;
            case "dart":
                ReadTrees(contents);
                contents.TreeWeights = contents.TreeCount == 0 ? [] : Singles();
                break;
            case "gblinear":
                Take(LinearParameters);
                contents.LinearWeights = Singles();
                break;
            default:
                throw Error($"booster '{contents.Booster}' is not supported");
        }
        if (attributes)
        {
            ReadAttributes(contents);
        }
        return contents;
    }

    private void ReadTrees(XgBoostContents contents)
    {
        ReadOnlySpan<byte> parameters = Take(EnsembleParameters);
        contents.TreeCount = Int32(parameters, 0);
        contents.ParallelTrees = Math.Max(Int32(parameters, 1), 1);
        if (contents.TreeCount < 0 || contents.TreeCount > Rest.Length / TreeParameters)
        {
            throw Error($"{contents.TreeCount} trees are announced, but {Rest.Length} bytes follow");
        }
        for (int t = 0; t < contents.TreeCount; t++)
        {
            contents.Trees.Add(ReadTree());
        }
        contents.TreeInfo = new int[contents.TreeCount];
        ReadOnlySpan<byte> info = Take(contents.TreeCount * sizeof(int));
        for (int t = 0; t < contents.TreeCount; t++)
        {
            contents.TreeInfo[t] = Int32(info, t);
        }
    }

    private XgBoostTree ReadTree()
    {
        ReadOnlySpan<byte> parameters = Take(TreeParameters);
        int roots = Int32(parameters, 0);
        int nodes = Int32(parameters, 1);
        if (roots != 1)
        {
            throw Error($"a tree has {roots} roots, expected 1");
        }
        if (nodes < 1 || nodes > Rest.Length / (NodeLength + StatisticsLength))
        {
            throw Error($"a tree has {nodes} nodes, but {Rest.Length} bytes follow");
        }
        XgBoostTree tree = new()
        {
            NodeCount = nodes,
            LeafSize = Int32(parameters, 5),
            Left = new int[nodes],
            Right = new int[nodes],
            Features = new int[nodes],
            Conditions = new float[nodes],
            DefaultLeft = new int[nodes],
        };
        for (int n = 0; n < nodes; n++)
        {
            ReadOnlySpan<byte> node = Take(NodeLength);
            uint feature = (uint)Int32(node, 3);
            tree.Left[n] = Int32(node, 1);
            tree.Right[n] = Int32(node, 2);
            tree.Features[n] = feature == DeletedNode ? -1 : (int)(feature & ~DefaultLeftBit);
            tree.DefaultLeft[n] = (feature & DefaultLeftBit) != 0 ? 1 : 0;
            tree.Conditions[n] = BinaryPrimitives.ReadSingleLittleEndian(node[16..]);
        }
        Take(nodes * StatisticsLength);
        return tree;
    }

    private void ReadAttributes(XgBoostContents contents)
    {
        long count = Count(2 * sizeof(long));
        for (long i = 0; i < count; i++)
        {
            string key = Text(Rest.Length);
            string value = Text(Rest.Length);
            if (key == "best_iteration" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int best))
            {
                contents.BestIteration = best;
            }
        }
    }

    private float[] Singles()
    {
        float[] values = new float[Count(sizeof(float))];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
        }
        return values;
    }

    private string Name() => Text(LongestName);

    private string Text(int longest)
    {
        int length = Count(1);
        return length <= longest
            ? Encoding.UTF8.GetString(Take(length))
            : throw Error($"a name has {length} bytes, expected at most {longest}: this is no XGBoost model");
    }

    /// <summary>Reads the number of elements that follow, each of at least so many bytes.</summary>
    private int Count(int elementLength)
    {
        long count = BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));
        return count >= 0 && count <= Rest.Length / elementLength
            ? (int)count
            : throw Error($"a count is {count}, but {Rest.Length} bytes follow");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Rest.Length)
        {
            throw Error($"expected {count} bytes, but the file ends after {Rest.Length}");
        }
        ReadOnlySpan<byte> taken = Rest[..count];
        _position += count;
        return taken;
    }

    private static int Int32(ReadOnlySpan<byte> structure, int field) => BinaryPrimitives.ReadInt32LittleEndian(structure[(field * sizeof(int))..]);

    private InvalidDataException Error(string message) => file.Error($"byte {_position}: {message}");
}
