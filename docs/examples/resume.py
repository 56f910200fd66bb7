"""Send every row of a file to an endpoint, append every answer to another file, and survive being killed.

::

    python resume.py my-endpoint https://sqs.eu-west-1.amazonaws.com/123/my-queue rows.jsonl answers.jsonl

A row is a line of JSON with an "id" of its own. Killed at any moment and started again, the script goes on
where it ended: rows that are answered are not sent again, rows that are under way are waited for.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from aio_sm_async import AsyncInferenceClient, SqsNotifications


def read_rows(path: Path) -> Iterator[dict[str, object]]:
    """The rows, one by one: there may be more than fit into memory."""
    with path.open() as file:
        yield from map(json.loads, file)


def answered_ids(path: Path) -> set[str]:
    """The ids in the answers so far. Half a line at the end, where a kill hit, is cut off."""
    path.touch()
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    os.truncate(path, len(whole))
    return {json.loads(line)["id"] for line in whole.splitlines()}


async def main(endpoint_name: str, queue_url: str, rows: Path, answers: Path) -> None:
    """Answer every row that has no answer yet."""
    answered = answered_ids(answers)
    client = AsyncInferenceClient(
        endpoint_name,
        notifications=SqsNotifications(queue_urls=[queue_url]),
        journal=answers.with_suffix(".journal"),
    )
    with answers.open("a") as file:
        async with client:
            async for outcome in client.as_completed(read_rows(rows), key=lambda row: row["id"]):
                if outcome.key in answered:
                    continue  # killed after this line was written, and before the journal knew
                if outcome.error is not None:
                    answer = {"id": outcome.key, "error": str(outcome.error)}
                else:
                    answer = {"id": outcome.key, "answer": outcome.result.value}
                file.write(json.dumps(answer) + "\n")
                file.flush()  # asking for the next row tells the journal that this one is done with


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))
