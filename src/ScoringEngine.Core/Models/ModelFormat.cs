using System.Collections.Immutable;
using Google.Protobuf;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models.Format;
using ScoringEngine.Core.Models.Import;
using ScoringEngine.Core.Models.Onnx;
using ScoringEngine.Core.Propensity;
using ScoringEngine.Core.Segmentation;
using ScoringEngine.Core.Trees;
using ScoringEngine.Core.Value;

namespace ScoringEngine.Core.Models;

/// <summary>Between a <see cref="ModelSet"/> and the messages of <c>scoring/model/v1/model.proto</c>.</summary>
internal static class ModelFormat
{
    // Format 1 knows neither logistic regressions nor isotonic calibrations, format 2 neither linear stages nor averages of
    // trees and a regression nor imported parts nor code columns; all else reads alike.
    private const uint OldestFormat = 1;
    private const uint CurrentFormat = 3;

    public static ModelParameters ToMessage(ModelSet models)
    {
        ModelParameters message = new()
        {
            Format = CurrentFormat,
            Segments = ToMessage(models.Segments, models.Profiles),
            Quantiser = ToMessage(models.Quantiser),
            Profit = models.Profit is { } profit ? ToMessage(profit) : null,
        };
        message.Features.Add(models.Schema.Features.Select(ToMessage));
        message.Propensities.Add(models.Propensities.Select(p => ToMessage(p.Key, p.Value)));
        return message;
    }

    /// <exception cref="ArgumentException">Parts do not fit together.</exception>
    /// <exception cref="InvalidDataException">The format is not known.</exception>
    public static ModelSet FromMessage(ModelParameters message, ModelManifest manifest)
    {
        if (message.Format is < OldestFormat or > CurrentFormat)
        {
            throw new InvalidDataException($"model format {message.Format}, expected {OldestFormat}..{CurrentFormat}");
        }
        if (message.Segments is null || message.Quantiser is null)
        {
            throw new InvalidDataException("segments or quantiser missing");
        }
        FeatureSchema schema = new(message.Features.Select(FromMessage));
        return new ModelSet(
            schema,
            FromMessage(message.Segments, schema),
            [.. message.Segments.Segments.Select(s => new SegmentProfile(s.MeanProfit, [.. s.TierShares]))],
            FromMessage(message.Quantiser),
            message.Profit is null ? null : FromMessage(message.Profit, schema),
            message.Propensities.ToImmutableSortedDictionary(p => p.PropositionId, p => FromMessage(p, schema), StringComparer.Ordinal),
            manifest);
    }

    private static FeatureParameters ToMessage(Feature feature)
    {
        FeatureParameters message = new()
        {
            Id = (uint)feature.Id,
            Name = feature.Name,
            Kind = (uint)feature.Kind,
            Unit = feature.Unit ?? "",
            Required = feature.Missing == MissingHandling.Reject,
            Log1P = feature.Log1P,
            Segments = feature.Segments,
            Personal = feature.Personal,
            Protected = feature.Protected,
            Context = feature.Context,
            Default = feature.Default,
        };
        if (feature.Minimum is { } minimum)
        {
            message.Minimum = minimum;
        }
        if (feature.Maximum is { } maximum)
        {
            message.Maximum = maximum;
        }
        message.Categories.Add(feature.Categories);
        return message;
    }

    private static Feature FromMessage(FeatureParameters message) => new()
    {
        Id = (int)message.Id,
        Name = message.Name,
        Kind = message.Kind <= (uint)FeatureKind.Boolean ? (FeatureKind)message.Kind
            : throw new InvalidDataException($"feature '{message.Name}' has kind {message.Kind}"),
        Unit = message.Unit.Length > 0 ? message.Unit : null,
        Missing = message.Required ? MissingHandling.Reject : MissingHandling.Allow,
        Minimum = message.HasMinimum ? message.Minimum : null,
        Maximum = message.HasMaximum ? message.Maximum : null,
        Log1P = message.Log1P,
        Segments = message.Segments,
        Personal = message.Personal,
        Protected = message.Protected,
        Context = message.Context,
        Default = message.Default,
        Categories = [.. message.Categories],
    };

    private static SegmentParameters ToMessage(SegmentModel model, ImmutableArray<SegmentProfile> profiles)
    {
        SegmentParameters message = new() { NextId = (uint)model.NextId };
        if (model.AssignedBy is OnnxSegments imported)
        {
            message.Imported = ImportedPartFormat.ToMessage(imported);
        }
        else
        {
            message.Dimensions.Add(model.Encoding.Dimensions.Select(d => new DimensionParameters
            {
                Feature = (uint)d.Feature,
                Category = d.Category,
                Log1P = d.Log1P,
                Mean = d.Mean,
                Scale = d.Scale,
            }));
            message.Centroids.Add(model.Centroids);
        }
        for (int s = 0; s < model.Segments.Length; s++)
        {
            Segment segment = model.Segments[s];
            Format.SegmentText text = new()
            {
                Id = (uint)segment.Id,
                Name = segment.Name,
                Description = segment.Description,
                Size = (uint)segment.Size,
                Share = segment.Share,
                MeanProfit = profiles[s].MeanProfit,
            };
            text.TierShares.Add(profiles[s].TierShares);
            message.Segments.Add(text);
        }
        return message;
    }

    private static SegmentModel FromMessage(SegmentParameters message, FeatureSchema schema)
    {
        ImmutableArray<Segment> segments = [.. message.Segments.Select(s => new Segment
        {
            Id = (int)s.Id,
            Name = s.Name,
            Description = s.Description,
            Size = (int)s.Size,
            Share = s.Share,
        })];
        if (message.Imported is not null)
        {
            return message.Dimensions.Count == 0 && message.Centroids.Count == 0
                ? new SegmentModel(ImportedPartFormat.FromMessage(message.Imported, schema), segments, (int)message.NextId)
                : throw new InvalidDataException("expected centroids or an imported model of segments, found both");
        }
        return new SegmentModel(
            new SegmentEncoding([.. message.Dimensions.Select(d =>
                new SegmentDimension((int)d.Feature, d.Category, d.Log1P, d.Mean, d.Scale))]),
            [.. message.Centroids], segments, (int)message.NextId);
    }

    private static QuantiserParameters ToMessage(Quantiser quantiser)
    {
        QuantiserParameters message = new() { RowLength = (uint)quantiser.RowLength };
        foreach (QuantisedColumn column in quantiser.Columns)
        {
            ColumnParameters parameters = new() { Feature = (uint)column.Feature };
            if (column.Category is { } category)
            {
                parameters.Category = (uint)category;
            }
            parameters.Thresholds.Add(column.Thresholds);
            parameters.BinOfCode = ByteString.CopyFrom(column.BinOfCode.AsSpan());
            message.Columns.Add(parameters);
        }
        return message;
    }

    private static Quantiser FromMessage(QuantiserParameters message) => new(
        (int)message.RowLength,
        [.. message.Columns.Select(c => c.HasCategory
            ? QuantisedColumn.OfCategory((int)c.Feature, (int)c.Category)
            : !c.BinOfCode.IsEmpty ? QuantisedColumn.OfCodes((int)c.Feature, [.. c.BinOfCode])
            : QuantisedColumn.OfThresholds((int)c.Feature, [.. c.Thresholds]))]);

    private static ProfitParameters ToMessage(ProfitModel profit) => new()
    {
        Expected = ToTrees(profit.Expected is ExponentialModel exponential ? exponential.Inner : profit.Expected),
        Imported = ImportedPartFormat.ToMessage(profit.Expected),
        Upper = profit.Upper is null ? null : ToTrees(profit.Upper) ?? throw Unknown(profit.Upper),
        Quantile = profit.Quantile,
        MarginalBand = profit.Tiers.MarginalBand,
        CreatorsThreshold = profit.Tiers.CreatorsThreshold,
        Target = profit.Target.ToString(),
        Period = profit.Target.Period,
        Proxy = profit.Target.Proxy,
        LogLink = profit.Expected is ExponentialModel,
    };

    private static ProfitModel FromMessage(ProfitParameters message, FeatureSchema schema) => new(
        (message.Expected, message.Imported) switch
        {
            ({ } expected, null) => message.LogLink ? new ExponentialModel(FromMessage(expected)) : FromMessage(expected),
            (null, { } imported) => ImportedPartFormat.FromMessage(imported, schema, withContext: false),
            _ => throw new InvalidDataException("expected trees or an imported model of profit, found both or none"),
        },
        message.Upper is null ? null : FromMessage(message.Upper),
        message.Quantile,
        new TierBounds(message.MarginalBand, message.CreatorsThreshold),
        new ProfitTarget { Terms = ProfitTarget.Parse(message.Target), Period = message.Period, Proxy = message.Proxy });

    internal static PropensityParameters ToMessage(string propositionId, PropensityModel model) => new()
    {
        PropositionId = propositionId,
        Ensemble = ToTrees((model.Model as AveragedModel)?.Trees ?? model.Model),
        Regression = ((model.Model as AveragedModel)?.Regression ?? model.Model) is LogisticRegression regression ? ToMessage(regression) : null,
        Imported = ImportedPartFormat.ToMessage(model.Model),
        Slope = (model.Calibration as PlattCalibration)?.Slope ?? 0,
        Intercept = (model.Calibration as PlattCalibration)?.Intercept ?? 0,
        Isotonic = model.Calibration is IsotonicCalibration isotonic ? ToMessage(isotonic) : null,
        Offers = (ulong)model.Offers,
        Acceptances = (ulong)model.Acceptances,
        EffectiveOffers = model.EffectiveOffers,
        Rate = model.Rate,
        Prior = model.PriorRate,
        PriorStrength = model.PriorStrength,
    };

    internal static PropensityModel FromMessage(PropensityParameters message, FeatureSchema schema) => new(
        (message.Ensemble, message.Regression, message.Imported) switch
        {
            (null, null, null) => null,
            ({ } ensemble, null, null) => FromMessage(ensemble),
            (null, { } regression, null) => FromMessage(regression),
            ({ } ensemble, { } regression, null) => new AveragedModel(FromMessage(ensemble), FromMessage(regression)),
            (null, null, { } imported) => ImportedPartFormat.FromMessage(imported, schema, withContext: true),
            _ => throw new InvalidDataException("expected models of our own or an imported one, found both"),
        },
        message.Isotonic is { } isotonic
            ? new IsotonicCalibration([.. isotonic.Margins], [.. isotonic.Probabilities])
            : new PlattCalibration(message.Slope, message.Intercept),
        (long)message.Offers,
        (long)message.Acceptances,
        message.EffectiveOffers,
        message.Rate,
        message.Prior,
        message.PriorStrength);

    private static IsotonicParameters ToMessage(IsotonicCalibration calibration)
    {
        IsotonicParameters message = new();
        message.Margins.Add(calibration.Margins);
        message.Probabilities.Add(calibration.Probabilities);
        return message;
    }

    private static RegressionParameters ToMessage(LogisticRegression regression)
    {
        RegressionParameters message = new() { RowLength = (uint)regression.RowLength, Intercept = regression.Intercept };
        message.Terms.Add(regression.Terms.Select(t => new TermParameters
        {
            Feature = (uint)t.Feature,
            Kind = (uint)t.Kind,
            Category = (uint)t.Category,
            Mean = t.Mean,
            Scale = t.Scale,
            Weight = t.Weight,
            Average = t.Average,
        }));
        return message;
    }

    private static LogisticRegression FromMessage(RegressionParameters message) => new(
        (int)message.RowLength,
        message.Intercept,
        [.. message.Terms.Select(t => new LogisticTerm(
            (int)t.Feature, (LogisticTermKind)t.Kind, (int)t.Category, t.Mean, t.Scale, t.Weight, t.Average))]);

    private static NotSupportedException Unknown(IRowModel model) => new($"{model.GetType().Name} has no place in the model's file");

    /// <summary>Trees, perhaps on top of a linear stage; null where it is something else.</summary>
    private static EnsembleParameters? ToTrees(IRowModel? model)
    {
        if (model is ObliviousEnsemble alone)
        {
            return ToMessage(alone);
        }
        if (model is not BoostedModel boosted)
        {
            return null;
        }
        EnsembleParameters message = ToMessage(boosted.Trees);
        message.Stage = ToMessage(boosted.Stage);
        return message;
    }

    private static LinearStageParameters ToMessage(LinearStage stage)
    {
        LinearStageParameters message = new() { RowLength = (uint)stage.RowLength, Categories = stage.Pieces.IsCategory };
        if (stage.Pieces.Count > 1)
        {
            message.PieceFeature = (uint)stage.Pieces.Feature;
        }
        message.Bounds.Add(stage.Pieces.Bounds);
        message.Features.Add(stage.Terms.Select(t => (uint)t.Feature));
        message.Centers.Add(stage.Terms.Select(t => t.Center));
        message.Limits.Add(stage.Terms.Select(t => t.Limit));
        message.Intercepts.Add(stage.Intercepts);
        message.Weights.Add(stage.Weights);
        message.Shares.Add(stage.Shares);
        message.Averages.Add(stage.Averages);
        return message;
    }

    private static LinearStage FromMessage(LinearStageParameters message)
    {
        if (message.Centers.Count != message.Features.Count || message.Limits.Count != message.Features.Count)
        {
            throw new InvalidDataException("a linear stage has other numbers of features, centres and limits");
        }
        ImmutableArray<float> bounds = [.. message.Bounds];
        LinearPieces pieces = !message.HasPieceFeature ? LinearPieces.One
            : message.Categories ? LinearPieces.OfCategories((int)message.PieceFeature, bounds)
            : LinearPieces.OfCuts((int)message.PieceFeature, bounds);
        return new LinearStage(
            (int)message.RowLength,
            pieces,
            [.. message.Features.Select((f, t) => new LinearTerm((int)f, message.Centers[t], message.Limits[t]))],
            [.. message.Intercepts],
            [.. message.Weights],
            [.. message.Shares],
            [.. message.Averages]);
    }

    private static EnsembleParameters ToMessage(ObliviousEnsemble ensemble)
    {
        EnsembleParameters message = new()
        {
            Columns = (uint)ensemble.Columns,
            BaseMargin = ensemble.BaseMargin,
            Depths = ByteString.CopyFrom(ensemble.Depths.AsSpan()),
            SplitBins = ByteString.CopyFrom(ensemble.SplitBins.AsSpan()),
        };
        message.SplitColumns.Add(ensemble.SplitColumns.Select(c => (uint)c));
        message.LeafValues.Add(ensemble.LeafValues);
        message.ColumnGains.Add(ensemble.ColumnGains);
        message.LeafWeights.Add(ensemble.LeafWeights);
        return message;
    }

    private static IRowModel FromMessage(EnsembleParameters message)
    {
        ObliviousEnsemble trees = new(
            (int)message.Columns,
            message.BaseMargin,
            [.. message.Depths],
            [.. message.SplitColumns.Select(c => (int)c)],
            [.. message.SplitBins],
            [.. message.LeafValues],
            [.. message.ColumnGains],
            [.. message.LeafWeights]);
        return message.Stage is null ? trees : new BoostedModel(FromMessage(message.Stage), trees);
    }
}
