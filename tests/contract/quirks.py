"""Where the servers differ from what AWS documents: the only way for a test to be excused.

An excused test still runs, and must fail: the day a server mends its quirk, this table is wrong.
The table in docs/contract.md is made from it: ``python -m tests.contract.quirks``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "contract.md"
BEGIN = "<!-- made by python -m tests.contract.quirks -->\n"
END = "<!-- end of what is made -->\n"


@dataclass(frozen=True)
class Quirk:
    """One difference.

    Attributes:
        test: The test that shows it; with its case in brackets where only that one fails.
        server: Whose it is.
        does: What the server does.
        documented: What AWS documents.
    """

    test: str
    server: str
    does: str
    documented: str


_FILTERS = "`$or` takes a list of rules, one of which must match (SNS Developer Guide, filter policies)"
_KEYS = "A key is any Unicode text whose UTF-8 has at most 1,024 bytes (S3 User Guide, object keys)"
_KEY_TOO_LONG = f"{_KEYS}; a longer one is a `KeyTooLongError`, 400 (S3 error codes)"
_NO_SUCH_UPLOAD = "`NoSuchUpload`, 404 (S3 error codes)"
_PART_ORDER = "`InvalidPartOrder`, 400: parts must be listed in ascending order (CompleteMultipartUpload)"
_SIGNED = "Every request is authenticated; `SignatureDoesNotMatch`, 403 (IAM User Guide, Signature Version 4)"
_KNOWN = "The key id must exist; `InvalidAccessKeyId` or `InvalidClientTokenId`, 403 (common error codes)"
_DIGEST = "`BadDigest`, 400: the MD5 or checksum given is not that of the body (S3 error codes)"
_RECEIPTS = (
    "With an older receipt the request succeeds, yet may delete nothing (DeleteMessage, ReceiptHandle)"
)

QUIRKS = [
    Quirk("test_complete_after_abort", "moto", "Answers a bare 500", _NO_SUCH_UPLOAD),
    Quirk("test_part_after_abort", "moto", "Answers a bare 500", _NO_SUCH_UPLOAD),
    Quirk("test_part_order", "moto", "Checks the sizes first: `EntityTooSmall`", _PART_ORDER),
    Quirk("test_key_too_long", "moto", "Takes a key of any length", _KEY_TOO_LONG),
    Quirk("test_control_characters", "moto", "Answers 404 to a PUT of a key with a line feed", _KEYS),
    Quirk("test_wrong_md5", "moto", "Stores the body unchecked", _DIGEST),
    Quirk("test_wrong_checksum", "moto", "Stores the body unchecked", _DIGEST),
    Quirk(
        "test_batch_of_eleven",
        "moto",
        "Takes more than ten entries in a delete batch",
        "`TooManyEntriesInBatchRequest` (DeleteMessageBatch)",
    ),
    Quirk(
        "test_batch_of_twins",
        "moto",
        "Looks for twins among a delete batch's receipts, not its ids",
        "`BatchEntryIdsNotDistinct` (DeleteMessageBatch)",
    ),
    Quirk("test_wrong_secret", "moto", "Looks at no signature", _SIGNED),
    Quirk("test_unknown_key", "moto", "Looks at no key id", _KNOWN),
    Quirk(
        "test_signature_version",
        "moto",
        "Writes version 2 into every envelope",
        "A topic signs with version 1 unless its attribute SignatureVersion says 2 (SetTopicAttributes)",
    ),
    Quirk("test_filter[or]", "moto", "Answers a bare 500 to the publish", _FILTERS),
    Quirk(
        "test_closed_queue",
        "moto",
        "Delivers to a queue whose policy names nobody",
        "The queue's policy must allow the topic sqs:SendMessage (SNS Developer Guide, subscribing a queue)",
    ),
    Quirk("test_part_order", "ministack", "Puts the parts in order by itself", _PART_ORDER),
    Quirk(
        "test_small_part",
        "ministack",
        "Takes parts of any size",
        "`EntityTooSmall`, 400: every part but the last has at least 5 MiB (CompleteMultipartUpload)",
    ),
    Quirk(
        "test_default_content_type",
        "ministack",
        "Says application/octet-stream",
        "binary/octet-stream (S3 User Guide, system-defined metadata)",
    ),
    Quirk("test_key_too_long", "ministack", "Takes a key of any length", _KEY_TOO_LONG),
    Quirk("test_delete_twice", "ministack", "Answers `ReceiptHandleIsInvalid`", _RECEIPTS),
    Quirk("test_superseded_receipt", "ministack", "Answers `ReceiptHandleIsInvalid`", _RECEIPTS),
    Quirk(
        "test_wait_limit",
        "ministack",
        "Takes more than 20 seconds",
        "WaitTimeSeconds is 0 to 20 (SQS Developer Guide, ReceiveMessageWaitTimeSeconds)",
    ),
    Quirk(
        "test_bad_filter",
        "ministack",
        "Takes a filter whose value is no list",
        "`InvalidParameter`, 400 (Subscribe; SNS Developer Guide, filter policy constraints)",
    ),
]


def quirk_of(test: str, case: str, server: str) -> Quirk | None:
    """The quirk that excuses the test, or this case of it, on the server."""
    for quirk in QUIRKS:
        if quirk.server == server and quirk.test in {test, f"{test}[{case}]"}:
            return quirk
    return None


def table() -> str:
    """The differences as a Markdown table."""
    rows = [
        f"| {quirk.server} | `{quirk.test}` | {quirk.does} | {quirk.documented} |\n"
        for quirk in sorted(QUIRKS, key=lambda quirk: (quirk.server, quirk.test))
    ]
    return "| server | test | what it does | what AWS documents |\n| --- | --- | --- | --- |\n" + "".join(
        rows
    )


def page(text: str) -> str:
    """The page's text with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
