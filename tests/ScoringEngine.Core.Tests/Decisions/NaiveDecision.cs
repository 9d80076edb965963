using System.Globalization;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Features;
using ScoringEngine.Core.Propositions;
using ScoringEngine.Core.Rules;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Value;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

/// <summary>
/// The whole decision once more, written down from the design one proposition at a time, slowly and without anything compiled: the twin
/// of <see cref="DecisionModel"/>. Values of propositions are <see cref="ValueModel"/>'s, which has a twin of its own.
/// </summary>
internal sealed class NaiveDecision
{
    /// <summary>What a test draws; the naive decision knows of contacts only a cap per proposition over seven days.</summary>
    public sealed record Input(
        DateTime Time, string? Channel, string? Role, string UnitId, int Slots, ContactEvent[] Contacts, string[] Declined,
        CandidateCounts[] Counts, double[] Budgets, double[] Volumes, double[] Evidence, double GateTestSpent);

    public required string[] Order { get; init; }

    public required Dictionary<string, (Stage Stage, FallReason Reason)> Fallen { get; init; }

    public required Dictionary<string, GateDoor> Doors { get; init; }

    public required Dictionary<string, double> Scores { get; init; }

    public required HashSet<string> NeedApproval { get; init; }

    public required bool HeldOut { get; init; }

    public static NaiveDecision Decide(DecisionModel model, ScoreBlock block, int row, Input input)
    {
        Workspace workspace = model.Workspace;
        Policy policy = workspace.Policy;
        float[] values = block.Row(row).ToArray();
        int segmentId = model.Models.Segments.Segments[block.SegmentIndexes[row]].Id;
        float profit = block.Profits[row];
        Tier tier = block.Tiers[row];
        Dictionary<string, (Stage, FallReason)> fallen = [];
        Dictionary<string, GateDoor> doors = [];
        Dictionary<string, double> scores = new() { [PropositionValue.DoNothingId] = 0 };
        HashSet<string> needApproval = [];
        foreach (Proposition p in workspace.Propositions)
        {
            int a = workspace.Propositions.IndexOf(p);
            float code = values[model.Models.Schema.IndexOf("channel")];
            double contact = float.IsNaN(code) ? p.DefaultContact
                : p.Contact.GetValueOrDefault(model.Models.Schema.Features[^1].Categories[(int)code], p.DefaultContact);
            bool mandatory = p.Kind == PropositionKind.Mandatory;
            DateOnly day = DateOnly.FromDateTime(input.Time);
            doors[p.Id] = GateDoor.NotNeeded;
            (Stage, FallReason) fell =
                p.ValidFrom > day ? (Stage.Validity, FallReason.NotYetValid)
                : p.ValidUntil < day ? (Stage.Validity, FallReason.Expired)
                : p.Channels.Length > 0 && !p.Channels.Contains(input.Channel ?? "") ? (Stage.Validity, FallReason.OtherChannel)
                : input.Budgets[a] < contact + p.Fulfilment ? (Stage.Budget, FallReason.BudgetSpent)
                : input.Volumes[a] < 1 ? (Stage.Budget, FallReason.VolumeReached)
                : p.Kind == PropositionKind.Commercial && !Consents() ? (Stage.Consent, FallReason.NoConsent)
                : !mandatory && Capped(a) ? (Stage.ContactPolicy, FallReason.Cap)
                : input.Declined.Contains(p.Id) ? (Stage.ContactPolicy, FallReason.DeclinedInInteraction)
                : Holds(p.Eligibility) != true ? (Stage.Eligibility, FallReason.Rule)
                : Holds(p.Applicability) != true ? (Stage.Applicability, FallReason.Rule)
                : Holds(p.Suitability) != true ? (Stage.Suitability, FallReason.Rule)
                : CustomerValue(p) < p.MinimumCustomerValue ? (Stage.Suitability, FallReason.CustomerValue)
                : !mandatory && !PassesGate(p, a, contact) ? (Stage.Gate, FallReason.Gate)
                : (Stage.None, FallReason.None);
            if (fell.Item1 != Stage.None)
            {
                fallen[p.Id] = fell;
                continue;
            }
            scores[p.Id] = Score(p, a);
            Strategy? strategy = workspace.Strategies.FirstOrDefault(s => (s.Segments.Length == 0 || s.Segments.Contains(segmentId))
                && (s.Tiers.Length == 0 || (!float.IsNaN(profit) && s.Tiers.Contains(tier))));
            double concession = p.Concession ?? p.Fulfilment;
            DecisionRight? right = input.Role is null ? null : strategy?.DecisionRights.GetValueOrDefault(input.Role) ?? policy.Roles[input.Role];
            if (policy.Roles.Count > 0 && !(right is null ? concession == 0 : concession <= right.MaximumConcession || right.Propositions.Contains(p.Id)))
            {
                needApproval.Add(p.Id);
            }
        }
        bool IsMandatory(string id) => id != PropositionValue.DoNothingId && workspace.Propositions.Single(p => p.Id == id).Kind == PropositionKind.Mandatory;
        return new NaiveDecision
        {
            Order = [.. scores.Keys.OrderBy(id => !IsMandatory(id)).ThenByDescending(id => scores[id])
                .ThenBy(id => id != PropositionValue.DoNothingId).ThenBy(id => id, StringComparer.Ordinal)],
            Fallen = fallen,
            Doors = doors,
            Scores = scores,
            NeedApproval = needApproval,
            HeldOut = CustomerHash.Share(CustomerHash.Of(System.Text.Encoding.UTF8.GetBytes(input.UnitId), policy.HoldOut.Salt)) < policy.HoldOut.Share,
        };

        bool Consents() => input.Channel is null || !policy.Contact.Consent.TryGetValue(input.Channel, out string? feature)
            || values[model.Models.Schema.IndexOf(feature)] == 1;

        bool Capped(int a) => policy.Contact.Caps.Any(cap => input.Contacts.Count(c => c.Proposition == a + 1
            && (c.Kind == ContactKind.Presented ? At(c) + cap.Window > input.Time : c.Kind == ContactKind.Reserved && At(c) > input.Time)) >= cap.Most);

        static DateTime At(ContactEvent contact) => new DateTime(2020, 1, 1).AddSeconds(contact.Seconds);

        double CustomerValue(Proposition p) => ValueModel.PerceivedValue(workspace.Needs.Of(segmentId), p);

        bool PassesGate(Proposition p, int a, double contact)
        {
            if (!p.Differentiated || float.IsNaN(profit) || tier is not (Tier.Marginal or Tier.ValueDestroyer))
            {
                return true;
            }
            GateTest? test = policy.Gate.Test;
            DateOnly day = DateOnly.FromDateTime(input.Time);
            bool inTest = test is not null && day >= test.From && day <= test.Until && input.GateTestSpent + contact + p.Fulfilment <= test.Budget
                && CustomerHash.Share(Core.Numerics.SeededRandom.Mix(
                    CustomerHash.Of(System.Text.Encoding.UTF8.GetBytes(input.UnitId), policy.HoldOut.Salt)
                    ^ Core.Numerics.SeededRandom.Mix((ulong)test.Salt + 0x9E37_79B9_7F4A_7C15))) < test.Share;
            doors[p.Id] = block.Potentials[row] >= policy.Gate.PotentialThreshold ? GateDoor.Potential
                : input.Evidence[a] > 0 ? GateDoor.Evidence
                : inTest ? GateDoor.Test : GateDoor.Closed;
            return doors[p.Id] != GateDoor.Closed;
        }

        double Score(Proposition p, int a)
        {
            CandidateCounts n = input.Counts[a];
            SmoothingPolicy s = policy.Smoothing;
            double everywhere = n.Offers == 0 ? p.PriorPropensity : (n.Acceptances + (s.Proposition * p.PriorPropensity)) / (n.Offers + s.Proposition);
            double rate = n.SegmentOffers == 0 ? everywhere : (n.SegmentAcceptances + (s.Segment * everywhere)) / (n.SegmentOffers + s.Segment);
            float propensity = (float)rate;
            if (model.Models.Propensities.GetValueOrDefault(p.Id) is { } trained)
            {
                float[] margin = new float[1];
                byte[] bins = new byte[model.Models.Quantiser.Columns.Length];
                model.Models.Quantiser.Quantise(values, 1, values.Length, bins);
                trained.Model?.Margins(new Core.Trees.RowBlock(values, 1, values.Length, bins, new float[model.Models.ScratchLength]), margin);
                propensity = trained.Propensity(margin[0], rate);
            }
            return model.Scorer.Values.Evaluate(a, values, block.SegmentIndexes[row], propensity).Score;
        }

        bool? Holds(Rule? rule) => rule switch
        {
            null => true,
            Comparison comparison => Compare(comparison),
            Compound { Junction: Junction.All } all => And(all.Parts.Select(Holds)),
            Compound { Junction: Junction.Any } any => !And(any.Parts.Select(p => !Holds(p))),
            Compound none => And(none.Parts.Select(p => !Holds(p))),
            _ => throw new InvalidOperationException(),
        };

        static bool? And(IEnumerable<bool?> parts) => parts.Aggregate((bool?)true, (x, y) => x & y);

        bool? Compare(Comparison c)
        {
            int feature = model.Models.Schema.IndexOf(c.Subject);
            float value = feature >= 0 ? values[feature] : c.Subject == "potential" ? block.Potentials[row] : throw new InvalidOperationException();
            if (c.Comparator is Comparator.Known or Comparator.Missing)
            {
                return float.IsNaN(value) == (c.Comparator == Comparator.Missing);
            }
            if (float.IsNaN(value))
            {
                return null;
            }
            float[] written = [.. c.Values.Select(v => float.TryParse(v, CultureInfo.InvariantCulture, out float number) ? number : model.Models.Schema.CodeOf(feature, v))];
            return c.Comparator switch
            {
                Comparator.Less => value < written[0],
                Comparator.AtMost => value <= written[0],
                Comparator.Greater => value > written[0],
                Comparator.AtLeast => value >= written[0],
                Comparator.Equal or Comparator.In => written.Contains(value),
                _ => !written.Contains(value),
            };
        }
    }
}
