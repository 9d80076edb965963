using System.Runtime.InteropServices;
using System.Text;
using Grpc.Core;
using ScoringEngine.Core.Decisions;
using ScoringEngine.Protocol.V1;
using ScoringEngine.Server.Hosting;
using ScoringEngine.Storage;
using Decision = ScoringEngine.Protocol.V1.Decision;
using LoggedDecision = ScoringEngine.Storage.LoggedDecision;

namespace ScoringEngine.Server.Services;

/// <summary>A decision on its way to the disk; see <see cref="Decider.CompleteAsync"/>.</summary>
/// <param name="Decision">The answer.</param>
/// <param name="Model">What made it.</param>
/// <param name="Request">The request.</param>
/// <param name="Contact">What it reserved in the customer's record; default where nothing.</param>
/// <param name="Receipt">Its record; default where it is not logged.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PendingDecision(Decision Decision, ServedModel Model, DecideRequest Request, ContactReceipt Contact, DecisionReceipt Receipt);

/// <summary>
/// Decides on the live state. A customer is scored outside of any lock; under the lock of the customer, or of the household, it is decided
/// on the contacts of that moment, and what is offered is reserved. Then the decision is logged. Thread-safe; register one instance.
/// </summary>
internal sealed class Decider(ModelHolder models, CustomerDatabase database, DecisionLog log, CustomerRows rows, TimeProvider time)
{
    // Requests of one id wait for each other, others hardly ever.
    private readonly Lock[] _requests = [.. Enumerable.Range(0, 256).Select(_ => new Lock())];

    /// <summary>Decides, but does not wait for the disk.</summary>
    /// <exception cref="RpcException">The request is wrong, or about nobody.</exception>
    /// <exception cref="IOException">Store or log cannot be written, and the policy refuses.</exception>
    public PendingDecision Decide(DecideRequest request)
    {
        ServedModel model = models.Current;
        ScoreWork work = model.Rent();
        try
        {
            DecisionAttempt attempt = Begin(model, work, request);
            if (request.RequestId.Length == 0)
            {
                return DecideNew(attempt);
            }
            lock (_requests[(uint)attempt.Seed % (uint)_requests.Length])
            {
                return log.TryGet(attempt.Id, out LoggedDecision? first) ? Repeat(attempt, first) : DecideNew(attempt);
            }
        }
        finally
        {
            model.Return(work);
        }
    }

    /// <summary>Waits until a decision is as durable as it is to be.</summary>
    /// <returns>What to answer: the decision, or what the policy wants in place of one that cannot be kept.</returns>
    /// <exception cref="IOException">It cannot be made durable, and the policy refuses; it may or may not be kept.</exception>
    public async ValueTask<Decision> CompleteAsync(PendingDecision pending, CancellationToken cancellation)
    {
        try
        {
            await database.CommittedAsync(pending.Contact, cancellation);
            await log.CommittedAsync(pending.Receipt, cancellation);
            return pending.Decision;
        }
        catch (IOException) when (MayDegrade(pending.Model))
        {
            return Preview(pending.Model, pending.Request, Degraded);
        }
    }

    /// <summary>Explains a decision of the log, or what a request would get now; reserves and logs nothing.</summary>
    /// <exception cref="RpcException">The request is wrong, or what it is about cannot be had.</exception>
    public ExplainDecisionResponse Explain(ExplainDecisionRequest request)
    {
        ServedModel model = models.Current;
        Violations violations = default;
        int whyNot = 0;
        if (request.WhyNotPropositionId.Length > 0 && !model.CandidateIndexes.TryGetValue(request.WhyNotPropositionId, out whyNot))
        {
            violations.Add("why_not_proposition_id", $"no proposition {Failure.Quote(request.WhyNotPropositionId)}");
        }
        DecisionCall.CheckExplainFeatures(request.ExplainFeatures, ref violations);
        if (request.DecisionId.Length == 0 && request.Request is null)
        {
            violations.Add("decision_id", "empty, and there is no request: expected one of them");
        }
        violations.ThrowIfAny();
        ExplainDecisionResponse Answer(DecisionAttempt attempt) => new()
        {
            Decision = DecisionMessages.Of(attempt, attempt.Work.Trace.Chosen, withCandidates: true, (int)request.ExplainFeatures),
            WhyNot = request.WhyNotPropositionId.Length > 0 ? DecisionMessages.WhyNot(attempt, whyNot) : "",
        };
        if (request.DecisionId.Length == 0)
        {
            return Preview(model, request.Request!, Answer);
        }
        ScoreWork work = model.Rent();
        try
        {
            LoggedDecision logged = log.TryGet(request.DecisionId, out LoggedDecision? found) ? found : throw Failure.NoDecision(request.DecisionId).ToException();
            return DecisionAttempt.IsOf(logged, model) ? Answer(DecisionAttempt.Again(logged, model, work))
                : throw Failure.Of(StatusCode.FailedPrecondition, Failure.ModelChanged,
                    $"decision {Failure.Quote(request.DecisionId)} was made with another workspace or version than the served one").ToException();
        }
        finally
        {
            model.Return(work);
        }
    }

    private static bool MayDegrade(ServedModel model) => model.Workspace.Policy.OnLogFailure == LogFailure.StandardTreatment;

    private static Decision Degraded(DecisionAttempt attempt)
    {
        attempt.Model.Decisions.OfferStandardTreatment(attempt.Work.Trace);
        Decision decision = DecisionMessages.Of(attempt, attempt.Work.Trace.Offered, attempt.Request.ExplainCandidates, (int)attempt.Request.ExplainFeatures);
        decision.Degraded = true;
        return decision;
    }

    /// <summary>Decides as <see cref="Decide"/> would now; reserves and logs nothing.</summary>
    private T Preview<T>(ServedModel model, DecideRequest request, Func<DecisionAttempt, T> answer)
    {
        ScoreWork work = model.Rent();
        try
        {
            DecisionAttempt attempt = Begin(model, work, request);
            if (request.HouseholdId.Length > 0)
            {
                work.SetContacts(log.HouseholdContacts(Encoding.UTF8.GetBytes(request.HouseholdId)).AsSpan());
            }
            else if (attempt.CustomerId.Length > 0)
            {
                ContactReader reader = new(work);
                database.Customers.Read(attempt.CustomerId, ref reader);
            }
            attempt.Decide(log);
            return answer(attempt);
        }
        finally
        {
            model.Return(work);
        }
    }

    /// <summary>Checks a request, and scores the customer.</summary>
    private DecisionAttempt Begin(ServedModel model, ScoreWork work, DecideRequest request)
    {
        Violations violations = default;
        DecisionCall call = DecisionCall.Read(request, model, time, ref violations);
        bool found = rows.Fill(model, request.CustomerId, request.Features, request, work.Block.Row(0), ref violations, out StoredVersion stored);
        violations.ThrowIfAny();
        if (!found)
        {
            throw Failure.NoCustomer(request.CustomerId).ToException();
        }
        model.Decisions.Score(work.Block, 1);
        DecisionAttempt attempt = new(model, work, request, call, request.RequestId.Length > 0 ? request.RequestId : Guid.NewGuid().ToString()) { Stored = stored };
        work.SetContacts([]);
        work.Declined = request.InteractionId.Length > 0 ? log.DeclinedIn(attempt.CustomerId, request.InteractionId) : [];
        return attempt;
    }

    private PendingDecision DecideNew(DecisionAttempt attempt)
    {
        try
        {
            ContactReceipt contact = Reserve(attempt);
            DecisionReceipt receipt = Append(attempt);
            Decision decision = DecisionMessages.Of(
                attempt, attempt.Work.Trace.Offered, attempt.Request.ExplainCandidates, (int)attempt.Request.ExplainFeatures);
            return new PendingDecision(decision, attempt.Model, attempt.Request, contact, receipt);
        }
        catch (IOException) when (MayDegrade(attempt.Model))
        {
            return new PendingDecision(Preview(attempt.Model, attempt.Request, Degraded), attempt.Model, attempt.Request, default, default);
        }
        finally
        {
            attempt.Budget?.Dispose();
        }
    }

    private DecisionReceipt Append(DecisionAttempt attempt)
    {
        try
        {
            return log.Append(attempt.ToRecord(), attempt.ToInputs(), attempt.CustomerId, attempt.Budget);
        }
        catch (IOException)
        {
            TakeBack(attempt);
            throw;
        }
    }

    /// <summary>Takes the contacts of a decision back that is not kept.</summary>
    private void TakeBack(DecisionAttempt attempt)
    {
        ReservationRemoval removal = new(attempt);
        try
        {
            if (attempt.Request.HouseholdId.Length > 0)
            {
                log.UpdateHousehold(Encoding.UTF8.GetBytes(attempt.Request.HouseholdId), ref removal, out _);
            }
            else if (attempt.CustomerId.Length > 0)
            {
                database.UpdateContacts(attempt.CustomerId, ref removal, out _);
            }
        }
        catch (IOException)
        {
            // Most likely for the reason that the decision is not kept for. The reservation expires by itself.
        }
    }

    /// <summary>Decides under the lock of whose contacts count, and reserves contacts and budgets.</summary>
    private ContactReceipt Reserve(DecisionAttempt attempt)
    {
        if (attempt.Request.HouseholdId.Length > 0)
        {
            HouseholdDecision household = new(attempt, log);
            // What it changes is in the log before the decision, and durable with it.
            log.UpdateHousehold(Encoding.UTF8.GetBytes(attempt.Request.HouseholdId), ref household, out _);
            return default;
        }
        if (attempt.CustomerId.Length == 0)
        {
            attempt.DecideAndReserve(log);
            return default;
        }
        while (true)
        {
            CustomerDecision customer = new(attempt, log);
            if (database.UpdateContacts(attempt.CustomerId, ref customer, out ContactReceipt receipt))
            {
                return receipt;
            }
            if (attempt.IsDecided)
            {
                return default; // Nothing is a contact.
            }
            Rescore(attempt);
        }
    }

    /// <summary>Scores a customer again who was written, or removed, after it was scored.</summary>
    private void Rescore(DecisionAttempt attempt)
    {
        DecideRequest request = attempt.Request;
        Violations violations = default;
        if (!rows.Fill(attempt.Model, request.CustomerId, request.Features, request, attempt.Work.Block.Row(0), ref violations, out StoredVersion stored))
        {
            throw Failure.NoCustomer(request.CustomerId).ToException();
        }
        attempt.Stored = stored;
        attempt.Model.Decisions.Score(attempt.Work.Block, 1);
    }

    /// <summary>The answer to a request whose id was decided before.</summary>
    private PendingDecision Repeat(DecisionAttempt attempt, LoggedDecision first)
    {
        if (first.Inputs is null)
        {
            throw Failure.Erased(attempt.Id).ToException();
        }
        if (first.Inputs.CustomerId != attempt.Request.CustomerId)
        {
            throw Failure.Of(StatusCode.AlreadyExists, Failure.DecisionIdTaken, $"decision {Failure.Quote(attempt.Id)} is about another customer").ToException();
        }
        Decision decision;
        if (DecisionAttempt.IsOf(first, attempt.Model))
        {
            DecisionAttempt again = DecisionAttempt.Again(first, attempt.Model, attempt.Work);
            again.Stored = attempt.Stored;
            decision = DecisionMessages.Of(again, again.Work.Trace.Offered, attempt.Request.ExplainCandidates, (int)attempt.Request.ExplainFeatures);
        }
        else
        {
            decision = DecisionMessages.Of(first, attempt.Model);
        }
        // Whatever the first is waiting for is among all that was written so far.
        return new PendingDecision(decision, attempt.Model, attempt.Request, default,
            new DecisionReceipt(log.Statistics.Sequence, database.Statistics.Sequence, IsNew: false));
    }

    private readonly struct ContactReader(ScoreWork work) : ICustomerReader
    {
        public void Read(in CustomerView customer) => work.SetContacts(customer.Contacts);
    }
}
