"""How many requests an endpoint may hold."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aio_sm_async.protocol.drain import START_IN_FLIGHT, Drain, RunningCount
from tests.protocol.queueing import Endpoint

SIX_HOURS = 21_600.0


class TestDrain:
    """The limit, from what came and went."""

    def test_it_starts_with_what_is_documented(self) -> None:
        """As long as nothing has come back, time changes nothing: the endpoint may be waking up."""
        drain = Drain()
        for _ in range(5):
            drain.entered(0.0)

        assert [START_IN_FLIGHT] * 3 == [drain.limit(now, SIX_HOURS) for now in (0.0, 600.0, 20_000.0)]
        assert "<Drain 5 in flight, 0 done>" == repr(drain)

    def test_who_leaves_without_an_answer_says_nothing_of_the_rate(self) -> None:
        """A rejected, an abandoned or an expired request makes room, and no more."""
        drain = Drain()
        drain.entered(0.0)
        drain.left(1.0)

        assert (START_IN_FLIGHT, 0) == (drain.limit(2.0, SIX_HOURS), drain.in_flight)

    def test_littles_law(self) -> None:
        """Two a second that take a second each: what they work off in a fifth of the TTL, and themselves."""
        drain = Drain()
        for second in range(100):
            entries = [drain.entered(float(second)) for _ in range(2)]
            for entry in entries:
                drain.completed(entry, second + 1.0)
                drain.left(second + 1.0)

        assert 2 * (60 / 5 + 1) == drain.limit(100.0, 60.0)
        assert 2 * (300 / 5 + 1) == drain.limit(100.0, 300.0)

    def test_idle_time_is_not_silence(self) -> None:
        """A day without a request leaves the limit as it was."""
        drain = Drain()
        for second in range(20):
            drain.completed(drain.entered(float(second)), second + 1.0)
            drain.left(second + 1.0)
        before = drain.limit(20.0, 60.0)

        assert before == drain.limit(86_400.0, 60.0)
        drain.entered(86_400.0)
        assert before == drain.limit(86_400.0, 60.0)

    def test_silence_lowers_it_to_one(self) -> None:
        """An endpoint that answers no more is sent less and less, yet never nothing."""
        drain = Drain()
        for second in range(20):
            drain.completed(drain.entered(float(second)), second + 1.0)
            drain.left(second + 1.0)
        drain.entered(20.0)

        limits = [drain.limit(now, 60.0) for now in range(20, 60)]

        assert sorted(limits, reverse=True) == limits
        assert (13, 1) == (limits[0], limits[-1])

    @given(
        st.lists(st.tuples(st.sampled_from(["enter", "complete", "leave"]), st.floats(0, 500)), max_size=200),
        st.integers(60, 21_600),
        st.integers(1, 1000),
    )
    def test_any_order_of_facts(self, facts: list[tuple[str, float]], ttl: int, start: int) -> None:
        """At least one may always be in flight, and a longer TTL never means fewer."""
        drain, now, inside = Drain(start), 0.0, []
        for fact, passed in facts:
            now += passed
            if fact == "enter":
                inside.append(drain.entered(now))
            elif inside:
                if fact == "complete":
                    drain.completed(inside[0], now)
                inside.pop(0)
                drain.left(now)
            limit = drain.limit(now, ttl)
            assert limit >= 1
            assert drain.in_flight == len(inside)


class TestQueue:
    """What becomes of a queue that is filled up to the limit."""

    def test_a_hundred_thousand(self) -> None:
        """8 slots at 30 s each: none of 100,000 expires or waits for a quarter of the TTL, no slot idles."""
        course = Endpoint(8, 30.0, SIX_HOURS).play(100_000)

        assert (100_000, 0, 0) == (course.done, course.expired, course.idle_seconds)
        assert course.longest_wait < SIX_HOURS / 4

    def test_cold_start(self) -> None:
        """Ten minutes at zero instances: nothing expires, and no slot idles from then on."""
        course = Endpoint(0, 30.0, SIX_HOURS).play(3_000, scale=[(600.0, 8)])

        assert (3_000, 0, 0) == (course.done, course.expired, course.idle_seconds)
        assert course.longest_wait < SIX_HOURS / 4

    def test_scale_in(self) -> None:
        """Three of four instances go when the queue is at its longest: what is in it is done in time."""
        course = Endpoint(8, 30.0, SIX_HOURS).play(5_000, scale=[(10_000.0, 2)])

        assert (5_000, 0) == (course.done, course.expired)
        assert course.limit_at(30_000.0) < course.limit_at(10_000.0) / 3

    def test_scale_out(self) -> None:
        """From 1 slot to 64: all are busy at once, and the limit grows with them."""
        course = Endpoint(1, 30.0, SIX_HOURS).play(8_000, scale=[(3_000.0, 64)])

        assert (8_000, 0, 0) == (course.done, course.expired, course.idle_seconds)
        assert course.limit_at(6_000.0) > 20 * course.limit_at(3_000.0)

    def test_short_ttl(self) -> None:
        """A TTL of 60 s and inferences of 1 s: nothing waits for a quarter, and no slot idles."""
        course = Endpoint(8, 1.0, 60.0).play(5_000)

        assert (5_000, 0, 0) == (course.done, course.expired, course.idle_seconds)
        assert course.longest_wait < 15

    @pytest.mark.parametrize("start", [1, 8, 16])
    def test_inference_longer_than_a_fifth_of_the_ttl(self, start: int) -> None:
        """Inferences of 30 s at a TTL of 60 s: it grows until all slots are busy, and nothing expires."""
        course = Endpoint(8, 30.0, 60.0, start).play(1_000)

        assert (1_000, 0) == (course.done, course.expired)
        assert course.idle_seconds <= 8 * 180
        assert course.longest_wait <= 30

    def test_a_start_that_is_too_high_for_the_ttl(self) -> None:
        """100 at once are too many for 8 slots, 30 s and 60 s: those expire, none after them."""
        course = Endpoint(8, 30.0, 60.0).play(1_000)

        assert course.done + course.expired == 1_000
        assert course.expired <= START_IN_FLIGHT - 8 * 2

    @pytest.mark.parametrize("ttl", [60.0, SIX_HOURS])
    def test_fast_endpoints_are_not_slowed_down(self, ttl: float) -> None:
        """500 a second at 0.2 s: no slot idles, and after some seconds there is room for much more."""
        course = Endpoint(100, 0.2, ttl).play(10_000)

        assert (10_000, 0, 0) == (course.done, course.expired, round(course.idle_seconds))
        assert course.limit_at(5.0) > 5_000

    def test_trickle_then_burst(self) -> None:
        """One at a time for long, then many: the limit doubles with each round until all slots are busy."""
        trickle = [(20.0 * number, 1) for number in range(50)]
        course = Endpoint(64, 10.0, 60.0).play(0, more=[*trickle, (2_000.0, 2_000)])

        assert (2_050, 0) == (course.done, course.expired)
        assert course.limit_at(2_150.0) > 64
        assert course.longest_wait <= 30

    def test_trickle_then_burst_at_the_default_ttl(self) -> None:
        """A trickle has proven enough for a burst to fill all slots at once."""
        trickle = [(60.0 * number, 1) for number in range(50)]
        course = Endpoint(64, 30.0, SIX_HOURS).play(0, more=[*trickle, (4_000.0, 2_000)])

        assert (2_050, 0, 0) == (course.done, course.expired, course.idle_seconds)

    def test_an_endpoint_that_dies_and_comes_back(self) -> None:
        """Nothing more is sent into silence; when it ends the queue fills up again."""
        course = Endpoint(8, 30.0, SIX_HOURS).play(6_000, scale=[(3_000.0, 0), (12_000.0, 8)])

        assert (6_000, 0) == (course.done, course.expired)
        assert course.idle_seconds <= 8 * 9_000
        assert course.limit_at(20_000.0) > 1_000

    @settings(max_examples=25)
    @given(st.integers(1, 32), st.floats(0.5, 120), st.integers(0, 2**32))
    def test_uneven_inferences(self, slots: int, mean: float, seed: int) -> None:
        """Whatever one takes, at the default TTL nothing expires, and slots idle at the beginning only."""
        dice = random.Random(seed)
        course = Endpoint(slots, lambda: dice.expovariate(1 / mean), SIX_HOURS).play(1_500)

        assert (1_500, 0) == (course.done, course.expired)
        assert course.idle_seconds <= slots * mean


class TestRunningCount:
    """How many came since any moment."""

    def test_nothing(self) -> None:
        """Nothing came, nothing is counted."""
        assert (0, 0) == RunningCount().since(0.0)

    def test_since_before_everything(self) -> None:
        """All count, also those whose moments are forgotten."""
        count = RunningCount()
        for moment in range(1, 40_000, 10):
            count.add(float(moment), 2.0)

        assert (4_000, 8_000) == (count.total, 2 * count.total)
        assert 1_600 == pytest.approx(count.since(39_991.0 - 16_000)[0], rel=0.02)
        assert count.since(-1.0)[0] == pytest.approx(1_600, rel=0.05)

    def test_after_the_last(self) -> None:
        """Nothing has come since."""
        count = RunningCount()
        count.add(5.0, 1.0)

        assert (0, 0) == count.since(5.0)
        assert (1, 1.0) == count.since(0.0)

    @given(st.lists(st.floats(0, 50), min_size=1, max_size=3_000), st.floats(1, 15_000))
    @settings(max_examples=30)
    def test_near_the_truth_with_little_memory(self, gaps: list[float], back: float) -> None:
        """It is off by what came around the moment that is asked for, and remembers some hundred moments."""
        count, moments = RunningCount(), list(itertools.accumulate(gaps))
        for moment in moments:
            count.add(moment, 1.0)
        since = moments[-1] - back
        near = back / 32 + 50 + RunningCount.GRAIN_SECONDS

        least = sum(moment > since + near for moment in moments)
        most = sum(moment > since - near for moment in moments)

        assert least <= count.since(since)[0] <= most
        assert len(count) <= 700
