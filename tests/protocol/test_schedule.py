"""What to ask S3, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aio_sm_async.protocol.location import S3Location
from aio_sm_async.protocol.schedule import (
    LIST_FROM,
    AskFailure,
    AskOutput,
    ListBlock,
    Pace,
    PollSchedule,
    Question,
)

PACE = Pace(first_seconds=2.0, growth=1.5, cap_seconds=30.0, notified_seconds=30.0)
TICK = 0.25  # how long whoever asks lets questions gather


def block_of(number: int) -> S3Location:
    return S3Location("bucket", f"out/{number}")


def output_of(name: str, block: int = 0) -> S3Location:
    return block_of(block).child(f"{name}.out")


def failure_of(name: str) -> S3Location:
    return S3Location("bucket", f"bad/{name}-error.out")


def add(
    schedule: PollSchedule,
    names: Iterable[str],
    now: float = 0.0,
    *,
    block: int | None = 0,
    has_failure: bool = False,
) -> None:
    for name in names:
        schedule.add(
            name,
            now,
            output=output_of(name, block or 0),
            failure=failure_of(name) if has_failure else None,
            prefix=block_of(block) if block is not None else None,
        )


def names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def played(schedule: PollSchedule, start: float, end: float) -> list[tuple[float, Question]]:
    """Everything that is asked between two moments, by someone who looks once a tick."""
    asked: list[tuple[float, Question]] = []
    now = start
    while now <= end:
        asked += [(now, question) for question in schedule.due(now)]
        now += TICK
    return asked


def names_asked(question: Question) -> list[str]:
    return list(question.members.values()) if isinstance(question, ListBlock) else [question.inference_id]


def test_waits_grow_from_the_first_to_the_cap() -> None:
    """Someone who is alone is looked for after 2 s, then after waits that grow by half up to 30 s."""
    schedule = PollSchedule(PACE)
    add(schedule, ["alone"])
    moments = [now for now, _ in played(schedule, 0.0, 130.0)]
    waits = [later - earlier for earlier, later in zip([0.0, *moments], moments, strict=False)]

    assert waits[:4] == [2.0, 3.0, 4.5, 6.75]
    assert waits[-2:] == [30.0, 30.0]
    assert sorted(waits) == waits


def test_what_another_process_sent_is_asked_at_once() -> None:
    """It may have ended, and its notification be lost: whatever notifications do, it is looked for soon."""
    schedule = PollSchedule(Pace())
    schedule.add("a", 10.0, output=S3Location("bucket", "out/a"), is_inherited=True)
    schedule.set_notified(True)
    due = schedule.next_due()
    questions = schedule.due(10.0)

    assert 10.0 == due
    assert [AskOutput("a", S3Location("bucket", "out/a"))] == questions
    assert 13.0 == schedule.next_due()


def test_few_are_asked_by_key() -> None:
    """Seven that are due in a block are seven GETs: cheaper than a LIST, and each brings its body."""
    schedule = PollSchedule(PACE)
    add(schedule, names(LIST_FROM - 1))

    assert [AskOutput(name, output_of(name)) for name in names(LIST_FROM - 1)] == schedule.due(2.0)


def test_many_are_asked_by_one_list() -> None:
    """A block with eight due is listed, and the answer serves those too that are not due yet."""
    schedule = PollSchedule(PACE)
    add(schedule, names(LIST_FROM))
    add(schedule, ["fresh"], now=1.0)
    members = {output_of(name).key: name for name in [*names(LIST_FROM), "fresh"]}

    assert [ListBlock(block_of(0), members)] == schedule.due(2.0)
    assert schedule.due(3.0) == []  # the LIST has answered for the fresh one
    assert schedule.due(4.9) == []
    assert [ListBlock(block_of(0), members)] == schedule.due(5.0)


def test_blocks_are_asked_apart() -> None:
    """One block may be listed while another is asked by key; what is in none is always asked by key."""
    schedule = PollSchedule(PACE)
    add(schedule, names(LIST_FROM))
    add(schedule, ["few"], block=1)
    add(schedule, [f"loose{number}" for number in range(20)], block=None)
    listed, *by_key = schedule.due(2.0)

    assert isinstance(listed, ListBlock)
    assert listed.prefix == block_of(0)
    assert {question for question in by_key if isinstance(question, AskOutput)} == set(by_key)
    assert len(by_key) == 21


def test_a_failure_is_asked_with_its_output() -> None:
    """Whoever is asked by key is asked for both keys, in a look of its own too."""
    schedule = PollSchedule(PACE)
    add(schedule, ["alone"], has_failure=True)
    questions = [
        AskOutput("alone", output_of("alone")),
        AskFailure("alone", failure_of("alone")),
    ]

    assert questions == schedule.ask("alone")
    assert questions == schedule.due(2.0)
    assert schedule.ask("stranger") == []


def test_failures_of_a_listed_block_are_asked_in_turn() -> None:
    """At most twenty a second, each once for each LIST at most, in the order in which they became due."""
    schedule = PollSchedule(PACE, failures_per_second=20.0)
    add(schedule, names(100), has_failure=True)
    asked = [(now, each) for now, each in played(schedule, 0.0, 30.0) if isinstance(each, AskFailure)]
    turns = Counter(each.inference_id for _, each in asked)

    assert [each.inference_id for _, each in asked[:100]] == names(100)
    assert min(turns.values()) >= 3  # of five LISTs: nobody is passed over for long
    for start in range(30):
        assert sum(start <= now < start + 1 for now, _ in asked) <= 40  # a second's burst, and a second


def test_a_thousand_failure_keys_have_their_turn_in_a_minute() -> None:
    """With a thousand pending in one block each failure key is asked within 50 s of the first LIST."""
    schedule = PollSchedule(PACE, failures_per_second=20.0)
    add(schedule, names(1000), has_failure=True)
    asked = [each for _, each in played(schedule, 0.0, 52.0) if isinstance(each, AskFailure)]

    assert {each.inference_id for each in asked} == set(names(1000))
    assert len(asked) <= 20 * 52


def test_what_is_owed_wakes_whoever_asks() -> None:
    """Between two LISTs the next failure key is what is due next."""
    schedule = PollSchedule(PACE, failures_per_second=2.0)
    add(schedule, names(LIST_FROM), has_failure=True)
    first = schedule.due(2.0)

    assert [type(each) for each in first] == [ListBlock, AskFailure, AskFailure, AskFailure]
    assert schedule.next_due() == 2.5
    assert schedule.due(2.4) == []
    assert [AskFailure("n3", failure_of("n3"))] == schedule.due(2.5)


def test_failures_of_listed_blocks_may_be_left_alone() -> None:
    """At a rate of nought only a look by key asks for them."""
    schedule = PollSchedule(PACE, failures_per_second=0.0)
    add(schedule, names(LIST_FROM), has_failure=True)

    assert [ListBlock] == [type(each) for each in schedule.due(2.0)]


def test_what_has_ended_is_asked_no_more() -> None:
    """Neither by key, nor as a member of its block, nor for the failure that it was owed."""
    schedule = PollSchedule(PACE, failures_per_second=1.0)
    add(schedule, names(LIST_FROM), has_failure=True)
    schedule.due(2.0)
    schedule.remove("n7")
    schedule.remove("n7")
    asked = {name for _, question in played(schedule, 2.25, 40.0) for name in names_asked(question)}

    assert asked == set(names(LIST_FROM - 1))
    for name in names(LIST_FROM):
        schedule.remove(name)
    assert schedule.next_due() is None
    assert repr(schedule) == "<PollSchedule 0 pending in 0 blocks, alone>"


def test_an_invocation_added_again_begins_anew() -> None:
    """A second 202, as after a resend, replaces what was known of the first."""
    schedule = PollSchedule(PACE)
    add(schedule, ["again"], block=1)
    add(schedule, ["again"], now=1.0, block=2)

    assert len(schedule) == 1
    assert schedule.due(2.9) == []
    assert [AskOutput("again", output_of("again", 2))] == schedule.due(3.0)


def test_a_filename_given_twice_confuses_nobody() -> None:
    """Two invocations that write one object are each asked for until each has ended."""
    schedule = PollSchedule(PACE)
    for name in ("first", "second"):
        schedule.add(name, 0.0, output=output_of("same"), prefix=block_of(0))

    assert {name for question in schedule.due(2.0) for name in names_asked(question)} == {"first", "second"}
    schedule.remove("first")
    assert [AskOutput("second", output_of("same"))] == schedule.due(5.0)
    schedule.remove("second")
    assert schedule.next_due() is None


class TestNotified:
    """While notifications flow, S3 is asked more rarely."""

    def test_the_wait_is_long_from_the_first_look_on(self) -> None:
        """There is a look every half minute, however fresh the invocation."""
        schedule = PollSchedule(PACE)
        schedule.set_notified(True)
        add(schedule, ["one"])

        assert [now for now, _ in played(schedule, 0.0, 65.0)] == [30.0, 60.0]
        assert repr(schedule) == "<PollSchedule 1 pending in 1 blocks, notified>"

    def test_it_slows_down_what_is_waiting(self) -> None:
        """A look that was near is put off when notifications begin to flow."""
        schedule = PollSchedule(PACE)
        add(schedule, ["one"])
        schedule.set_notified(True)

        assert schedule.next_due() == 30.0

    def test_it_hurries_once_they_stop(self) -> None:
        """What would have been looked for already is looked for at once, and at the quick pace from then."""
        schedule = PollSchedule(PACE)
        schedule.set_notified(True)
        add(schedule, ["one"])
        schedule.set_notified(False)

        assert schedule.next_due() == 2.0
        assert [AskOutput("one", output_of("one"))] == schedule.due(10.0)
        assert schedule.next_due() == 13.0

    def test_old_news_changes_nothing(self) -> None:
        """To hear again that notifications flow does not put off any look."""
        schedule = PollSchedule(PACE)
        schedule.set_notified(True)
        add(schedule, ["one"])
        schedule.due(30.0)
        schedule.set_notified(True)

        assert schedule.next_due() == 60.0


@pytest.mark.parametrize("finished", [0, 5_000])
def test_a_look_costs_the_same_however_many_are_finished(finished: int) -> None:
    """A thousand pending of one block are one LIST a look, whatever has ended before them."""
    schedule = PollSchedule(PACE)
    for number in range(finished):
        add(schedule, [f"done{number}"], block=number // 1000)
        schedule.remove(f"done{number}")
    add(schedule, names(1000), block=99)
    asked = [question for _, question in played(schedule, 0.0, 60.0)]

    assert len(asked) == 6  # at 2, 5, 9.5, 16.25, 26.5 and 41.75 seconds
    assert all(isinstance(question, ListBlock) and len(question.members) == 1000 for question in asked)


PLANS = st.lists(
    st.tuples(
        st.floats(0.0, 20.0),  # when it is accepted
        st.integers(0, 2),  # its block; 2 is none
        st.booleans(),  # whether it may leave a failure object
        st.floats(0.0, 90.0),  # how long it is pending
    ),
    max_size=40,
)


@settings(max_examples=50)
@given(PLANS, st.floats(0.0, 100.0), st.booleans())
def test_nothing_pending_is_forgotten(
    plans: list[tuple[float, int, bool, float]], switch_at: float, is_notified: bool
) -> None:
    """In any half minute each pending output is asked for: not too soon, and never after its end."""
    schedule = PollSchedule(PACE)
    schedule.set_notified(is_notified)
    begins = {f"n{number}": begin for number, (begin, _, _, _) in enumerate(plans)}
    ends = {f"n{number}": begin + stay for number, (begin, _, _, stay) in enumerate(plans)}
    seen = {name: [begin] for name, begin in begins.items()}
    absent = dict(enumerate(plans))
    now = 0.0
    while now <= 100.0:
        for number, (begin, block, has_failure, _) in list(absent.items()):
            if begin <= now:
                del absent[number]
                where = block if block < 2 else None
                add(schedule, [f"n{number}"], begin, block=where, has_failure=has_failure)
        for name, end in ends.items():
            if end <= now:
                schedule.remove(name)
        if now >= switch_at:
            schedule.set_notified(not is_notified)
        for question in schedule.due(now):
            if isinstance(question, AskOutput):
                assert now - begins[question.inference_id] >= PACE.first_seconds - 1e-9
            for name in names_asked(question):
                assert begins[name] <= now < ends[name]
                if not isinstance(question, AskFailure):
                    seen[name].append(now)
        now += TICK

    for name, moments in seen.items():
        end = min(ends[name], 100.0)
        gaps = [later - earlier for earlier, later in zip(moments, [*moments[1:], end], strict=True)]
        assert max(gaps) <= PACE.cap_seconds + 2 * TICK
