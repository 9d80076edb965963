using ScoringEngine.Core.Propositions;

namespace ScoringEngine.Core.Workspaces;

/// <summary>Reads <c>plan.yaml</c>, which a workspace may lack.</summary>
internal static class PlanFile
{
    /// <summary>The plan; one without targets where there is no file, null where it cannot be read.</summary>
    public static Plan? Load(WorkspaceSource source, List<WorkspaceProblem> problems)
    {
        if (!source.Has(Plan.FileName))
        {
            return Plan.None;
        }
        YamlSection? file = YamlSection.Load(source, Plan.FileName, problems);
        if (file is null)
        {
            return null;
        }
        List<PlanTarget> targets = [];
        foreach (YamlSection section in file.Sections("targets"))
        {
            PlanTarget target = new()
            {
                Id = section.RequiredText("id"),
                Metric = section.RequiredText("metric"),
                Baseline = section.Number("baseline", 0),
                Target = section.RequiredNumber("target"),
                By = section.RequiredDate("by"),
                Dated = section.RequiredDate("dated"),
                Lever = section.Choice("lever", Lever.Retain),
                Owner = section.Text("owner") ?? "",
            };
            if (target.Id.Length > 0 && targets.Exists(t => t.Id == target.Id))
            {
                section.Problem("id", $"'{target.Id}' is used twice");
            }
            if (target.By <= target.Dated && target.By > DateOnly.MinValue)
            {
                section.Problem("by", FormattableString.Invariant($"{target.By:yyyy-MM-dd}, expected a day after dated ({target.Dated:yyyy-MM-dd})"));
            }
            targets.Add(target);
            section.RejectUnknownKeys();
        }
        file.RejectUnknownKeys();
        return new Plan([.. targets]);
    }
}
