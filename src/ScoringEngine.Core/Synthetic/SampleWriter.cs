namespace ScoringEngine.Core.Synthetic;

/// <summary>
/// Writes a synthetic customer base as four files, RFC 4180 in UTF-8, missing values empty:
/// <c>customers.csv</c> (features, annual revenue and cost), <c>outcomes.csv</c> (past randomised offers with the
/// features as of the decision), <c>survey.csv</c> (needs as stated by a random part of the customers) and
/// <c>truth.csv</c> (segment, expected profit, value and probability of each proposition in the default channel).
/// The bytes depend on the seed and the number of customers only; a smaller sample is a prefix of a larger one, except
/// for who is surveyed.
/// </summary>
public static class SampleWriter
{
    /// <summary>Customers to a block: the unit of work, and of the sums behind the ceilings.</summary>
    private const int BlockSize = 4096;

    internal static readonly string[] Files = ["customers.csv", "outcomes.csv", "truth.csv", "survey.csv"];

    /// <summary>Writes the customers 0..<paramref name="customers"/>-1 of a world.</summary>
    /// <param name="world">The world.</param>
    /// <param name="customers">Number of customers, at least 1.</param>
    /// <param name="directory">Folder for the files; made if absent, files of the same names are replaced.</param>
    /// <param name="progress">Told the share that is done, 0..1, now and then; null for none.</param>
    /// <param name="cancellationToken">Stops the work; files then keep the suffix <c>.partial</c>.</param>
    /// <returns>Counts and ceilings.</returns>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static SampleSummary Write(
        SyntheticWorld world, long customers, string directory, IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
        => Write(world, customers, directory, Environment.ProcessorCount, progress, cancellationToken);

    /// <summary>As the public method, on a given number of threads.</summary>
    internal static SampleSummary Write(
        SyntheticWorld world, long customers, string directory, int threads, IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(world);
        ArgumentOutOfRangeException.ThrowIfLessThan(customers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(customers, Array.MaxLength);
        ArgumentException.ThrowIfNullOrEmpty(directory);
        Directory.CreateDirectory(directory);

        Survey survey = new(world, customers);
        double[] expectedProfits = new double[customers];
        Ceilings ceilings = new(world.Segments.Length, world.Propositions.Length);
        SampleBlock[] blocks = new SampleBlock[2 * threads];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = new SampleBlock(world, survey);
        }

        FileStream[] streams = new FileStream[Files.Length];
        try
        {
            for (int i = 0; i < streams.Length; i++)
            {
                streams[i] = File.Create(Partial(directory, i));
            }
            blocks[0].FillHeaders();
            WriteTo(streams, blocks[0]);

            ParallelOptions options = new() { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken };
            for (long first = 0; first < customers; first += (long)blocks.Length * BlockSize)
            {
                int count = (int)Math.Min(blocks.Length, (customers - first + BlockSize - 1) / BlockSize);
                Parallel.For(0, count, options, i =>
                {
                    int start = (int)(first + ((long)i * BlockSize));
                    blocks[i].Fill(start, expectedProfits.AsSpan(start, (int)Math.Min(BlockSize, customers - start)));
                });
                for (int i = 0; i < count; i++)
                {
                    WriteTo(streams, blocks[i]);
                    ceilings.Add(blocks[i].Ceilings);
                }
                progress?.Report(Math.Min(1, (first + ((double)count * BlockSize)) / customers));
            }
        }
        finally
        {
            foreach (FileStream? stream in streams)
            {
                stream?.Dispose();
            }
        }
        for (int i = 0; i < Files.Length; i++)
        {
            File.Move(Partial(directory, i), Path.Combine(directory, Files[i]), overwrite: true);
        }
        return Summarise(world, customers, survey, ceilings, expectedProfits);
    }

    private static string Partial(string directory, int file) => Path.Combine(directory, Files[file] + ".partial");

    private static void WriteTo(FileStream[] streams, SampleBlock block)
    {
        for (int i = 0; i < streams.Length; i++)
        {
            streams[i].Write(block.Buffers[i].Written);
        }
    }

    private static SampleSummary Summarise(
        SyntheticWorld world, long customers, Survey survey, Ceilings ceilings, double[] expectedProfits)
    {
        int best = 0;
        double sum = 0;
        for (int a = 0; a < world.Propositions.Length; a++)
        {
            best = ceilings.SingleValue(a) > ceilings.SingleValue(best) ? a : best;
            sum += ceilings.SingleValue(a);
        }
        return new SampleSummary
        {
            Customers = customers,
            Outcomes = ceilings.Offers,
            Surveyed = survey.Size,
            BayesSegmentAri = ceilings.SegmentAri(),
            OracleProfitR2 = ceilings.ProfitR2,
            OracleAcceptanceAuc = ceilings.AcceptanceAuc(),
            OracleAcceptanceAucWithinProposition = ceilings.AcceptanceAucWithinProposition(),
            OracleValue = ceilings.OracleValue,
            BestSingleProposition = world.Propositions[best].Id,
            BestSingleValue = ceilings.SingleValue(best),
            RandomValue = sum / world.Propositions.Length,
            PropensityOnlyValue = ceilings.PropensityOnlyValue,
            DestroyerShare = ceilings.DestroyerShare,
            BestFifthProfitShare = BestFifth(expectedProfits),
        };
    }

    private static double BestFifth(double[] profits)
    {
        Array.Sort(profits);
        double all = 0;
        double best = 0;
        for (int i = profits.Length - 1; i >= 0; i--)
        {
            all += profits[i];
            best += profits.Length - i <= (profits.Length + 4) / 5 ? profits[i] : 0;
        }
        return best / all;
    }
}
