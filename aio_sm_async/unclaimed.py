"""Invocations of the journal that nobody here waits for yet, and what was heard of them meanwhile."""

from __future__ import annotations

from aio_sm_async.protocol.identifiers import Ownership
from aio_sm_async.protocol.invocation import Delivery


class Unclaimed:
    """Keeps what comes for them until somebody asks: their messages may be the only copies."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery | None] = {}

    def __len__(self) -> int:
        return len(self._deliveries)

    def __contains__(self, inference_id: str) -> bool:
        return inference_id in self._deliveries

    def expect(self, inference_id: str) -> None:
        """Somebody may ask for it."""
        self._deliveries.setdefault(inference_id, None)

    def keep(self, delivery: Delivery) -> bool:
        """Keep the latest that was heard of it, and tell whether it is one of these.

        Its message is held: it would come again every few seconds, until a redrive policy takes it away.
        """
        inference_id = delivery.completion.inference_id
        if inference_id not in self._deliveries:
            return False
        self._deliveries[inference_id] = delivery
        if delivery.receipt is not None:
            delivery.receipt.hold()
        return True

    def claim(self, inference_id: str) -> Delivery | None:
        """Somebody has asked for it: what was heard of it is theirs."""
        return self._deliveries.pop(inference_id, None)

    def forget(self, inference_id: str) -> None:
        """Nobody will ask for it after all."""
        delivery = self._deliveries.pop(inference_id, None)
        if delivery is not None and delivery.receipt is not None:
            delivery.receipt.acknowledge()

    def release(self) -> None:
        """Hand back the messages of all that nobody asked for: another process may."""
        for delivery in self._deliveries.values():
            if delivery is not None and delivery.receipt is not None:
                delivery.receipt.release(Ownership.OURS)
        self._deliveries.clear()
