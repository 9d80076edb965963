using System.Text;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;
using ScoringEngine.Server.Hosting;

namespace ScoringEngine.Server.Commands;

/// <summary>Reads a file of customers in chunks, for deciding on many.</summary>
internal static class CustomerChunks
{
    /// <summary>Whether a customer, by UTF-8 id, is one to decide for.</summary>
    public delegate bool IsKnown(ReadOnlySpan<byte> id);

    /// <summary>Reads all customers that can be read; an id that comes again is rejected.</summary>
    /// <param name="path">The file; - for standard input.</param>
    /// <param name="workspace">Names the id column.</param>
    /// <param name="models">Whose features are read.</param>
    /// <param name="householdColumn">Column with the household's id; null for none.</param>
    /// <param name="interaction">Fills context features, where the file has no column for them.</param>
    /// <param name="isKnown">Rejects customers that are not; null for none.</param>
    /// <param name="rejected">Receives what cannot be read.</param>
    /// <param name="progress">Told the share read.</param>
    public static IEnumerable<CustomerChunk> Read(string path, Workspace workspace, ModelSet models, string? householdColumn, Interaction interaction,
        IsKnown? isKnown, RejectedRows rejected, IProgress<double> progress)
    {
        FeatureSchema schema = models.Schema;
        using CustomerFile file = CustomerFile.Open(
            CsvTable.Open(path, Console.OpenStandardInput()), new CategoryDictionary(schema), workspace.Schema.IdColumn, null, rejected.Add, withContext: true);
        int household = householdColumn is null ? -1 : file.Table.Require(householdColumn);
        float[] told = new float[schema.Count];
        float[] context = new float[schema.Count];
        told.AsSpan().Fill(float.NegativeInfinity);
        new InteractionFeatures(schema).Fill(interaction.ToRequest(), told);
        int[] filled = [.. Enumerable.Range(0, schema.Count).Where(f => !float.IsNegativeInfinity(told[f]) && file.Table.IndexOf(schema.Features[f].Name) < 0)];
        HashSet<string> seen = new(StringComparer.Ordinal);
        List<BatchCustomer> customers = new(CustomerChunk.Size);
        List<float> values = new(CustomerChunk.Size * schema.Count);
        while (file.Read())
        {
            string id = Encoding.UTF8.GetString(file.Id);
            if (!seen.Add(id))
            {
                file.Reject(workspace.Schema.IdColumn, id, "comes again, and is decided for once");
                continue;
            }
            if (isKnown?.Invoke(file.Id) == false)
            {
                file.Reject(workspace.Schema.IdColumn, id, "not stored in the data folder");
                continue;
            }
            file.Values.CopyTo(context);
            foreach (int f in filled)
            {
                context[f] = told[f];
            }
            customers.Add(new BatchCustomer(id, household < 0 ? "" : file.Table.Text(household)));
            values.AddRange(context);
            if (customers.Count == CustomerChunk.Size)
            {
                yield return Take();
                progress.Report(file.Progress);
            }
        }
        if (customers.Count > 0)
        {
            yield return Take();
        }

        CustomerChunk Take()
        {
            CustomerChunk chunk = new([.. customers], [.. values]);
            customers.Clear();
            values.Clear();
            return chunk;
        }
    }
}
