using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Workspaces;

/// <summary>A small workspace in which everything is written and nothing is wrong on <see cref="Day"/>.</summary>
internal static class StrategySample
{
    public static readonly DateOnly Day = new(2026, 11, 1);

    public static readonly IReadOnlyDictionary<string, string> Files = new Dictionary<string, string>
    {
        ["schema.yaml"] = """
            id: customer
            target: {columns: revenue - cost, period: year}
            features:
              - {id: 1, name: tenure, min: 0, max: 480}
              - {id: 2, name: plan, kind: categorical, categories: [basic, plus, premium]}
              - {id: 3, name: app, kind: boolean}
              - {id: 4, name: optin, kind: boolean}
            context:
              - {id: 5, name: channel, kind: categorical, categories: [phone, web], default: phone}
            """,
        ["policy.yaml"] = """
            currency: CHF
            contact_policy:
              time_zone: Europe/Zurich
              consent: {web: optin}
              quiet_hours: {from: "21:00", until: "08:00", channels: [phone]}
              caps:
                - {scope: customer, most: 3, window: 7d}
                - {scope: proposition, most: 2, window: 30d}
              suppressions:
                - {scope: group, group: upsell, outcome: declined, after: 2, within: 30d, pause: 60d}
            gate:
              potential_threshold: 200
              evidence:
                - {proposition: adviser, tier: marginal, lower_bound: 1.5, source: spring test}
              test: {share: 0.1, salt: 3, from: 2026-10-01, until: 2026-12-31, budget: 900}
            hold_out: {share: 0.05, salt: 1, standard_treatment: self_service}
            exploration:
              channels:
                web: {epsilon: 0.1}
            roles:
              agent: {max_concession: 10}
              supervisor: {max_concession: any}
            """,
        ["needs.yaml"] = """
            needs:
              - {id: price, name: A fair price}
              - {id: service, name: Help when it matters}
            default:
              provenance: estimated
              weights: {price: 0.6, service: 0.4}
            segments:
              - segment: 2
                provenance: surveyed
                source: spring survey
                sample_size: 41
                weights: {price: 0.3, service: 0.7}
                half_widths: {price: 0.05, service: 0.05}
                words: ["Call me back | please."]
            """,
        ["propositions.yaml"] = """
            propositions:
              - id: adviser
                name: A personal adviser
                kind: service
                lever: retain
                category: relationship
                differentiated: true
                provenance: estimated
                prior_propensity: 0.2
                economics:
                  margin: {base: 60, per: {tenure: 0.25}, every: year}
                  fulfilment: 12
                  contact: {default: 2, web: 0.1}
                  incrementality: 0.5
                benefits: {service: 0.8}
                rules:
                  eligibility:
                    - tenure >= 12
                    - plan in [plus, premium]
                  suitability:
                    any:
                      - app = false
                      - app is missing
                channels: [phone]
                caps:
                  - {most: 1, window: 90d}
                wording: {en: "One person here who knows you."}
              - id: self_service
                name: Guided self-service
                kind: service
                lever: cost_to_serve
                category: convenience
                value_area: service
                provenance: measured
                economics: {saving: 8, contact: 0.5}
                benefits: {price: 0.1, service: 0.2}
                sacrifices: {service: 0.1}
              - id: upgrade
                name: Upgrade <premium>
                lever: up_sell
                group: upsell
                provenance: measured
                economics: {margin: 40, fulfilment: 5, contact: 1}
                benefits: {service: 0.3}
                sacrifices: {price: 0.2}
                rules:
                  eligibility: plan != premium
                valid_from: 2026-01-01
                valid_until: 2027-06-30
                budget: 5000
                volume: 2000
                minimum_customer_value: -0.1
            """,
        ["plan.yaml"] = """
            targets:
              - {id: churn, metric: share of creators who leave, baseline: 0.11, target: 0.08, by: 2027-12-31, dated: 2026-09-01, lever: retain, owner: Ada}
              - {id: calls, metric: calls per customer, baseline: 9.5, target: 8, by: 2027-06-30, dated: 2026-09-01, lever: cost_to_serve}
            """,
        ["strategies.yaml"] = """
            strategies:
              - id: keep
                name: Keep the best
                owner: Ada
                segments: all
                tiers: [sustainer, value_creator]
                is_and_is_not: We keep them. We do not discount.
                difference_from_today: No campaign of the month.
                segments_addressed: The best of all segments.
                path_to_value: Fewer leave.
                capabilities: Agents who listen.
                timeframe: Two quarters.
                changed_expectations: Measured by the hold-out.
                business_case: Three points fewer leave.
                targets: [churn]
                treatments: {service_level: answered in 20 s}
                decision_rights: {agent: {max_concession: 15, propositions: [adviser]}}
                incentives: {agent: value for both sides}
                readiness: {organisation: in_place, process: in_place, technology: in_place}
              - id: serve
                name: Serve well and cheaply
                owner: Bob
                segments: all
                tiers: [value_destroyer, marginal]
                is_and_is_not: Easy and cheap.
                difference_from_today: The easy way comes first.
                segments_addressed: The others.
                path_to_value: Fewer calls.
                capabilities: Self-service that works.
                timeframe: One quarter.
                changed_expectations: Customers help themselves.
                business_case: One and a half calls less.
                targets: [calls]
                incentives: {supervisor: cost to serve}
                readiness: {organisation: in_place, process: in_place, technology: in_place}
            """,
    };

    /// <summary>Writes the files; in one of them a text is replaced, which must be there.</summary>
    public static void Write(TemporaryFolder folder, string file = "", string text = "", string replacement = "")
    {
        foreach ((string name, string content) in Files)
        {
            if (name == file)
            {
                Assert.Contains(text, content);
            }
            folder.Write(name, (name == file ? content.Replace(text, replacement, StringComparison.Ordinal) : content) + "\n");
        }
    }

    public static Workspace Load(TemporaryFolder folder)
    {
        Write(folder);
        return Workspace.Load(folder.Path);
    }
}
