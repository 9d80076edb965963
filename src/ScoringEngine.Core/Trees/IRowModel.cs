namespace ScoringEngine.Core.Trees;

/// <summary>
/// A part of a model set that gives each row one margin, be it trees over bins, a regression over values or a model
/// from elsewhere. Implementations are immutable and thread-safe; one row and any block give the same bits.
/// </summary>
public interface IRowModel
{
    /// <summary>Floats of scratch that <see cref="Margins"/> needs, however many rows a block has.</summary>
    int ScratchLength { get; }

    /// <summary>The margins of a block.</summary>
    /// <param name="rows">The rows, with bins of the quantiser that <see cref="RequireFit"/> was asked about.</param>
    /// <param name="margins">OUT one margin a row.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    void Margins(in RowBlock rows, Span<float> margins);

    /// <summary>Checks that the model reads such rows.</summary>
    /// <exception cref="ArgumentException">It does not; the message says why.</exception>
    void RequireFit(Quantiser quantiser);
}
