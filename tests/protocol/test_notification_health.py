"""Whether notifications can be relied on."""

from __future__ import annotations

from aio_sm_async.protocol.notification_health import MISSES_TO_DISTRUST, NotificationHealth


def flowing() -> NotificationHealth:
    health = NotificationHealth()
    health.arrived()
    return health


def test_nothing_is_taken_on_trust() -> None:
    """Before the first notification polling does not slow down."""
    assert not NotificationHealth().is_flowing


def test_one_notification_is_trusted() -> None:
    """The first one that settles something shows that they come."""
    assert flowing().is_flowing


def test_a_lost_notification_or_two_is_no_fault() -> None:
    """SQS and SNS may lose one; trust goes with the third in a row."""
    health = flowing()
    seen = []
    for _ in range(MISSES_TO_DISTRUST):
        health.missed()
        seen.append(health.is_flowing)

    assert [True, True, False] == seen


def test_misses_count_only_in_a_row() -> None:
    """A notification between two misses starts the count anew."""
    health = flowing()
    for _ in range(10):
        health.missed()
        health.missed()
        health.arrived()

    assert health.is_flowing


def test_trust_returns_with_the_next_notification() -> None:
    """However many were missed, one that arrives shows that they come again."""
    health = flowing()
    for _ in range(50):
        health.missed()
    health.arrived()

    assert health.is_flowing


def test_misses_before_the_first_notification_do_not_outlive_it() -> None:
    """A subscription that was confirmed late is trusted from its first notification on."""
    health = NotificationHealth()
    for _ in range(5):
        health.missed()
    health.arrived()

    assert health.is_flowing


def test_a_source_that_fails_is_not_relied_on() -> None:
    """While a queue cannot be read polling hurries, and slows down again when it can."""
    health = flowing()
    health.source_failed("queue-1")
    while_failing = health.is_flowing
    health.source_recovered("queue-1")

    assert not while_failing
    assert health.is_flowing


def test_every_source_must_have_recovered() -> None:
    """One that works does not speak for one that fails."""
    health = flowing()
    health.source_failed("queue-1")
    health.source_failed("queue-2")
    health.source_failed("queue-2")
    health.source_recovered("queue-1")
    with_one = health.is_flowing
    health.source_recovered("queue-2")

    assert not with_one
    assert health.is_flowing


def test_a_recovery_without_a_failure_changes_nothing() -> None:
    """A source may say that it can be read whenever it was."""
    health = NotificationHealth()
    health.source_recovered("queue-1")

    assert not health.is_flowing


def test_its_repr_tells_why() -> None:
    """The three reasons for distrust can be read off it."""
    health = flowing()
    health.missed()
    health.source_failed("queue-2")
    health.source_failed("queue-1")

    assert "<NotificationHealth flowing=False misses=1 failing=['queue-1', 'queue-2']>" == repr(health)
