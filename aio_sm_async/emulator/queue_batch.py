"""Batches: refused as a whole for their shape, answered entry by entry for their contents."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus

from aio_sm_async.emulator.json_members import JsonMembers
from aio_sm_async.emulator.json_value import JsonObject, JsonValue
from aio_sm_async.emulator.queue_error import query_code_of
from aio_sm_async.emulator.service import ServiceFault

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MOST_ENTRIES = 10


def carry_out(entries: Sequence[JsonMembers], act: Callable[[JsonMembers], JsonObject]) -> JsonObject:
    """Do each entry, and answer which succeeded and which failed.

    The code of a failed entry is that of the query protocol (guessed where the model's differs).

    Raises:
        ServiceFault: ``EmptyBatchRequest``, ``TooManyEntriesInBatchRequest``, ``BatchEntryIdsNotDistinct`` or
            ``InvalidBatchEntryId``; nothing is done then.
    """
    ids = check_ids([entry.optional_text("Id") or "" for entry in entries])
    successful: list[JsonValue] = []
    failed: list[JsonValue] = []
    for entry_id, entry in zip(ids, entries, strict=True):
        try:
            successful.append({"Id": entry_id, **act(entry)})
        except ServiceFault as fault:
            failed.append(
                {
                    "Id": entry_id,
                    "SenderFault": fault.status < HTTPStatus.INTERNAL_SERVER_ERROR,
                    "Code": query_code_of(fault.code),
                    "Message": fault.message,
                }
            )
    return {"Successful": successful, **({"Failed": failed} if failed else {})}


def check_ids(ids: Sequence[str]) -> Sequence[str]:
    """Return the ids of a batch if they make one.

    Raises:
        ServiceFault: They are none, too many, not distinct or ill-formed.
    """
    if not ids:
        raise ServiceFault("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(ids) > _MOST_ENTRIES:
        reason = f"Maximum number of entries per request are {_MOST_ENTRIES}. You have sent {len(ids)}."
        raise ServiceFault("TooManyEntriesInBatchRequest", reason)
    twin = next((each for index, each in enumerate(ids) if each in ids[:index]), None)
    if twin is not None:
        raise ServiceFault("BatchEntryIdsNotDistinct", f"Id {twin} repeated.")
    if not all(_ID.fullmatch(each) for each in ids):
        reason = "A batch entry id has 1 to 80 letters, digits, hyphens and underscores."
        raise ServiceFault("InvalidBatchEntryId", reason)
    return ids
