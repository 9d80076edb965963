using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using FeatureKind = ScoringEngine.Core.Features.FeatureKind;
using Provenance = ScoringEngine.Protocol.V1.Provenance;
using Segment = ScoringEngine.Protocol.V1.Segment;
using SegmentAssignment = ScoringEngine.Protocol.V1.SegmentAssignment;

namespace ScoringEngine.Server.Services;

/// <summary>The engine's types as messages of scoring.v1.</summary>
internal static class Messages
{
    /// <summary>Name of "do nothing" for people.</summary>
    public const string DoNothingName = "Do nothing";

    /// <summary>The score of a row, without propositions.</summary>
    /// <param name="model">The model that scored it.</param>
    /// <param name="block">Where it was scored.</param>
    /// <param name="row">The row.</param>
    /// <param name="customerId">The id asked for; empty for a prospect.</param>
    /// <param name="featureAge">Age of the stored features; null for a prospect.</param>
    /// <param name="explainFeatures">How many features to name in each explanation; 0 for no explanations.</param>
    public static CustomerScore Score(ServedModel model, ScoreBlock block, int row, string customerId, Duration? featureAge, int explainFeatures)
    {
        Core.Segmentation.Segment segment = model.Models.Segments.Segments[block.SegmentIndexes[row]];
        CustomerScore score = new()
        {
            CustomerId = customerId,
            Segment = new SegmentAssignment { Id = (uint)segment.Id, Name = segment.Name },
            FeatureAge = featureAge,
            ModelName = model.Workspace.Name,
            ModelVersion = (uint)model.Models.Manifest.Version,
            Currency = model.Workspace.Policy.Currency,
        };
        if (!float.IsNaN(block.Distances[row]))
        {
            score.Segment.Distance = block.Distances[row];
        }
        if (!float.IsNaN(block.Margins[row]))
        {
            score.Segment.Margin = block.Margins[row];
        }
        if (model.Models.Profit is { } profit && !float.IsNaN(block.Profits[row]))
        {
            score.Tier = Of(block.Tiers[row]);
            score.Profit = new ProfitEstimate
            {
                Expected = block.Profits[row],
                Currency = model.Workspace.Policy.Currency,
                Period = profit.Target.Period,
                Proxy = profit.Target.Proxy,
                Provenance = Provenance.Estimated,
                Explanation = Explain(model, model.Explainer.Profit, block, row, explainFeatures),
            };
            if (!float.IsNaN(block.Potentials[row]))
            {
                score.Profit.Potential = block.Potentials[row];
            }
        }
        return score;
    }

    /// <summary>
    /// A score with the best propositions, in the order of a decision that keeps none of them back; "do nothing" first for a customer who is
    /// held out.
    /// </summary>
    /// <param name="model">The model that scored it.</param>
    /// <param name="work">Where it was scored.</param>
    /// <param name="row">The row.</param>
    /// <param name="customerId">The id asked for; empty for a prospect.</param>
    /// <param name="featureAge">Age of the stored features; null for a prospect.</param>
    /// <param name="propositions">How many of the best propositions to give.</param>
    /// <param name="explainFeatures">How many features to name in each explanation; 0 for no explanations.</param>
    /// <param name="counts">What propensities are smoothed with; null for nothing.</param>
    public static CustomerScore Score(ServedModel model, ScoreWork work, int row, string customerId, Duration? featureAge, int propositions,
        int explainFeatures, AcceptanceCounts? counts = null)
    {
        CustomerScore score = Score(model, work.Block, row, customerId, featureAge, explainFeatures);
        score.HeldOut = customerId.Length > 0 && model.IsHeldOut(customerId);
        work.Rank(row, score.HeldOut, counts);
        int count = Math.Min(propositions, work.Ranked.Length);
        score.Propositions.Capacity = count;
        for (int i = 0; i < count; i++)
        {
            int ranked = work.Ranked[i].Proposition;
            CandidateCounts smoothedWith = counts is null || ranked == PropositionValue.DoNothing ? default : work.Counts[ranked];
            score.Propositions.Add(Proposition(model, work.Block, row, in work.Ranked[i], smoothedWith, explainFeatures));
        }
        return score;
    }

    /// <summary>What a candidate is worth for a row.</summary>
    /// <param name="model">The model that scored it.</param>
    /// <param name="block">Where it was scored.</param>
    /// <param name="row">The row.</param>
    /// <param name="value">The candidate.</param>
    /// <param name="counts">What its propensity was smoothed with.</param>
    /// <param name="explainFeatures">How many features to name in the explanation; 0 for none.</param>
    public static PropositionScore Proposition(
        ServedModel model, ScoreBlock block, int row, in PropositionValue value, CandidateCounts counts, int explainFeatures)
    {
        PropositionScore proposition = Of(model.Scorer, in value, block.SegmentIndexes[row]);
        if (counts.Offers > 0 && model.Scorer.PropositionOf(in value) is { NeedsAcceptance: true })
        {
            proposition.Propensity.Provenance = Provenance.Estimated;
        }
        proposition.Propensity.Explanation = Explain(model, model.Explainer.Propensity(in value), block, row, explainFeatures);
        return proposition;
    }

    /// <summary>A stored customer; what is missing is left out.</summary>
    /// <param name="id">The id asked for.</param>
    /// <param name="features">As <see cref="ServedModel.StoredRows"/> gives them.</param>
    /// <param name="updatedAtUnixMs">Time of the update.</param>
    /// <param name="model">The model in use.</param>
    public static Customer Customer(string id, ReadOnlySpan<float> features, long updatedAtUnixMs, ServedModel model)
    {
        Customer customer = new()
        {
            CustomerId = id,
            UpdateTime = Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(updatedAtUnixMs)),
        };
        for (int f = 0; f < features.Length; f++)
        {
            if (float.IsNaN(features[f]))
            {
                continue;
            }
            Feature feature = model.Schema.Features[f];
            customer.Features.Add(Of(feature, features[f], feature.Kind == FeatureKind.Categorical ? model.Schemas.CategoriesOf(feature.Id).Names : []));
        }
        return customer;
    }

    /// <summary>A version in short.</summary>
    public static ModelSummary Summary(ModelManifest manifest, bool active) => new()
    {
        Name = manifest.Name,
        Version = (uint)manifest.Version,
        CreateTime = Timestamp.FromDateTimeOffset(manifest.CreatedAt),
        Active = active,
        SchemaHash = manifest.SchemaHash,
    };

    /// <summary>A version in full.</summary>
    public static Model Model(ModelSet models, Core.Workspaces.Workspace workspace, bool active)
    {
        Model model = new()
        {
            Summary = Summary(models.Manifest, active),
            IdColumn = workspace.Schema.IdColumn,
            TrainingCustomerCount = (ulong)models.Manifest.Data.Where(f => f.Role == "customers").Sum(f => f.Rows),
        };
        if (models.Profit is { } profit)
        {
            model.ProfitTarget = new Protocol.V1.ProfitTarget
            {
                Columns = profit.Target.ToString(),
                Period = profit.Target.Period,
                Proxy = profit.Target.Proxy,
                Currency = workspace.Policy.Currency,
            };
        }
        model.Features.AddRange(models.Schema.Features.Select(Definition));
        model.Segments.AddRange(models.Segments.Segments.Select((segment, i) => Of(segment, models.Profiles[i])));
        model.PropositionIds.AddRange(workspace.Propositions.Select(p => p.Id));
        foreach ((string name, double value) in models.Manifest.Metrics)
        {
            model.Metrics.Add(name, value);
        }
        return model;
    }

    private static Protocol.V1.Explanation? Explain(ServedModel model, MarginExplainer explainer, ScoreBlock block, int row, int features)
        => features > 0 ? ExplanationOf(explainer, block, row, features, model.Schema) : null;

    private static Protocol.V1.Explanation ExplanationOf(MarginExplainer explainer, ScoreBlock block, int row, int features, FeatureSchema schema)
    {
        if (explainer.Obstacle is { } obstacle)
        {
            return new Protocol.V1.Explanation { AbsentReason = obstacle };
        }
        Core.Scoring.Explanation explanation = explainer.Explain(block, row, features);
        Protocol.V1.Explanation message = new() { BaseValue = explanation.BaseValue, Other = explanation.Other };
        message.Contributions.Capacity = explanation.Strongest.Length;
        foreach (Core.Scoring.FeatureContribution contribution in explanation.Strongest)
        {
            Feature feature = schema.Features[contribution.Feature];
            message.Contributions.Add(new Protocol.V1.FeatureContribution
            {
                Feature = Of(feature, block.Row(row)[contribution.Feature], feature.Categories.AsSpan()),
                Contribution = contribution.Amount,
            });
        }
        return message;
    }

    private static FeatureValue Of(Feature feature, float value, ReadOnlySpan<string> categories)
    {
        FeatureValue message = new() { Name = feature.Name };
        if (float.IsNaN(value))
        {
            return message;
        }
        switch (feature.Kind)
        {
            case FeatureKind.Categorical:
                message.Category = (uint)value < (uint)categories.Length ? categories[(int)value]
                    : throw new InvalidOperationException($"feature '{feature.Name}' holds a code without a name");
                break;
            case FeatureKind.Boolean:
                message.Flag = value != 0;
                break;
            default:
                message.Number = value;
                break;
        }
        return message;
    }

    private static PropositionScore Of(Scorer scorer, in PropositionValue value, int segment)
    {
        Proposition? proposition = scorer.PropositionOf(in value);
        PropositionScore score = new()
        {
            PropositionId = proposition?.Id ?? PropositionValue.DoNothingId,
            Name = proposition?.Name ?? DoNothingName,
            Score = value.Score,
            Propensity = new Propensity
            {
                Probability = value.Propensity,
                Incremental = value.IncrementalPropensity,
                Provenance = proposition is { NeedsAcceptance: true } ? Of(scorer.PropensityProvenance(value.Proposition)) : Provenance.Assumed,
                IncrementalProvenance = Provenance.Assumed,
            },
            OrganisationValue = new OrganisationValue
            {
                Total = value.OrganisationValue,
                Revenue = value.Revenue,
                Saving = value.Saving,
                FulfilmentCost = value.FulfilmentCost,
                ContactCost = value.ContactCost,
                Differentiation = value.Differentiation,
                Provenance = Of(proposition?.Provenance ?? Core.Value.Provenance.Assumed),
            },
            CustomerValue = new CustomerValue
            {
                Value = value.CustomerValue,
                Provenance = Of(scorer.Values.SegmentNeeds[segment].Provenance),
            },
            Label = Of(value.Label),
        };
        if (!double.IsNaN(value.BreakEvenPropensity))
        {
            score.BreakEvenPropensity = value.BreakEvenPropensity;
        }
        return score;
    }

    private static Segment Of(Core.Segmentation.Segment segment, SegmentProfile profile)
    {
        Segment message = new()
        {
            Id = (uint)segment.Id,
            Name = segment.Name,
            Description = segment.Description,
        };
        if (!double.IsNaN(segment.Share))
        {
            message.Share = segment.Share;
        }
        if (!double.IsNaN(profile.MeanProfit))
        {
            message.MeanProfit = profile.MeanProfit;
        }
        ImmutableArray<double> shares = profile.TierShares;
        for (int t = 0; t < shares.Length; t++)
        {
            message.Tiers.Add(new TierShare { Tier = Of((Core.Value.Tier)t), Share = shares[t] });
        }
        return message;
    }

    private static FeatureDefinition Definition(Feature feature)
    {
        FeatureDefinition definition = new()
        {
            Id = (uint)feature.Id,
            Name = feature.Name,
            Kind = feature.Kind switch
            {
                FeatureKind.Numeric => Protocol.V1.FeatureKind.Numeric,
                FeatureKind.Categorical => Protocol.V1.FeatureKind.Categorical,
                FeatureKind.Boolean => Protocol.V1.FeatureKind.Boolean,
                _ => throw new InvalidOperationException($"no message for {feature.Kind}"),
            },
            Unit = feature.Unit ?? "",
            Required = feature.Missing == MissingHandling.Reject,
            Context = feature.Context,
            Personal = feature.Personal,
            Protected = feature.Protected,
        };
        if (feature.Minimum is { } minimum)
        {
            definition.Minimum = minimum;
        }
        if (feature.Maximum is { } maximum)
        {
            definition.Maximum = maximum;
        }
        definition.Categories.AddRange(feature.Categories);
        return definition;
    }

    /// <summary>A tier.</summary>
    public static Protocol.V1.Tier Of(Core.Value.Tier tier) => tier switch
    {
        Core.Value.Tier.ValueDestroyer => Protocol.V1.Tier.ValueDestroyer,
        Core.Value.Tier.Marginal => Protocol.V1.Tier.Marginal,
        Core.Value.Tier.Sustainer => Protocol.V1.Tier.Sustainer,
        Core.Value.Tier.ValueCreator => Protocol.V1.Tier.ValueCreator,
        _ => throw new InvalidOperationException($"no message for {tier}"),
    };

    /// <summary>Where a figure comes from.</summary>
    public static Provenance Of(Core.Value.Provenance provenance) => provenance switch
    {
        Core.Value.Provenance.Assumed => Provenance.Assumed,
        Core.Value.Provenance.Surveyed => Provenance.Surveyed,
        Core.Value.Provenance.Estimated => Provenance.Estimated,
        Core.Value.Provenance.Measured => Provenance.Measured,
        _ => throw new InvalidOperationException($"no message for {provenance}"),
    };

    /// <summary>For whom a proposition creates value.</summary>
    public static Protocol.V1.Label Of(Core.Decisions.Label label) => label switch
    {
        Core.Decisions.Label.BothWin => Protocol.V1.Label.BothWin,
        Core.Decisions.Label.OrganisationOnly => Protocol.V1.Label.OrganisationOnly,
        Core.Decisions.Label.CustomerOnly => Protocol.V1.Label.CustomerOnly,
        Core.Decisions.Label.Neither => Protocol.V1.Label.Neither,
        _ => throw new InvalidOperationException($"no message for {label}"),
    };
}
