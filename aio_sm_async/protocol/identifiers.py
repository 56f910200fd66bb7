"""Names that tell whose an invocation is: client ids, inference ids, output paths.

An inference id of ours reads ``<client_id>.<incarnation>.<random>``. The client id may be stable over
restarts (an SNS filter policy is written for it), the incarnation is drawn anew each time a client opens, and
nobody can guess the random part. None of the three contains a dot, so an id splits one way only.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b

from aio_sm_async.errors import InvalidRequestError

MAX_INFERENCE_ID_LENGTH = 64
MIN_RANDOM_BYTES = 12

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_INCARNATION_LENGTH = 8
_INCARNATION_BYTES = 6

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_INCARNATION = re.compile(r"[A-Za-z0-9]{1,8}")


class Ownership(Enum):
    """Whose an inference id is, as far as its text tells."""

    OURS = "this client's"
    KIN = "of the same client id, from another incarnation"
    STRANGER = "somebody else's"


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """One opened client: the name it was given, and which of that name's lives this is.

    Raises:
        InvalidRequestError: The client id is not one (see `check_client_id`).
        ValueError: The incarnation is not one to eight letters and digits.
    """

    client_id: str
    incarnation: str

    def __post_init__(self) -> None:
        check_client_id(self.client_id)
        if _INCARNATION.fullmatch(self.incarnation) is None:
            raise ValueError("incarnation: takes 1 to 8 letters and digits; new_incarnation() makes one")

    def mint(self, random_bytes: bytes) -> str:
        """A new inference id; two are equal only if the bytes were.

        Args:
            random_bytes: At least 12 bytes (96 bits) from a cryptographic source. 16 always fit.

        Raises:
            ValueError: Too few bytes to be unguessable, or too many for the 64 characters of an id.
        """
        if len(random_bytes) < MIN_RANDOM_BYTES:
            raise ValueError(f"random_bytes: {len(random_bytes)} given, at least {MIN_RANDOM_BYTES} needed")
        secret = urlsafe_b64encode(random_bytes).rstrip(b"=").decode("ascii")
        minted = f"{self.client_id}.{self.incarnation}.{secret}"
        if len(minted) > MAX_INFERENCE_ID_LENGTH:
            raise ValueError(f"random_bytes: {len(random_bytes)} are too many for an id of 64 characters")
        return minted

    def owns(self, inference_id: str) -> Ownership:
        """Whose the id is. An id that was not minted by a client of ours is a stranger's."""
        client_id, _, rest = inference_id.partition(".")
        incarnation, _, secret = rest.partition(".")
        if client_id != self.client_id or not incarnation or not secret:
            return Ownership.STRANGER
        return Ownership.OURS if incarnation == self.incarnation else Ownership.KIN


def check_client_id(text: str) -> str:
    """The same text, if it can stand at the head of inference ids and in S3 keys.

    Raises:
        InvalidRequestError: It is not 1 to 32 letters, digits, ``_`` and ``-``.
    """
    if _CLIENT_ID.fullmatch(text) is None:
        raise InvalidRequestError(
            "client_id",
            "must be 1 to 32 letters, digits, '_' and '-'",
            "Choose such a name, or leave it out to have one drawn.",
        )
    return text


def new_incarnation(random_bytes: bytes) -> str:
    """Eight letters and digits that tell this opening of a client from every other.

    Args:
        random_bytes: At least six random bytes; the first six are used.

    Raises:
        ValueError: There are fewer.
    """
    if len(random_bytes) < _INCARNATION_BYTES:
        raise ValueError(f"random_bytes: {len(random_bytes)} given, at least {_INCARNATION_BYTES} needed")
    number = int.from_bytes(random_bytes[:_INCARNATION_BYTES], "big")
    characters: list[str] = []
    for _ in range(_INCARNATION_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)


def output_extension(user_extension: str | None, identity: ClientIdentity, block: int) -> str:
    """The ``S3OutputPathExtension`` of one block of invocations: the caller's own, then ours.

    One LIST of this prefix answers for the whole block. Whether the caller's part is legal is for
    `check_request` to say, of the whole.
    """
    ours = f"{identity.client_id}/{identity.incarnation}/{block}"
    return ours if user_extension is None else f"{user_extension}/{ours}"


def output_filename(inference_id: str) -> str:
    """The ``Filename`` that belongs to an id: sent twice, one invocation writes one object.

    The id itself cannot be it: a file name holds 32 characters and one dot at most.
    """
    return blake2b(inference_id.encode(), digest_size=12).hexdigest() + ".out"
