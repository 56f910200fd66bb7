"""Which invocations are pending, and what each fact means for them."""

from __future__ import annotations

import pytest

from aio_sm_async.errors import AccessDeniedError
from aio_sm_async.protocol.completion import Completed, Expired, Failed
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import State
from aio_sm_async.protocol.registry import (
    KEPT_RECEIPTS,
    Acknowledge,
    DeadlinePassed,
    Fetch,
    Hold,
    Look,
    Registry,
    Release,
    Resend,
    Settle,
    Undeliverable,
)
from tests.protocol.invocations import (
    BAD,
    EVIL,
    ID,
    KIN_ID,
    ME,
    NOW,
    OTHER_ID,
    OUT,
    OWN_CHOICE,
    PATIENCE,
    STRANGER_ID,
    Message,
    accepted,
    invocation,
    note,
    pending,
)


@pytest.fixture
def registry() -> Registry:
    return Registry(ME, resend_after_seconds=60.0)


class TestRegistering:
    """An id is registered before its request is sent."""

    def test_one_id_is_pending_once(self, registry: Registry) -> None:
        """A second invocation under an id that is pending is refused, and the first is untouched."""
        first = pending(registry)

        with pytest.raises(ValueError, match="pending already"):
            registry.register(invocation())

        assert [first] == list(registry)

    def test_an_id_that_ended_may_be_used_again(self, registry: Registry) -> None:
        """A caller's own id is free once its invocation has ended."""
        accepted(registry, OWN_CHOICE)
        registry.abandoned(OWN_CHOICE)
        pending(registry, OWN_CHOICE)

        assert OWN_CHOICE in registry

    def test_what_is_pending_can_be_seen(self, registry: Registry) -> None:
        """Length, membership and repr tell what is pending, and in which state."""
        accepted(registry)
        pending(registry, OTHER_ID)

        assert len(registry) == 2
        assert repr(registry) == "<Registry 2 pending {'accepted': 1, 'registered': 1}>"

    def test_it_knows_what_was_its_own(self, registry: Registry) -> None:
        """Its ids are known after their end too; those of others only while they are pending."""
        accepted(registry, OWN_CHOICE)

        assert registry.knows(ID)
        assert registry.knows(OWN_CHOICE)
        assert not registry.knows(STRANGER_ID)
        assert not registry.knows(KIN_ID)

    def test_a_refused_request_ends_its_invocation(self, registry: Registry) -> None:
        """A rejected invocation is pending no more, and settles nothing: the caller got the error."""
        refused = pending(registry)

        assert registry.rejected(ID) == []
        assert refused.state is State.REJECTED
        assert ID not in registry

    def test_what_may_have_been_accepted_cannot_be_refused_later(self, registry: Registry) -> None:
        """A resend that is refused leaves the invocation ambiguous: the first request may yet be answered."""
        unsure = pending(registry)
        registry.ambiguous(ID, NOW)

        assert registry.rejected(ID) == []
        assert unsure.state is State.AMBIGUOUS

    def test_news_of_what_is_not_pending_is_ignored(self, registry: Registry) -> None:
        """An answer that comes after the end, or twice, changes nothing."""
        taken = accepted(registry)
        registry.accepted(ID, NOW + 500, output_location=None, failure_location=None)
        registry.ambiguous(ID, NOW + 500)

        assert (taken.state, taken.output_location, registry.next_due()) == (
            State.ACCEPTED,
            OUT,
            NOW + PATIENCE,
        )
        assert registry.accepted("gone", NOW, output_location=None, failure_location=None) == []
        assert registry.ambiguous("gone", NOW) == []
        assert registry.rejected("gone") == []
        assert registry.abandoned("gone") == []


class TestSettling:
    """The first believed completion settles the invocation, once."""

    def test_a_notification_with_its_body_settles_at_once(self, registry: Registry) -> None:
        """The future gets its outcome first, and the message is acknowledged after it."""
        taken, message = accepted(registry), Message()
        done = Completed(ID, "endpoint", OUT, body=b"4")

        assert [Settle(taken, done, "sqs"), Acknowledge(message)] == registry.delivered(note(done, message))
        assert ID not in registry
        assert registry.next_due() is None
        assert registry.counts == {"resolved_by_sqs": 1, "completed": 1}

    def test_a_second_delivery_settles_nothing(self, registry: Registry) -> None:
        """SQS delivers at least once: the copy is only acknowledged."""
        accepted(registry)
        done, copy = Completed(ID, "endpoint", OUT, body=b"4"), Message()
        registry.delivered(note(done, Message()))

        assert [Acknowledge(copy)] == registry.delivered(note(done, copy))
        assert registry.counts["duplicates"] == 1

    def test_the_first_of_two_that_differ_wins(self, registry: Registry) -> None:
        """A failure after a success, as after a resend, is only acknowledged."""
        accepted(registry)
        late = Message()
        registry.delivered(note(Completed(ID, "endpoint", OUT, body=b"4")))

        assert [Acknowledge(late)] == registry.delivered(note(Failed(ID, "oops", "endpoint"), late))

    def test_a_body_that_did_not_come_along_is_fetched(self, registry: Registry) -> None:
        """The message waits for the body, and is acknowledged once that has settled the invocation."""
        taken, message = accepted(registry), Message()
        delivery = note(Completed(ID, "endpoint", OUT), message)
        fetched = Completed(ID, "endpoint", OUT, body=b"4")

        assert [Fetch(taken, delivery, OUT)] == registry.delivered(delivery)
        assert [Settle(taken, fetched, "sqs"), Acknowledge(message)] == registry.resolved(
            taken, fetched, "sqs"
        )
        assert registry.resolved(taken, fetched, "sqs") == []

    def test_copies_that_come_while_it_is_fetched_wait_along(self, registry: Registry) -> None:
        """All messages of one completion are acknowledged together, after it has settled."""
        taken, messages = accepted(registry), [Message(), Message()]
        for message in messages:
            registry.delivered(note(Completed(ID, "endpoint", OUT), message))
        fetched = Completed(ID, "endpoint", OUT, body=b"4")

        assert [Settle(taken, fetched, "sqs"), *map(Acknowledge, messages)] == registry.resolved(
            taken, fetched, "sqs"
        )

    def test_a_body_that_is_missing_hands_the_message_back(self, registry: Registry) -> None:
        """Nothing is settled, the message comes again, and then it is believed again."""
        taken, message, again = accepted(registry), Message(), Message()
        registry.delivered(note(Completed(ID, "endpoint", OUT), message))

        assert [Release(message, Ownership.OURS)] == registry.missing(taken, NOW + 5)
        second = note(Completed(ID, "endpoint", OUT), again)
        assert [Fetch(taken, second, OUT)] == registry.delivered(second)
        assert registry.next_due() == NOW + PATIENCE

    def test_a_body_that_cannot_be_had_settles_with_the_error(self, registry: Registry) -> None:
        """The inference succeeded, so the invocation is completed; its outcome says why there is no body."""
        taken, message = accepted(registry), Message()
        registry.delivered(note(Completed(ID, "endpoint", OUT), message))
        lost = Undeliverable(ID, AccessDeniedError("GetObject", "AccessDenied", "no", status=403))

        assert [Settle(taken, lost, "sqs"), Acknowledge(message)] == registry.resolved(taken, lost, "sqs")
        assert taken.state is State.COMPLETED

    def test_an_expiry_settles(self, registry: Registry) -> None:
        """What SageMaker says to have expired has, without a look into S3."""
        taken, message = accepted(registry), Message()
        expired = Expired(ID, "too long in the queue", "endpoint")

        assert [Settle(taken, expired, "sqs"), Acknowledge(message)] == registry.delivered(
            note(expired, message)
        )
        assert taken.state is State.EXPIRED

    def test_a_failure_without_a_failure_path_settles_at_once(self, registry: Registry) -> None:
        """There is nothing to fetch: the notification holds all that is known."""
        taken = accepted(registry)
        failed = Failed(ID, "oops", "endpoint")

        assert [Settle(taken, failed, "sqs")] == registry.delivered(note(failed))
        assert taken.state is State.FAILED

    def test_the_words_of_a_failure_are_fetched_from_where_the_202_said(self, registry: Registry) -> None:
        """The container's words lie at the failure location, even where the message does not name it."""
        taken = accepted(registry, failure=BAD)
        delivery = note(Failed(ID, "oops", "endpoint"))

        assert [Fetch(taken, delivery, BAD)] == registry.delivered(delivery)

    def test_an_abandoned_invocation_acknowledges_what_comes_late(self, registry: Registry) -> None:
        """Whoever gave it up does not want its answer: the message goes."""
        taken, held, late = accepted(registry), Message(), Message()
        registry.delivered(note(Completed(ID, "endpoint", OUT), held))

        assert [Acknowledge(held)] == registry.abandoned(ID)
        assert [Acknowledge(late)] == registry.delivered(note(Completed(ID, "endpoint", OUT), late))
        assert registry.resolved(taken, Completed(ID, "endpoint", OUT, body=b"4"), "sqs") == []
        assert registry.missing(taken, NOW) == []
        assert registry.given_up(taken, "nothing came") == []


class TestTooEarly:
    """What comes before the answer to the request is held until that answer, and judged then."""

    def test_a_notification_may_overtake_the_202(self, registry: Registry) -> None:
        """It does nothing until the 202 tells what to compare it with."""
        early, message = pending(registry), Message()
        done = Completed(ID, "endpoint", OUT, body=b"4")

        assert registry.delivered(note(done, message)) == []
        assert [Settle(early, done, "sqs"), Acknowledge(message)] == registry.accepted(
            ID, NOW, output_location=OUT, failure_location=None
        )
        assert registry.counts["early"] == 1

    def test_an_early_spoof_does_not_hide_the_truth(self, registry: Registry) -> None:
        """Of all that came early the first that agrees with the 202 settles; all are acknowledged then."""
        early, messages = pending(registry), [Message(), Message(), Message()]
        done = Completed(ID, "endpoint", OUT, body=b"4")
        spoof = Completed(ID, "endpoint", EVIL, body=b"666")
        for completion, message in zip((spoof, done, spoof), messages, strict=True):
            registry.delivered(note(completion, message))

        assert [Settle(early, done, "sqs"), *map(Acknowledge, messages)] == registry.accepted(
            ID, NOW, output_location=OUT, failure_location=None
        )
        assert registry.counts["mismatched"] == 1

    def test_early_spoofs_alone_make_one_look(self, registry: Registry) -> None:
        """Where nothing agrees S3 is asked once, and the invocation stays pending."""
        early = pending(registry)
        for _ in range(3):
            registry.delivered(note(Completed(ID, "endpoint", EVIL, body=b"666")))

        assert [Look(early, is_last=False)] == registry.accepted(
            ID, NOW, output_location=OUT, failure_location=None
        )
        assert ID in registry

    def test_an_ambiguous_answer_is_an_answer(self, registry: Registry) -> None:
        """A completion that was held proves that the request was accepted, and settles it."""
        early = pending(registry)
        done = Completed(ID, "endpoint", OUT, body=b"4")
        registry.delivered(note(done))

        assert [Settle(early, done, "sqs")] == registry.ambiguous(ID, NOW)

    def test_a_refused_request_acknowledges_what_came_early(self, registry: Registry) -> None:
        """It ends the invocation, so the message has nobody to go to."""
        message = Message()
        pending(registry)
        registry.delivered(note(Completed(ID, "endpoint", OUT), message))

        assert [Acknowledge(message)] == registry.rejected(ID)


class TestOnlyCopy:
    """A message that is the only copy of a response goes once the caller has it."""

    def test_it_is_acknowledged_when_the_outcome_is_taken(self, registry: Registry) -> None:
        """Until then it is kept out of sight; copies that come in between wait along."""
        taken, messages = accepted(registry, output=None), [Message(), Message()]
        done = Completed(ID, "endpoint", body=b"4")

        assert [Settle(taken, done, "sqs"), Hold(messages[0])] == registry.delivered(note(done, messages[0]))
        assert [Hold(messages[1])] == registry.delivered(note(done, messages[1]))
        assert [Acknowledge(message) for message in messages] == registry.consumed(ID)
        assert registry.consumed(ID) == []

    def test_nobody_is_left_to_take_it(self, registry: Registry) -> None:
        """An outcome that was dropped untaken is abandoned: its message goes, and nothing is remembered."""
        message, late = Message(), Message()
        accepted(registry, output=None)
        registry.delivered(note(Completed(ID, "endpoint", body=b"4"), message))

        assert [Acknowledge(message)] == registry.abandoned(ID)
        assert [Acknowledge(late)] == registry.delivered(note(Completed(ID, "endpoint"), late))

    def test_only_the_latest_copies_are_remembered(self, registry: Registry) -> None:
        """SQS deletes by the latest receipt, and may deliver for days: memory does not grow with that."""
        messages = [Message() for _ in range(KEPT_RECEIPTS + 3)]
        accepted(registry, output=None)
        for message in messages:
            registry.delivered(note(Completed(ID, "endpoint", body=b"4"), message))

        assert [Acknowledge(message) for message in messages[3:]] == registry.consumed(ID)

    def test_an_id_that_is_used_again_loses_no_message(self, registry: Registry) -> None:
        """Both messages wait until their outcomes are taken."""
        messages = [Message(), Message()]
        for message in messages:
            accepted(registry, OWN_CHOICE, output=None)
            registry.delivered(note(Completed(OWN_CHOICE, "endpoint", body=b"4"), message))

        assert [Acknowledge(message) for message in messages] == registry.consumed(OWN_CHOICE)

    def test_an_ambiguous_one_is_kept_as_well(self, registry: Registry) -> None:
        """A success that names no location has none, 202 or not."""
        message = Message()
        unsure = pending(registry)
        registry.ambiguous(ID, NOW)
        done = Completed(ID, "endpoint")

        assert [Settle(unsure, done, "sqs"), Hold(message)] == registry.delivered(note(done, message))
        assert [Acknowledge(message)] == registry.consumed(ID)

    def test_a_failure_holds_no_copy_of_anything(self, registry: Registry) -> None:
        """A failure's message goes once it has settled, on such endpoints too."""
        taken, message = accepted(registry, output=None), Message()
        failed = Failed(ID, "oops", "endpoint")

        assert [Settle(taken, failed, "sqs"), Acknowledge(message)] == registry.delivered(
            note(failed, message)
        )


class TestTime:
    """What time brings: a resend, a last look, an end."""

    def test_an_ambiguous_request_is_sent_again_once(self, registry: Registry) -> None:
        """After a minute without a trace; an ambiguous answer to that is not answered with a third."""
        unsure = pending(registry)
        registry.ambiguous(ID, NOW)

        assert registry.next_due() == NOW + 60
        assert registry.due(NOW + 59.9) == []
        assert [Resend(unsure)] == registry.due(NOW + 60)
        assert unsure.resends == 1
        registry.ambiguous(ID, NOW + 61)
        assert registry.next_due() == NOW + 61 + PATIENCE

    def test_a_resend_that_is_accepted_is_as_good_as_a_first_request(self, registry: Registry) -> None:
        """From its 202 on the invocation is like any other, and has its time again."""
        unsure = pending(registry)
        registry.ambiguous(ID, NOW)
        registry.due(NOW + 60)
        registry.accepted(ID, NOW + 61, output_location=OUT, failure_location=None)

        assert unsure.state is State.ACCEPTED
        assert registry.next_due() == unsure.deadline == NOW + 61 + PATIENCE

    def test_nothing_is_sent_again_where_that_is_not_wanted(self) -> None:
        """Without a resend time an ambiguous invocation is only waited for."""
        patient = Registry(ME, resend_after_seconds=None)
        pending(patient)
        patient.ambiguous(ID, NOW)

        assert patient.next_due() == NOW + PATIENCE

    def test_what_left_a_trace_is_not_sent_again(self, registry: Registry) -> None:
        """A completion that is being fetched proves that the first request arrived."""
        pending(registry)
        registry.ambiguous(ID, NOW)
        registry.delivered(note(Completed(ID, "endpoint", OUT)))

        assert registry.due(NOW + 60) == []

    def test_past_its_deadline_nothing_is_sent_again(self) -> None:
        """A resend time beyond the deadline means no resend: nobody would wait for its answer."""
        registry = Registry(ME, resend_after_seconds=PATIENCE + 1)
        unsure = pending(registry)
        registry.ambiguous(ID, NOW)

        assert [Look(unsure, is_last=True)] == registry.due(NOW + PATIENCE + 2)
        assert registry.next_due() is None

    def test_past_its_deadline_it_is_looked_for_once_more(self, registry: Registry) -> None:
        """Only if that finds nothing is it given up, and its messages are acknowledged."""
        taken, message = accepted(registry), Message()
        registry.delivered(note(Completed(ID, "another", OUT), message))

        assert registry.due(NOW + PATIENCE - 0.1) == []
        assert [Look(taken, is_last=True)] == registry.due(NOW + PATIENCE)
        assert [
            Settle(taken, DeadlinePassed(ID, "nothing came"), "deadline"),
            Acknowledge(message),
        ] == registry.given_up(taken, "nothing came")
        assert (taken.state, registry.counts["resolved_by_deadline"]) == (State.ABANDONED, 1)

    def test_what_resolves_at_its_deadline_is_not_given_up(self, registry: Registry) -> None:
        """The last look finds it resolving; the fetch settles it, once."""
        taken = accepted(registry)
        registry.delivered(note(Completed(ID, "endpoint", OUT)))
        fetched = Completed(ID, "endpoint", OUT, body=b"4")

        assert [Look(taken, is_last=True)] == registry.due(NOW + PATIENCE)
        assert registry.given_up(taken, "nothing came") == []
        assert [Settle(taken, fetched, "sqs")] == registry.resolved(taken, fetched, "sqs")

    def test_what_fails_to_resolve_at_its_deadline_is_not_lost(self, registry: Registry) -> None:
        """If the fetch finds nothing after all, there is another last look, at once."""
        taken = accepted(registry)
        registry.delivered(note(Completed(ID, "endpoint", OUT)))
        registry.due(NOW + PATIENCE)
        registry.given_up(taken, "nothing came")

        assert registry.missing(taken, NOW + PATIENCE + 3) == []
        assert [Look(taken, is_last=True)] == registry.due(NOW + PATIENCE + 3)
        assert [Settle(taken, DeadlinePassed(ID, "nothing came"), "deadline")] == registry.given_up(
            taken, "nothing came"
        )


class TestAdopting:
    """What another process sent is waited for like our own."""

    def test_an_accepted_one_is_believed_by_its_own_location_only(self, registry: Registry) -> None:
        """A completion at the location that the 202 gave settles it; one elsewhere makes us look."""
        adopted = invocation(KIN_ID)
        adopted.output_location = OUT

        actions = registry.adopt(adopted, NOW, is_accepted=True)
        elsewhere = registry.delivered(note(Completed(KIN_ID, output_location=EVIL, body=b"no")))
        there = registry.delivered(note(Completed(KIN_ID, output_location=OUT, body=b"yes")))

        assert [] == actions
        assert [Look(adopted, is_last=False)] == elsewhere
        assert [Settle(adopted, Completed(KIN_ID, output_location=OUT, body=b"yes"), "sqs")] == there

    def test_it_does_not_tell_where_the_endpoint_writes(self, registry: Registry) -> None:
        """What another process claims of its output is not taken for where ours will lie."""
        adopted = invocation(KIN_ID)
        adopted.output_location = EVIL
        registry.adopt(adopted, NOW, is_accepted=True)

        assert registry.roots.output_root("endpoint") is None

    def test_its_patience_ends_too(self, registry: Registry) -> None:
        """Its deadline counts from the adoption."""
        adopted = invocation(KIN_ID)
        adopted.output_location = OUT
        registry.adopt(adopted, NOW, is_accepted=True)

        assert [Look(adopted, is_last=True)] == registry.due(NOW + PATIENCE)

    def test_one_without_its_202_may_be_sent_again(self, registry: Registry) -> None:
        """Nobody knows whether it was accepted, so it is ambiguous, as if it had been sent here."""
        adopted = invocation(KIN_ID)
        registry.adopt(adopted, NOW, is_accepted=False)

        assert State.AMBIGUOUS is adopted.state
        assert [Resend(adopted)] == registry.due(NOW + 60)

    def test_it_is_pending_once(self, registry: Registry) -> None:
        """What is pending here cannot be adopted."""
        pending(registry)

        with pytest.raises(ValueError, match="pending already"):
            registry.adopt(invocation(), NOW, is_accepted=True)
