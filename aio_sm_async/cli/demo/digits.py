"""scikit-learn's handwritten digits: half of them teach the model, the other half is sent to it.

Both processes of the demo make the same model, so that each answer can be compared with the model's own.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from aio_sm_async.emulator import ModelError, ModelRequest

CONTENT_TYPE = "image/x-portable-graymap"
SIDE, MAX_GRAY = 8, 16
_HEADER = f"P5\n{SIDE} {SIDE}\n{MAX_GRAY}\n".encode()


@dataclass(frozen=True, slots=True)
class Image:
    """One image that is sent.

    Attributes:
        number: Its place in the data set.
        body: It as a binary PGM file.
        digit: What the model, called directly, takes it for.
    """

    number: int
    body: bytes
    digit: int


class Digits:
    """The model, and the images that it has not seen."""

    def __init__(self) -> None:
        pixels, digits = load_digits(return_X_y=True)
        self._model = SVC(gamma=0.001).fit(pixels[::2], digits[::2])
        self._held_out = pixels[1::2]

    def images(self) -> list[Image]:
        """The held-out images, with what the model says of each."""
        verdicts = self._model.predict(self._held_out)
        return [
            Image(number, _HEADER + pixels.astype(np.uint8).tobytes(), int(digit))
            for number, (pixels, digit) in enumerate(zip(self._held_out, verdicts, strict=True))
        ]

    def answer(self, request: ModelRequest) -> dict[str, int]:
        """What the container answers to one image."""
        pixels = np.frombuffer(request.body, np.uint8, offset=len(_HEADER)).astype(float)
        return {"digit": int(self._model.predict(pixels.reshape(1, -1))[0])}

    def answer_or_fail(self, request: ModelRequest) -> dict[str, int]:
        """The same from a container that cannot read some of the images."""
        if is_smudged(request.body):
            raise ModelError(400, '{"code": 400, "message": "this digit is smudged"}')
        return self.answer(request)


def is_smudged(body: bytes) -> bool:
    """Whether the container of the third run cannot read this image: about one in thirty."""
    return zlib.crc32(body) % 30 == 0
