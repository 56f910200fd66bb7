"""What can happen to a connection that neither Python nor the operating system has an error for."""

from __future__ import annotations


class ConnectTimeoutError(TimeoutError):
    """No connection was made in time."""


class ClosedBeforeRequestError(ConnectionError):
    """The connection was closed before anything was written to it."""


class ClosedBeforeAnswerError(ConnectionError):
    """The peer closed the connection, and not a byte of the answer had come."""


class CutOffError(ConnectionError):
    """The peer closed the connection in the middle of the answer."""


class NotHttpError(ConnectionError):
    """What came is no HTTP answer, or none that is taken."""
