using Grpc.Core;

namespace Grpc.Contracts.Tests;

public class StatusTests
{
    [Fact]
    public void Equals_CodeDetailAndCause_AllCount()
    {
        InvalidOperationException cause = new("boom");
        Status status = new(StatusCode.Internal, "broken", cause);

        Assert.True(status == new Status(StatusCode.Internal, "broken", cause));
        Assert.Equal(status.GetHashCode(), new Status(StatusCode.Internal, "broken", cause).GetHashCode());
        Assert.True(status != new Status(StatusCode.Unknown, "broken", cause));
        Assert.True(status != new Status(StatusCode.Internal, "other", cause));
        Assert.True(status != new Status(StatusCode.Internal, "broken"));
        Assert.False(status.Equals("broken"));
    }

    [Fact]
    public void Default_IsSuccess()
    {
        Assert.Equal(Status.DefaultSuccess, default);
        Assert.Equal("", default(Status).Detail);
        Assert.Equal(new Status(StatusCode.Cancelled, ""), Status.DefaultCancelled);
    }

    [Fact]
    public void ToString_WithAndWithoutCause_NamesEverything()
    {
        Assert.Equal(
            "Status(StatusCode=\"NotFound\", Detail=\"no model\")", new Status(StatusCode.NotFound, "no model").ToString());
        Assert.Equal(
            "Status(StatusCode=\"Internal\", Detail=\"\", DebugException=\"System.IO.IOException: disk\")",
            new Status(StatusCode.Internal, "", new IOException("disk")).ToString());
    }

    [Fact]
    public void StatusCode_Values_AreTheWireNumbers()
    {
        string[] names =
        [
            "OK", "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
            "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
            "Internal", "Unavailable", "DataLoss", "Unauthenticated",
        ];

        Assert.Equal(names, Enumerable.Range(0, names.Length).Select(number => ((StatusCode)number).ToString()));
        Assert.Equal(names.Length, Enum.GetValues<StatusCode>().Length);
    }

    [Fact]
    public void RpcException_FromStatus_CarriesItsTextAndCause()
    {
        IOException cause = new("disk");
        Status status = new(StatusCode.Unavailable, "try later", cause);
        RpcException exception = new(status);

        Assert.Equal(status, exception.Status);
        Assert.Equal(StatusCode.Unavailable, exception.StatusCode);
        Assert.Equal(status.ToString(), exception.Message);
        Assert.Same(cause, exception.InnerException);
        Assert.Empty(exception.Trailers);
    }

    [Fact]
    public void RpcException_WithTrailersAndMessage_CarriesBoth()
    {
        Metadata trailers = new() { { "a", "1" } };

        Assert.Same(trailers, new RpcException(Status.DefaultCancelled, trailers).Trailers);
        Assert.Equal("mine", new RpcException(Status.DefaultCancelled, "mine").Message);
        Assert.Equal("mine", new RpcException(Status.DefaultCancelled, trailers, "mine").Message);
        Assert.Throws<ArgumentNullException>(() => new RpcException(Status.DefaultCancelled, (Metadata)null!));
    }
}
