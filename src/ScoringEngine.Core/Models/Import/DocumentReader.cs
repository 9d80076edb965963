namespace ScoringEngine.Core.Models.Import;

/// <summary>
/// A cursor over a document of objects, arrays, texts and numbers, in JSON or UBJSON. It stands on a value: the root,
/// then the one that <see cref="NextKey"/> or <see cref="NextElement"/> goes to; each value is read or skipped once.
/// </summary>
internal abstract class DocumentReader(ModelFile file)
{
    /// <summary>Deepest nesting that is read.</summary>
    protected const int MaxDepth = 64;

    protected ModelFile File { get; } = file;

    /// <summary>Where the cursor is, for errors.</summary>
    protected abstract string Position { get; }

    /// <summary>Whether the value is a text or number.</summary>
    public abstract bool AtText { get; }

    /// <summary>Enters the object at the cursor.</summary>
    public abstract void BeginObject();

    /// <summary>Goes to the value of the object's next key; false at its end.</summary>
    public abstract bool NextKey(out string key);

    /// <summary>Enters the array at the cursor.</summary>
    public abstract void BeginArray();

    /// <summary>Goes to the array's next element; false at its end.</summary>
    public abstract bool NextElement();

    /// <summary>Reads a text, or a number as text.</summary>
    public abstract string Text();

    /// <summary>Reads an array of whole numbers; false and true count as 0 and 1.</summary>
    public abstract int[] Int32s();

    /// <summary>Reads an array of numbers, rounded to float32.</summary>
    public abstract float[] Singles();

    /// <summary>Passes over the value.</summary>
    public abstract void Skip();

    /// <summary>Checks that nothing follows the root.</summary>
    public abstract void End();

    public string[] Texts()
    {
        List<string> texts = [];
        BeginArray();
        while (NextElement())
        {
            texts.Add(Text());
        }
        return [.. texts];
    }

    public InvalidDataException Error(string message) => File.Error($"{Position}: {message}");
}
