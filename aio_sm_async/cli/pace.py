"""How fast a run is, and when it will be over: from what was done when."""

from __future__ import annotations

from collections import deque

HORIZON_SECONDS = 30.0


class Pace:
    """Looks back over half a minute, so that it follows the endpoint and does not jump.

    Args:
        now: When the run began.
        done: What was done then.
    """

    def __init__(self, now: float, done: int = 0) -> None:
        self._marks: deque[tuple[float, int]] = deque([(now, done)])

    def observe(self, now: float, done: int) -> None:
        """So many are done now."""
        self._marks.append((now, done))
        while len(self._marks) > 2 and self._marks[1][0] <= now - HORIZON_SECONDS:
            self._marks.popleft()

    @property
    def per_second(self) -> float:
        """Items a second, lately."""
        (first_time, first), (last_time, last) = self._marks[0], self._marks[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else 0.0

    def seconds_left(self, left: int) -> float | None:
        """How long so many more will take; None while nothing moves."""
        return left / self.per_second if self.per_second > 0 else None


def clock_face(seconds: float) -> str:
    """A span of time as people read it: ``0:07``, ``12:30``, ``3:05:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
