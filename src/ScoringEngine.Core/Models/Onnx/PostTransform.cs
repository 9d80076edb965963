using System.Diagnostics;
using ScoringEngine.Core.Numerics;

namespace ScoringEngine.Core.Models.Onnx;

/// <summary>What linear and tree operators do to their scores at the end.</summary>
internal enum PostTransformKind
{
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

/// <summary>The transforms of one row's scores.</summary>
internal static class PostTransform
{
    public static PostTransformKind Of(OnnxNode node) => node.Choice(
        "post_transform",
        "NONE",
        ("NONE", PostTransformKind.None),
        ("LOGISTIC", PostTransformKind.Logistic),
        ("SOFTMAX", PostTransformKind.Softmax),
        ("SOFTMAX_ZERO", PostTransformKind.SoftmaxZero),
        ("PROBIT", PostTransformKind.Probit));

    public static void Apply(PostTransformKind kind, Span<float> scores)
    {
        switch (kind)
        {
            case PostTransformKind.Softmax:
                Softmax(scores);
                break;
            case PostTransformKind.SoftmaxZero:
                SoftmaxZero(scores);
                break;
            default:
                foreach (ref float score in scores)
                {
                    score = kind switch
                    {
                        PostTransformKind.Logistic => Logistic(score),
                        PostTransformKind.Probit => Probit(score),
                        _ => score,
                    };
                }
                break;
        }
    }

    /// <summary>
    /// The scores of two classes from the one of the second. Without LOGISTIC the first gets 1 - s where scores are
    /// probabilities, else -s.
    /// </summary>
    public static void OfTwo(PostTransformKind kind, float score, bool complement, Span<float> scores)
    {
        Debug.Assert(kind != PostTransformKind.Probit && scores.Length == 2);
        bool logistic = kind == PostTransformKind.Logistic;
        scores[1] = logistic ? Logistic(score) : score;
        scores[0] = logistic ? Logistic(-score) : complement ? 1 - score : -score;
    }

    /// <summary>Refuses what <see cref="OfTwo"/> does not have.</summary>
    public static void RequireDefinedOfTwo(PostTransformKind kind)
    {
        if (kind == PostTransformKind.Probit)
        {
            throw new InvalidDataException("post_transform PROBIT of one score for two classes is not supported");
        }
    }

    /// <summary>Refuses what the standard and the reference runtime answer differently: a function of one score but PROBIT.</summary>
    public static void RequireDefined(PostTransformKind kind, int outputs)
    {
        if (outputs == 1 && kind is not (PostTransformKind.None or PostTransformKind.Probit))
        {
            throw new InvalidDataException($"post_transform {kind} of one score is not defined alike by all runtimes");
        }
    }

    public static float Logistic(float score) => (float)DeterministicMath.Sigmoid(score);

    public static void Softmax(Span<float> scores)
    {
        float greatest = Greatest(scores);
        float sum = 0;
        foreach (ref float score in scores)
        {
            score = (float)DeterministicMath.Exp(score - greatest);
            sum += score;
        }
        foreach (ref float score in scores)
        {
            score /= sum;
        }
    }

    /// <summary>Softmax over the scores that are not 0; those stay 0.</summary>
    private static void SoftmaxZero(Span<float> scores)
    {
        float greatest = Greatest(scores);
        float scale = (float)DeterministicMath.Exp(-greatest);
        float sum = 0;
        foreach (ref float score in scores)
        {
            if (Math.Abs(score) > 0.0000001f)
            {
                score = (float)DeterministicMath.Exp(score - greatest);
                sum += score;
            }
            else
            {
                score *= scale;
            }
        }
        foreach (ref float score in scores)
        {
            score /= sum;
        }
    }

    /// <summary>The normal quantile through Winitzki's approximation (2008) of the inverse error function, which runtimes use.</summary>
    private static float Probit(float score)
    {
        float x = (2 * score) - 1;
        float log = (float)DeterministicMath.Log((1 - x) * (1 + x));
        float v = (2 / (3.14159f * 0.147f)) + (0.5f * log);
        float w = -v + MathF.Sqrt((v * v) - (1 / 0.147f * log));
        return 1.41421356f * MathF.CopySign(MathF.Sqrt(w), x);
    }

    private static float Greatest(ReadOnlySpan<float> scores)
    {
        float greatest = float.MinValue;
        foreach (float score in scores)
        {
            greatest = score > greatest ? score : greatest;
        }
        return greatest;
    }
}
