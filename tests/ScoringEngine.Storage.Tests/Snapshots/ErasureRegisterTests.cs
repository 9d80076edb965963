using ScoringEngine.Storage.Snapshots;
using ScoringEngine.Storage.Tests.Files;

namespace ScoringEngine.Storage.Tests.Snapshots;

public sealed class ErasureRegisterTests
{
    private const string Path = "/data/erasures";

    private readonly FaultyFiles _files = new();
    private readonly byte[] _salt = [.. Enumerable.Range(0, ErasureRegister.SaltBytes).Select(i => (byte)i)];

    public ErasureRegisterTests() => _files.CreateDirectory("/data");

    [Fact]
    public void Save_CustomerErasedOverAndOver_KeepsTheLastErasure()
    {
        ErasureRegister register = new(_files, Path, _salt);
        register.Add([.. "back-again"u8], 3);
        register.Add([.. "once"u8], 4);
        register.Save(journal: null);
        register.Add([.. "back-again"u8], 9);
        register.Add([.. "back-again"u8], 7);

        Assert.Equal(2, register.Save(journal: null));

        Assert.Equal(
            [new Erasure(ErasureRegister.HashOf("once"u8, _salt), 4), new Erasure(ErasureRegister.HashOf("back-again"u8, _salt), 9)],
            ErasureRegister.Read(_files, Path, _salt));
    }
}
