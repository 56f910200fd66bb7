"""Whom the registry believes, and whose messages it takes for its own."""

from __future__ import annotations

import pytest

from aio_sm_async.protocol.completion import Completed, Completion, Expired, Failed
from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.registry import (
    REMEMBERED_NAMES,
    Acknowledge,
    Fetch,
    Look,
    Registry,
    Release,
    Settle,
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
    OUT_TWO,
    OWN_CHOICE,
    PATIENCE,
    STRANGER_ID,
    Message,
    accepted,
    note,
    pending,
)


@pytest.fixture
def registry() -> Registry:
    return Registry(ME, resend_after_seconds=60.0)


class TestBelief:
    """A notification is believed only where it agrees with what SageMaker told us; else S3 decides."""

    @pytest.mark.parametrize(
        "spoof",
        [
            Completed(ID, "endpoint", EVIL, body=b"666"),
            Completed(ID, "endpoint", OUT_TWO, body=b"666"),
            Completed(ID, "endpoint", None, body=b"666"),
            Completed(ID, "another", OUT, body=b"666"),
            Failed(ID, "forged", "endpoint", failure_location=EVIL),
            Failed(ID, "forged", "another"),
            Expired(ID, "forged", "another"),
        ],
    )
    def test_a_spoof_settles_nothing(self, registry: Registry, spoof: Completion) -> None:
        """S3 is asked instead, and the message stays until the truth is known."""
        taken, message = accepted(registry, failure=BAD), Message()

        assert [Look(taken, is_last=False)] == registry.delivered(note(spoof, message))
        assert ID in registry
        assert registry.counts["mismatched"] == 1

        true = Completed(ID, None, OUT, body=b"4")
        assert [Settle(taken, true, "sqs"), Acknowledge(message)] == registry.delivered(note(true))

    def test_without_a_202_the_place_is_inferred_from_another(self, registry: Registry) -> None:
        """Once an endpoint has been seen to honour our names, a lost 202 can be made up for."""
        accepted(registry, OTHER_ID)
        unsure = pending(registry, filename="2.out")
        registry.ambiguous(ID, NOW)

        assert registry.expected_location(unsure) == OUT_TWO
        spoof = note(Completed(ID, "endpoint", OUT, body=b"666"))
        assert [Look(unsure, is_last=False)] == registry.delivered(spoof)
        true = note(Completed(ID, "endpoint", OUT_TWO))
        assert [Fetch(unsure, true, OUT_TWO)] == registry.delivered(true)

    def test_a_bucket_whose_root_is_written_to_is_learned_too(self, registry: Registry) -> None:
        """An endpoint whose output path is the bucket itself honours our names without a slash before."""
        accepted(registry, OTHER_ID, output=S3Location("bucket", "worker/abcd1234/0/1.out"))
        unsure = pending(registry, filename="2.out")

        assert registry.expected_location(unsure) == S3Location("bucket", "worker/abcd1234/0/2.out")

    @pytest.mark.parametrize(
        ("learned", "claimed", "is_believed"),
        [
            ("out/uuid.out", "out/other.out", True),
            ("out/uuid.out", "out/worker/abcd1234/1/other.out", True),
            ("out/worker/abcd1234/0/uuid.out", "out/other.out", True),
            ("out/uuid.out", "outside/other.out", False),
            ("uuid.out", "anywhere/other.out", True),
            ("worker/abcd1234/0/uuid.out", "other.out", True),
            ("out/x1.out", "out/x1.out", True),
        ],
    )
    def test_without_names_the_learned_folder_must_do(
        self, registry: Registry, learned: str, claimed: str, is_believed: bool
    ) -> None:
        """Where our names are not honoured, a claim is believed below the path that is written to."""
        accepted(registry, OTHER_ID, output=S3Location("bucket", learned))
        unsure = pending(registry, filename="2.out")
        registry.ambiguous(ID, NOW)
        delivery = note(Completed(ID, "endpoint", S3Location("bucket", claimed)))
        believed = [Fetch(unsure, delivery, S3Location("bucket", claimed))]

        assert registry.expected_location(unsure) is None
        assert (believed if is_believed else [Look(unsure, is_last=False)]) == registry.delivered(delivery)

    def test_a_client_that_sends_no_names_learns_the_folder(self, registry: Registry) -> None:
        """Without names of ours every output of the endpoint lies in one folder, in that bucket."""
        accepted(registry, OTHER_ID, output=S3Location("bucket", "out/uuid.out"), filename=None)
        unsure = pending(registry, filename=None)
        registry.ambiguous(ID, NOW)

        assert [Look(unsure, is_last=False)] == registry.delivered(
            note(Completed(ID, "endpoint", S3Location("evil", "out/1.out"), body=b"666"))
        )
        assert [Look(unsure, is_last=False)] == registry.delivered(
            note(Completed(ID, "endpoint", None, body=b"666"))
        )

    def test_a_filename_alone_is_a_name_too(self, registry: Registry) -> None:
        """Names without an extension are recognised at the end of the learned location."""
        first = Invocation(OTHER_ID, "endpoint", PATIENCE, filename="1.out")
        second = Invocation(ID, "endpoint", PATIENCE, filename="2.out")
        registry.register(first)
        registry.register(second)
        registry.accepted(
            OTHER_ID, NOW, output_location=S3Location("bucket", "out/1.out"), failure_location=None
        )

        assert registry.expected_location(second) == S3Location("bucket", "out/2.out")

    def test_with_nothing_learned_the_id_alone_must_do(self, registry: Registry) -> None:
        """Before the first 202 of an endpoint there is nothing to compare with; ids cannot be guessed."""
        unsure = pending(registry)
        registry.ambiguous(ID, NOW)
        delivery = note(Completed(ID, "endpoint", OUT))

        assert registry.expected_location(unsure) is None
        assert [Fetch(unsure, delivery, OUT)] == registry.delivered(delivery)

    def test_no_message_names_a_place_that_the_202_did_not(self, registry: Registry) -> None:
        """Where the 202 told no output location, a claimed one is never read."""
        taken = accepted(registry, output=None)
        done = Completed(ID, "endpoint", EVIL)

        assert [Settle(taken, done, "sqs")] == registry.delivered(note(done))

    def test_claimed_words_of_a_failure_are_fetched_only_from_the_known_folder(
        self, registry: Registry
    ) -> None:
        """Without a failure location of its own 202, an invocation's failure must lie beside others'."""
        accepted(registry, OTHER_ID, failure=BAD)
        unsure = pending(registry)
        registry.ambiguous(ID, NOW)
        beside = S3Location("bucket", "bad/2-error.out")
        forged = Failed(ID, "oops", "endpoint", failure_location=EVIL)

        assert registry.failure_location(unsure) is None
        assert registry.failure_location(unsure, Failed(ID, "oops", failure_location=beside)) == beside
        assert registry.failure_location(unsure, forged) is None
        assert [Settle(unsure, forged, "sqs")] == registry.delivered(note(forged))


class TestStrangers:
    """What is not ours is never acknowledged, but released."""

    @pytest.mark.parametrize(
        ("inference_id", "ownership"),
        [(STRANGER_ID, Ownership.STRANGER), (OWN_CHOICE, Ownership.STRANGER), (KIN_ID, Ownership.KIN)],
    )
    def test_the_message_of_another_is_handed_back(
        self, registry: Registry, inference_id: str, ownership: Ownership
    ) -> None:
        """The source learns whose it is, and decides when it is to be seen again."""
        message = Message()

        assert [Release(message, ownership)] == registry.delivered(note(Completed(inference_id), message))
        assert registry.counts["strangers"] == 1

    def test_one_without_a_message_is_ignored(self, registry: Registry) -> None:
        """What polling or a webhook tells of others has nothing to be handed back."""
        assert registry.delivered(note(Completed(STRANGER_ID))) == []

    def test_a_name_of_the_callers_own_is_remembered(self, registry: Registry) -> None:
        """A late copy for an id without our prefix is acknowledged, for it was ours."""
        late = Message()
        accepted(registry, OWN_CHOICE)
        registry.abandoned(OWN_CHOICE)

        assert [Acknowledge(late)] == registry.delivered(note(Completed(OWN_CHOICE), late))

    def test_only_so_many_names_are_remembered(self, registry: Registry) -> None:
        """Memory does not grow with what is finished: the oldest names are strangers again."""
        for number in range(REMEMBERED_NAMES + 1):
            pending(registry, f"order-{number}")
            registry.abandoned(f"order-{number}")
        first, second = Message(), Message()

        assert [Release(first, Ownership.STRANGER)] == registry.delivered(note(Completed("order-0"), first))
        assert [Acknowledge(second)] == registry.delivered(note(Completed("order-1"), second))
