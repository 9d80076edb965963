namespace ScoringEngine.Core.Models.Import;

/// <summary>The bytes of a model file and the name that errors give it.</summary>
internal sealed record ModelFile(string Name, byte[] Bytes)
{
    /// <summary>Longest file that is read.</summary>
    public const int MaxLength = 1 << 30;

    public static ModelFile Read(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Read(stream, path);
    }

    /// <summary>Reads to the end of the stream. Memory follows what the stream holds, not what it claims.</summary>
    public static ModelFile Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using MemoryStream bytes = new();
        byte[] buffer = new byte[81920];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            if (bytes.Length + read > MaxLength)
            {
                throw new InvalidDataException($"{name}: longer than {MaxLength} bytes, the longest model file that is read");
            }
            bytes.Write(buffer, 0, read);
        }
        return new ModelFile(name, bytes.ToArray());
    }

    public InvalidDataException Error(string message) => new($"{Name}: {message}");

    /// <summary>Builds a part of a model, whose constructor refuses what does not fit together.</summary>
    public T Build<T>(string part, Func<T> build)
    {
        try
        {
            return build();
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{Name}: {part}: {e.Message}", e);
        }
    }
}
