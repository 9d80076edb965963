using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Models;

/// <summary>
/// Past decisions with their outcomes, in memory. Columns: customer, proposition, decided_at (ISO 8601), channel,
/// action_probability, presented, accepted, revenue, cost, and the customer's features as they were at decided_at.
/// </summary>
public sealed class OutcomeTable
{
    // Nothing more lenient: a lone time would be today's, and 01/02/2025 is a day in January or in February.
    private static readonly string[] TimeFormats =
        ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd HH:mmK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mm:ss.FFFFFFFK"];

    private static readonly string[] Columns = ["customer", "proposition", "decided_at", "channel", "action_probability", "presented", "accepted", "revenue", "cost"];

    private OutcomeTable(string name, FeatureMatrix rows, int[] propositions, long[] decidedAt, float[] accepted, bool[] presented, ulong[] hashes, string fingerprint)
    {
        Name = name;
        Rows = rows;
        Propositions = propositions;
        DecidedAt = decidedAt;
        Accepted = accepted;
        Presented = presented;
        Hashes = hashes;
        Fingerprint = fingerprint;
    }

    /// <summary>Name of the file without its folder.</summary>
    public string Name { get; }

    /// <summary>[outcomes x features of the schema], as of the decision; context features included.</summary>
    public FeatureMatrix Rows { get; }

    /// <summary>Index of each outcome's proposition in the catalogue.</summary>
    public int[] Propositions { get; }

    /// <summary>When it was decided, Unix milliseconds.</summary>
    public long[] DecidedAt { get; }

    /// <summary>1 where the customer accepted, else 0.</summary>
    public float[] Accepted { get; }

    /// <summary>Whether the offer reached the customer; only then can it have been accepted.</summary>
    public bool[] Presented { get; }

    /// <summary><see cref="CustomerHash"/> of each customer's id, salt 0.</summary>
    public ulong[] Hashes { get; }

    /// <summary>Number of outcomes.</summary>
    public int Count => Propositions.Length;

    /// <summary>SHA-256 over the rows as read, lower-case hexadecimal.</summary>
    public string Fingerprint { get; }

    /// <summary>Reads a file to its end.</summary>
    /// <param name="table">The file; disposed here.</param>
    /// <param name="categories">Dictionary of the schema.</param>
    /// <param name="catalogue">The propositions.</param>
    /// <param name="laterFeatures">
    /// Where the file lacks features: customers whose present ones stand in for those at the time of the decision, which
    /// lets the future leak into training. Null refuses such a file.
    /// </param>
    /// <param name="rejected">Called with each row that cannot be used.</param>
    /// <param name="progress">Told the share read, 0..1 or NaN.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="InvalidDataException">A column is not there.</exception>
    public static OutcomeTable Read(CsvTable table, CategoryDictionary categories, IReadOnlyList<Proposition> catalogue,
        CustomerTable? laterFeatures, Action<RowRejection> rejected, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(categories);
        ArgumentNullException.ThrowIfNull(catalogue);
        using CsvTable disposed = table;
        int[] columns = [.. Columns.Select(table.Require)];
        FeatureSchema schema = categories.Schema;
        string[] absent = [.. schema.Features.Take(schema.CustomerCount).Select(f => f.Name).Where(f => table.IndexOf(f) < 0)];
        if (absent.Length > 0 && laterFeatures is null)
        {
            throw new InvalidDataException(
                $"{table.Name}:1: no column(s) {string.Join(", ", absent)}: outcomes need the features as they were at decided_at "
                + "(--later-features takes today's from the customer file, which lets the future leak into the propensities)");
        }

        FeatureSchema read = absent.Length == 0 ? schema : new FeatureSchema(schema.Features.Where(f => !absent.Contains(f.Name)));
        CategoryDictionary readCategories = absent.Length == 0 ? categories : new CategoryDictionary(read);
        int[] columnOf = [.. schema.Features.Select(f => read.IndexOf(f.Name))];
        CustomerFile file = CustomerFile.Open(table, readCategories, "customer", null, rejected, withContext: true);
        Dictionary<string, int> propositionIndex = catalogue.Select((p, i) => (p.Id, i)).ToDictionary(p => p.Id, p => p.i, StringComparer.Ordinal);
        List<float> values = [];
        List<int> propositions = [];
        List<long> decidedAt = [];
        List<float> accepted = [];
        List<bool> presented = [];
        List<ulong> hashes = [];
        using IncrementalHash fingerprint = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long count = 0;
        while (file.Read())
        {
            if (++count % 4096 == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(table.Progress);
            }
            string proposition = table.Text(columns[1]);
            if (!propositionIndex.TryGetValue(proposition, out int index))
            {
                file.Reject("proposition", proposition, $"not in the catalogue{NearestName.Hint(proposition, propositionIndex.Keys)}");
                continue;
            }
            if (!TryParseTime(table.Text(columns[2]), out DateTimeOffset time))
            {
                file.Reject("decided_at", table.Text(columns[2]), "expected an ISO 8601 date and time");
                continue;
            }
            if (!TryNumber(table[columns[4]], out double probability) || probability is not (> 0 and <= 1))
            {
                file.Reject("action_probability", table.Text(columns[4]), "expected a number above 0 and at most 1");
                continue;
            }
            if (!Flag(5, out bool wasPresented) || !Flag(6, out bool wasAccepted) || !Money(7) || !Money(8))
            {
                continue;
            }
            if (wasAccepted && !wasPresented)
            {
                file.Reject("accepted", table.Text(columns[6]), "accepted an offer that was not presented");
                continue;
            }
            int customer = absent.Length == 0 ? -1 : laterFeatures!.RowOf(Encoding.UTF8.GetString(file.Id));
            if (absent.Length > 0 && customer < 0)
            {
                file.Reject("customer", Encoding.UTF8.GetString(file.Id), "not in the customer file");
                continue;
            }
            for (int f = 0; f < schema.Count; f++)
            {
                values.Add(columnOf[f] >= 0 ? file.Values[columnOf[f]] : laterFeatures!.Rows[customer, f]);
            }
            fingerprint.AppendData(file.Id);
            fingerprint.AppendData(MemoryMarshal.AsBytes(file.Values));
            fingerprint.AppendData([(byte)(wasPresented ? 1 : 0), (byte)(wasAccepted ? 1 : 0), .. BitConverter.GetBytes(index), .. BitConverter.GetBytes(time.ToUnixTimeMilliseconds())]);
            propositions.Add(index);
            decidedAt.Add(time.ToUnixTimeMilliseconds());
            accepted.Add(wasAccepted ? 1 : 0);
            presented.Add(wasPresented);
            hashes.Add(CustomerHash.Of(file.Id));
        }
        FeatureMatrix rows = new(propositions.Count, schema.Count, [.. values]);
        schema.DropUnknownCategories(rows.Values);
        return new OutcomeTable(
            Path.GetFileName(table.Name), rows, [.. propositions], [.. decidedAt], [.. accepted],
            [.. presented], [.. hashes], Convert.ToHexStringLower(fingerprint.GetHashAndReset()));

        bool Flag(int column, out bool value)
        {
            bool valid = CustomerFile.TryParseBoolean(table[columns[column]], out value);
            if (!valid)
            {
                file.Reject(Columns[column], table.Text(columns[column]), "expected yes/no, true/false or 1/0");
            }
            return valid;
        }

        bool Money(int column)
        {
            bool valid = table[columns[column]].IsEmpty || (TryNumber(table[columns[column]], out double amount) && double.IsFinite(amount));
            if (!valid)
            {
                file.Reject(Columns[column], table.Text(columns[column]), "expected an amount");
            }
            return valid;
        }
    }

    /// <summary>Reads an ISO 8601 date, with or without a time; UTC unless it says otherwise.</summary>
    public static bool TryParseTime(string text, out DateTimeOffset time)
        => DateTimeOffset.TryParseExact(text, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);

    private static bool TryNumber(ReadOnlySpan<byte> text, out double value)
        => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}
