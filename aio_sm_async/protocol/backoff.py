"""How long to wait before a retry, and whether there may be one at all.

All the numbers are this package's choice; none is a rule of AWS. The budget's follow the retry quota that
AWS's own SDKs keep: one retry for five successes in the long run, and a hundred saved up for bad moments.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_LARGEST_EXPONENT = 1000  # 2.0 ** 1024 overflows; any cap is reached long before


def full_jitter(attempt: int, dice: float, *, base_seconds: float = 0.1, cap_seconds: float = 20.0) -> float:
    """Seconds to wait: anything from none up to a ceiling that doubles with each attempt.

    Args:
        attempt: How many attempts have failed, from 1.
        dice: A random number, at least 0 and below 1.
        base_seconds: The ceiling after the first attempt.
        cap_seconds: Where the ceiling stops growing.

    Raises:
        ValueError: The attempt is below 1: nothing failed, so nothing is to be retried.
    """
    if attempt < 1:
        raise ValueError(f"attempt: {attempt} given; the first failed attempt is 1")
    ceiling = base_seconds * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT)
    return dice * min(cap_seconds, ceiling)


@dataclass(slots=True)
class RetryBudget:
    """Retries that a whole client shares: they cost tokens, and successes earn them back.

    While everything fails, retries end with the tokens, and an outage is not answered with a storm.

    Attributes:
        capacity: The most that can be saved, and what there is to begin with.
        retry_cost: What a retry costs.
        success_refund: What a success gives back.
        tokens: What there is now.
    """

    capacity: int = 500
    retry_cost: int = 5
    success_refund: int = 1
    tokens: int = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.capacity

    def try_withdraw(self) -> bool:
        """True if one retry may be made, and it is paid for; False, and nothing happens, if not."""
        if self.tokens < self.retry_cost:
            return False
        self.tokens -= self.retry_cost
        return True

    def success(self) -> None:
        """Note a call that succeeded."""
        self.tokens = min(self.capacity, self.tokens + self.success_refund)
