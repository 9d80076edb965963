using ScoringEngine.Core.Features;
using ScoringEngine.Core.Models;
using ScoringEngine.Core.Workspaces;
using ScoringEngine.Server.CommandLine;

namespace ScoringEngine.Server.Commands;

/// <summary>The customers whom a survey is to represent.</summary>
internal sealed class ResearchPopulation
{
    private readonly double _heldOutShare;
    private readonly long _salt;
    private readonly string? _householdColumn;
    private readonly int _consent = -1;
    private int _household = -1;

    /// <summary>Everybody but those who are left out.</summary>
    /// <param name="workspace">Its policy says who is held out, and what consent a channel needs.</param>
    /// <param name="models">The models by whose schema customers are read.</param>
    /// <param name="channel">Leave out who did not consent to it; null for nobody.</param>
    /// <param name="heldOut">Whether the hold-out is part of it.</param>
    /// <param name="household">Column of the household that decides on the hold-out; null for the customer.</param>
    /// <exception cref="CommandFailure">The channel needs no consent, or the models do not know the feature that tells it.</exception>
    public ResearchPopulation(Workspace workspace, ModelSet models, string? channel, bool heldOut, string? household)
    {
        _heldOutShare = heldOut ? 0 : workspace.Policy.HoldOut.Share;
        _salt = workspace.Policy.HoldOut.Salt;
        _householdColumn = household;
        if (channel is not null)
        {
            IEnumerable<string> known = workspace.Policy.Contact.Consent.Keys;
            string feature = workspace.Policy.Contact.Consent.GetValueOrDefault(channel) ?? throw new CommandFailure(
                $"--channel {channel}: policy.yaml asks for no consent in this channel{NearestName.Hint(channel, known)}", ExitCode.Usage);
            _consent = models.Schema.IndexOf(feature);
            if (_consent < 0)
            {
                throw new CommandFailure($"--channel {channel}: version {models.Manifest.Version} of the model was trained without '{feature}', which says who consents");
            }
        }
    }

    /// <summary>Customers who were left out as they are held out.</summary>
    public long HeldOut { get; private set; }

    /// <summary>Customers who were left out as they did not consent.</summary>
    public long WithoutConsent { get; private set; }

    /// <summary>All who were left out.</summary>
    public long LeftOut => HeldOut + WithoutConsent;

    /// <summary>Finds the columns of a file.</summary>
    public void Open(CustomerFile file) => _household = _householdColumn is null ? -1 : file.Table.Require(_householdColumn);

    /// <summary>Whether the customer that the file stands at is part of it; counts who is not.</summary>
    public bool Includes(CustomerFile row)
    {
        if (_heldOutShare > 0 && CustomerHash.Share(CustomerHash.Of(Unit(row), _salt)) < _heldOutShare)
        {
            HeldOut++;
            return false;
        }
        if (_consent >= 0 && row.Values[_consent] != 1)
        {
            WithoutConsent++;
            return false;
        }
        return true;
    }

    private ReadOnlySpan<byte> Unit(CustomerFile row)
        => _household >= 0 && row.Table[_household] is { IsEmpty: false } household ? household : row.Id;
}
