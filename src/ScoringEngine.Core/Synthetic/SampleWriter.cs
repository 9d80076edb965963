using System.Globalization;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Numerics;

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

    private static readonly string[] Files = ["customers.csv", "outcomes.csv", "truth.csv", "survey.csv"];

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
        Block[] blocks = new Block[2 * threads];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = new Block(world, survey);
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

    private static void WriteTo(FileStream[] streams, Block block)
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

    /// <summary>Who is surveyed, and what they answer: the needs of their segment with noise, and their own words.</summary>
    private sealed class Survey
    {
        private const int SmallestSize = 2000;
        private const double Noise = 0.08;

        private readonly SyntheticWorld _world;
        private readonly byte[][][] _words;
        private readonly ulong _threshold;

        public Survey(SyntheticWorld world, long customers)
        {
            _world = world;
            _words = [.. world.Needs.Select(need => need.Words.Select(CsvBuffer.Encode).ToArray())];
            Size = Math.Min(customers, Math.Max(SmallestSize, customers / 100));

            // The customers of the smallest hashes: a random sample of exact size. Hashes of a bijection never tie.
            ulong[] hashes = new ulong[customers];
            for (int i = 0; i < hashes.Length; i++)
            {
                hashes[i] = Hash(i);
            }
            Array.Sort(hashes);
            _threshold = hashes[Size - 1];
        }

        public long Size { get; }

        public bool Includes(long index) => Hash(index) <= _threshold;

        public void Answer(SyntheticCustomer customer, CsvBuffer row)
        {
            // Streams below 0 are apart from the customers' own, so that an answer does not depend on who else is asked.
            SeededRandom random = new(_world.Seed, -1 - customer.Index);
            WorldSegment segment = _world.Segments[customer.Segment];
            double dearest = double.NegativeInfinity;
            int loudest = 0;
            for (int n = 0; n < _world.Needs.Length; n++)
            {
                double stated = Math.Clamp(segment.NeedWeights[n] + (Noise * random.NextNormal()), 0, 1);
                row.Number(stated, 3);
                (loudest, dearest) = stated > dearest ? (n, stated) : (loudest, dearest);
            }
            row.Encoded(_words[loudest][random.Next(_words[loudest].Length)]);
        }

        private ulong Hash(long index) => SeededRandom.Mix((ulong)index ^ SeededRandom.Mix((ulong)_world.Seed));
    }

    /// <summary>The rows of one block of customers in each file, and its tallies. Used by one thread at a time.</summary>
    private sealed class Block
    {
        private const int DefaultChannel = 0;

        private readonly SyntheticWorld _world;
        private readonly Survey _survey;
        private readonly SyntheticCustomer _customer = new();
        private readonly double[] _values;
        private readonly double[] _propensities;
        private readonly byte[][] _segments;
        private readonly byte[][] _propositions;
        private readonly byte[][] _channels;
        private readonly byte[][][] _categories;
        private readonly byte[] _id = new byte[1 + 10];

        public Block(SyntheticWorld world, Survey survey)
        {
            _world = world;
            _survey = survey;
            _values = new double[world.Propositions.Length];
            _propensities = new double[world.Propositions.Length];
            _segments = [.. world.Segments.Select(s => CsvBuffer.Encode(s.Name))];
            _propositions = [.. world.Propositions.Select(a => CsvBuffer.Encode(a.Id))];
            _channels = [.. world.Channels.Select(CsvBuffer.Encode)];
            _categories = [.. world.Schema.Features.Select(f => f.Categories.Select(CsvBuffer.Encode).ToArray())];
            Ceilings = new Ceilings(world.Segments.Length, world.Propositions.Length);
        }

        /// <summary>One buffer a file, in the order of <see cref="Files"/>.</summary>
        public CsvBuffer[] Buffers { get; } = [new(), new(), new(), new()];

        public Ceilings Ceilings { get; }

        private CsvBuffer Customers => Buffers[0];

        private CsvBuffer Outcomes => Buffers[1];

        private CsvBuffer Truth => Buffers[2];

        private CsvBuffer Surveyed => Buffers[3];

        public void FillHeaders()
        {
            string[] features = [.. _world.Schema.Features.Take(_world.Schema.CustomerCount).Select(f => f.Name)];
            string[] propositions = [.. _world.Propositions.Select(a => a.Id)];
            Header(Customers, ["customer", .. features, "annual_revenue", "annual_cost"]);
            Header(Outcomes,
            [
                "customer", "proposition", "decided_at", "channel", "action_probability", "presented", "accepted",
                "revenue", "cost", .. features,
            ]);
            Header(Truth,
            [
                "customer", "segment", "expected_profit", .. propositions.Select(a => "value_" + a),
                .. propositions.Select(a => "p_" + a),
            ]);
            Header(Surveyed, ["customer", .. _world.Needs.Select(n => n.Name), "words"]);
        }

        /// <summary>Replaces the block by the customers from <paramref name="first"/>, as many as there is room for profits.</summary>
        public void Fill(int first, Span<double> expectedProfits)
        {
            Array.ForEach(Buffers, buffer => buffer.Clear());
            Ceilings.Clear();
            for (int i = 0; i < expectedProfits.Length; i++)
            {
                _world.Generate(first + i, _customer);
                expectedProfits[i] = _customer.ExpectedProfit;
                for (int a = 0; a < _values.Length; a++)
                {
                    float[] row = _customer.Features;
                    _propensities[a] = _world.Propensity(a, _customer.Segment, row, DefaultChannel);
                    _values[a] = _world.Value(a, _customer.Segment, row, DefaultChannel, _propensities[a]);
                }
                Ceilings.Add(_customer, _world.MostProbableSegment(_customer.Features), _values, _propensities);
                WriteRows();
            }
        }

        private static void Header(CsvBuffer buffer, IEnumerable<string> names)
        {
            foreach (string name in names)
            {
                buffer.Encoded(CsvBuffer.Encode(name));
            }
            buffer.EndRow();
        }

        private void WriteRows()
        {
            _id[0] = (byte)'C';
            (_customer.Index + 1).TryFormat(_id.AsSpan(1), out int digits, "D7", CultureInfo.InvariantCulture);
            ReadOnlySpan<byte> id = _id.AsSpan(0, 1 + digits);

            Customers.Encoded(id);
            WriteFeatures(Customers, _customer.Features);
            Customers.Scaled(_customer.RevenueCents, 2);
            Customers.Scaled(_customer.CostCents, 2);
            Customers.EndRow();

            foreach (SyntheticOffer offer in _customer.Offers.AsSpan(0, _customer.OfferCount))
            {
                Outcomes.Encoded(id);
                Outcomes.Encoded(_propositions[offer.Proposition]);
                Outcomes.Moment(_world.AsOf.AddSeconds(-offer.SecondsAgo));
                Outcomes.Encoded(_channels[offer.Channel]);
                Outcomes.Scaled(offer.ActionPerTenThousand, 4);
                Outcomes.Scaled(offer.Presented ? 1 : 0, 0);
                Outcomes.Scaled(offer.Accepted ? 1 : 0, 0);
                Outcomes.Scaled(offer.RevenueCents, 2);
                Outcomes.Scaled(offer.CostCents, 2);
                WriteFeatures(Outcomes, offer.Features);
                Outcomes.EndRow();
            }

            Truth.Encoded(id);
            Truth.Encoded(_segments[_customer.Segment]);
            Truth.Number(_customer.ExpectedProfit, 2);
            foreach (double value in _values)
            {
                Truth.Number(value, 4);
            }
            foreach (double propensity in _propensities)
            {
                Truth.Number(propensity, 6);
            }
            Truth.EndRow();

            if (_survey.Includes(_customer.Index))
            {
                Surveyed.Encoded(id);
                _survey.Answer(_customer, Surveyed);
                Surveyed.EndRow();
            }
        }

        private void WriteFeatures(CsvBuffer buffer, float[] row)
        {
            for (int i = 0; i < row.Length; i++)
            {
                if (float.IsNaN(row[i]))
                {
                    buffer.Encoded([]);
                }
                else if (_world.Schema.Features[i].Kind == FeatureKind.Categorical)
                {
                    buffer.Encoded(_categories[i][(int)row[i]]);
                }
                else
                {
                    buffer.Number(row[i], WorldSchema.Decimals[i]);
                }
            }
        }
    }
}
