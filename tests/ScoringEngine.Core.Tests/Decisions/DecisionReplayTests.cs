using Google.Protobuf;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Core.Decisions.Log;
using ScoringEngine.Core.Scoring;
using ScoringEngine.Core.Tests.Models;
using ScoringEngine.Core.Workspaces;

namespace ScoringEngine.Core.Tests.Decisions;

[Collection(TrainedSampleTests.Name)]
public sealed class DecisionReplayTests(TrainedSample trained) : IDisposable
{
    private const int Decisions = 1000;

    private readonly DecisionSample _sample = new(trained);

    [Fact]
    public void Replay_DecisionsOfEveryKind_AreTheSameToTheBit()
    {
        DecisionReplay replay = Replay();
        List<DecisionRecord> records = [];
        for (int i = 0; i < Decisions; i++)
        {
            (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(i);
            records.Add(record);

            Assert.Null(replay.Replay(DecisionRecord.Parser.ParseFrom(record.ToByteArray()), DecisionInputs.Parser.ParseFrom(inputs.ToByteArray())));
        }

        // All that can happen did.
        Assert.Contains(records, r => r.HeldOut && r.Offered[0].Proposition == 0 && r.Chosen[0].Proposition != 0);
        Assert.Contains(records, r => r.GateTest);
        Assert.Contains(records, r => r.Chosen.Count == 2 && r.Chosen[1].ActionProbability is > 0 and < 1);
        Assert.Contains(records, r => r.Chosen[0].NeedsApproval);
        foreach (Stage stage in new[] { Stage.Budget, Stage.ContactPolicy })
        {
            Assert.True(records.Exists(r => r.Stages.Contains((byte)stage)), $"{stage}");
        }
    }

    [Fact]
    public void Replay_FilesChangedSince_IsTheSame()
    {
        (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(1);
        string policy = Path.Combine(_sample.Workspace.Directory, Policy.FileName);
        WorkspaceWriter.Replace(policy, WorkspaceWriter.PolicyText(_sample.Workspace.Policy with { CustomerWeight = 1 }));

        Assert.Null(Replay().Replay(record, inputs));
    }

    [Fact]
    public void Replay_OneBitOfAScore_IsTheFirstDifference()
    {
        (DecisionRecord record, DecisionInputs inputs) = Ranked(out int candidate);
        double logged = record.Scores[candidate];
        record.Scores[candidate] = BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(logged) ^ 1);
        record.ActionProbabilities[0] = 2;

        DecisionDifference? difference = Replay().Replay(record, inputs);

        string proposition = _sample.Propositions.NameOf((int)record.Candidates[candidate])!;
        Assert.Equal($"scores[{candidate}] ({proposition})", difference?.Field);
        Assert.Equal($"{logged:R}", difference?.Recomputed);
        Assert.Equal(record.DecisionId, difference?.DecisionId);
    }

    [Fact]
    public void Replay_AnotherInput_IsADifference()
    {
        (DecisionRecord record, DecisionInputs inputs) = Ranked(out _);
        inputs.Row[0] += 120;

        Assert.NotNull(Replay().Replay(record, inputs));
    }

    [Fact]
    public void Replay_ChosenAnother_NamesTheSlotsField()
    {
        (DecisionRecord record, DecisionInputs inputs) = Ranked(out _);
        record.Chosen[0].OrganisationValue += 1;

        Assert.Equal("chosen[0].organisation_value", Replay().Replay(record, inputs)?.Field);
    }

    [Fact]
    public void Replay_WhatTheLogAdds_IsNoDifference()
    {
        (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(2);
        record.Pseudonym = ByteString.CopyFromUtf8("somebody");
        record.Sealed = ByteString.CopyFromUtf8("sealed");
        record.Encrypted = true;
        record.ExpiresUnixMs = 7;
        (inputs.DecisionId, record.DecisionId) = (record.DecisionId, "");

        Assert.Null(Replay().Replay(record, inputs));
    }

    [Fact]
    public void Replay_NoArchive_IsRefused()
    {
        (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(3);
        DecisionReplay replay = new(_ => null, _sample.Workspace.Directory, _sample.Propositions, _sample.Channels);

        Assert.Contains("the log has no workspace archive", Assert.Throws<InvalidDataException>(() => replay.Replay(record, inputs)).Message);
    }

    [Theory]
    [InlineData("features")]
    [InlineData("channel")]
    [InlineData("version")]
    public void Replay_WhatDoesNotFit_IsRefused(string what)
    {
        (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(3);
        string message = "decision d3: no channel 'fax' in the workspace";
        switch (what)
        {
            case "features":
                inputs.Row.Add(1);
                message = $"decision d3: {inputs.Row.Count} features, the model has {inputs.Row.Count - 1}";
                break;
            case "channel":
                record.Channel = "fax";
                break;
            default:
                record.ModelVersion = 2;
                message = "decision d3: was made with version 2, its workspace archive is of version 1";
                break;
        }

        Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Replay().Replay(record, inputs)).Message);
    }

    [Fact]
    public void FromInputs_EvidenceToldAsNothing_IsNotThePolicys()
    {
        DecisionInput input = new() { TimeUnixMs = DecisionSample.Now, Channel = -1, Role = -1, Slots = 1, EvidenceBound = Enumerable.Repeat(double.NaN, _sample.Propositions.Count).ToArray() };
        DecisionIdentity identity = new() { DecisionId = "d" };
        ScoreBlock block = _sample.Codec.Model.Scored(_sample.Row(0));
        DecisionTrace trace = _sample.Codec.Model.CreateTrace();
        _sample.Codec.Model.Decide(block, 0, in input, trace);

        DecisionInput back = _sample.Codec.FromInputs(
            _sample.Codec.ToRecord(trace, block, 0, in input, in identity), _sample.Codec.ToInputs(block, 0, in input, in identity), new float[block.Columns]);

        Assert.Equal(_sample.Propositions.Count, back.EvidenceBound.Length);
        Assert.True(back.BudgetLeft.IsEmpty);
    }

    public void Dispose() => _sample.Dispose();

    private DecisionReplay Replay()
        => new(hash => hash == _sample.Archive.Hash ? _sample.Archive : null, _sample.Workspace.Directory, _sample.Propositions, _sample.Channels);

    private (DecisionRecord Record, DecisionInputs Inputs) Ranked(out int candidate)
    {
        for (int i = 0; ; i++)
        {
            (DecisionRecord record, DecisionInputs inputs) = _sample.Decide(i);
            candidate = Enumerable.Range(1, record.Stages.Length - 1).FirstOrDefault(c => record.Stages[c] == 0);
            if (candidate > 0 && record.Chosen[0].Proposition != 0)
            {
                return (record, inputs);
            }
        }
    }
}
