using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;

namespace ScoringEngine.Core.Scoring;

/// <summary>Takes a customer of a file with the segment that a model gives.</summary>
/// <param name="id">UTF-8; valid during the call.</param>
/// <param name="segment">Index among the model's segments.</param>
/// <param name="profit">Expected profit; NaN where the model has none.</param>
public delegate void SegmentedCustomer(ReadOnlySpan<byte> id, int segment, float profit);

/// <summary>Goes once through a file of customers and assigns each to a segment; memory does not grow with the file.</summary>
public static class SegmentScan
{
    private const int BlockRows = 256;

    /// <summary>Reads the file to its end.</summary>
    /// <param name="models">The models.</param>
    /// <param name="file">Opened with context and the models' schema.</param>
    /// <param name="include">Whether the customer that the file stands at is wanted.</param>
    /// <param name="customer">Called with each customer that is, in the file's order.</param>
    /// <param name="progress">Told the share read, 0..1 or NaN.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static void Run(ModelSet models, CustomerFile file, Func<CustomerFile, bool> include, SegmentedCustomer customer,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(include);
        ArgumentNullException.ThrowIfNull(customer);
        Scorer scorer = new(models, propositions: []);
        ScoreBlock block = scorer.CreateBlock(BlockRows);
        byte[] ids = new byte[BlockRows * FeatureSchema.MaxIdBytes];
        int[] lengths = new int[BlockRows];
        int count = 0;
        while (file.Read())
        {
            if (!include(file))
            {
                continue;
            }
            file.Id.CopyTo(ids.AsSpan(count * FeatureSchema.MaxIdBytes));
            lengths[count] = file.Id.Length;
            file.Values.CopyTo(block.Row(count));
            if (++count == BlockRows)
            {
                Flush();
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(file.Progress);
            }
        }
        Flush();

        void Flush()
        {
            scorer.Score(block, count);
            for (int r = 0; r < count; r++)
            {
                customer(ids.AsSpan(r * FeatureSchema.MaxIdBytes, lengths[r]), block.SegmentIndexes[r], block.Profits[r]);
            }
            count = 0;
        }
    }
}
