using System.Globalization;
using ScoringEngine.Core.Features;

namespace ScoringEngine.Core.Synthetic;

/// <summary>The rows of one block of customers in each file, and its tallies. Used by one thread at a time.</summary>
internal sealed class SampleBlock
{
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

    public SampleBlock(SyntheticWorld world, Survey survey)
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

    /// <summary>One buffer a file, in the order of <see cref="SampleWriter.Files"/>.</summary>
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
                _propensities[a] = _world.Propensity(a, _customer.Segment, row, _world.DefaultChannel);
                _values[a] = _world.Value(a, _customer.Segment, row, _world.DefaultChannel, _propensities[a]);
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
