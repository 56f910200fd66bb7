"""AWS at the speed of the wire: canned answers from a process of its own, so that the client is measured.

    python -m benchmarks.server [--cpu 1] [--certificate FILE --key FILE]

It prints its ports as one line of JSON. It checks no signature and knows no rule: what is invoked is done at
once, and answers what it was asked. The name of an endpoint says where its results go:

* ``inline-*``: into a notification, on the queue of the same name;
* ``s3-*``: into S3, with a notification; a payload inside the request is refused, as in some regions;
* ``poll-*``: into S3, and nobody is told;
* ``inline-stamped*``: as inline, and the answer is the moment at which it was given, in nanoseconds of the
  machine's monotonic clock.

A bucket is named after the endpoint that uses it. Of outputs that were read, the oldest are dropped, so that
a run of any length fits into memory. A poll is answered when ten messages are there, or soon after the first:
each client gets full batches under load, whatever it does for that itself. ``GET /_/state`` tells the calls,
by owner and operation, and the CPU time of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import binascii
import contextlib
import json
import os
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import cast
from urllib.parse import parse_qs, unquote

from benchmarks.framing import HeaderText, decode_aws_chunked, decode_chunked
from benchmarks.message_queue import NO_MESSAGES, MessageQueue, member

GATHER_SECONDS = 0.01
MOST_KEPT_BYTES = 128 << 20
MOST_KEPT_OBJECTS = 50_000
EMPTY_RECEIVE = "ReceiveMessage, empty"

_LISTING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>{bucket}</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>1000</MaxKeys>"
    "<IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
)
_LISTED = (
    "<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>&quot;0&quot;</ETag>"
    "<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
_NOTIFICATION = (
    b'{"awsRegion":"us-east-1","eventTime":"2026-11-01T00:00:00.608Z","receivedTime":"2026-11-01T00:00:00.455Z",'
    b'"invocationStatus":"Completed","requestParameters":{"contentType":"application/octet-stream",'
    b'"endpointName":"%b"},"responseParameters":{"contentType":"application/octet-stream",'
    b'"outputLocation":"%b"},%b"inferenceId":"%b","eventVersion":"1.0","eventSource":"aws:sagemaker",'
    b'"eventName":"InferenceResult"}'
)
_RESPONSE_BODY = (
    b'"responseBody":{"content":"%b","message":"Check S3 path location(if configured) or Cloudwatch for '
    b'additional details.","encoding":"BASE64"},'
)
_NO_SUCH_KEY = b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code><Message>No such key.</Message></Error>'


def answer(status: str, body: bytes = b"", *, headers: str = "", length: int | None = None) -> bytes:
    """A whole HTTP answer."""
    size = len(body) if length is None else length
    head = (
        f"HTTP/1.1 {status}\r\nx-amzn-RequestId: 6c2a1f0e-0000-4000-8000-000000000000\r\n"
        f"Date: Sun, 01 Nov 2026 00:00:00 GMT\r\n{headers}Content-Length: {size}\r\n\r\n"
    )
    return head.encode("latin-1") + body


class Services:
    """The runtime, the queues and the objects of all owners.

    Args:
        gather_seconds: How long a poll waits for a tenth message after the first.
        inference_seconds: How long an inference takes.
    """

    def __init__(self, gather_seconds: float, inference_seconds: float = 0.0) -> None:
        self._inference_seconds = inference_seconds
        self.calls: Counter[tuple[str, str]] = Counter()
        self._queues: defaultdict[str, MessageQueue] = defaultdict(lambda: MessageQueue(gather_seconds))
        self._objects: dict[str, bytes] = {}
        self._listings: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._read_already: dict[str, None] = {}  # in order
        self._kept_bytes = 0
        self._serial = 0

    def handle(self, method: str, target: str, head: HeaderText, body: bytes, connection: Connection) -> None:
        """Answer one request, now or, a poll, later."""
        if target.startswith("/endpoints/"):
            connection.send(self._invoke(target.split("/", 3)[2], head, body))
        elif "x-amz-target" in head:
            self._speak_sqs(head.get("x-amz-target").rpartition(".")[2], body, connection)
        elif target == "/_/state":
            connection.send(answer("200 OK", self._state()))
        else:
            connection.send(self._speak_s3(method, target, body))

    def _invoke(self, endpoint: str, head: HeaderText, body: bytes) -> bytes:
        self.calls[endpoint, "InvokeEndpointAsync"] += 1
        given = head.get("x-amzn-sagemaker-inputlocation")
        if not given and endpoint.startswith("s3-"):
            refusal = b'{"Message":"InputLocation is required"}'
            return answer("400 Bad Request", refusal, headers="x-amzn-ErrorType: ValidationError\r\n")
        if given:
            body = self._objects.pop("/" + given.partition("://")[2])
        self._serial += 1
        name = head.get("x-amzn-sagemaker-filename") or f"{self._serial:032x}.out"
        folder = f"{endpoint}/out/{head.get('x-amzn-sagemaker-s3outputpathextension') or 'any'}"
        location = f"s3://{folder}/{name}"
        inference_id = head.get("x-amzn-sagemaker-inference-id") or f"generated-{self._serial}"
        if self._inference_seconds:
            asyncio.get_running_loop().call_later(
                self._inference_seconds, self._conclude, endpoint, folder, name, inference_id, body
            )
        else:
            self._conclude(endpoint, folder, name, inference_id, body)
        return answer(
            "202 Accepted",
            b'{"InferenceId":"%b"}' % inference_id.encode(),
            headers=f"X-Amzn-SageMaker-OutputLocation: {location}\r\nContent-Type: application/json\r\n",
        )

    def _conclude(self, endpoint: str, folder: str, name: str, inference_id: str, body: bytes) -> None:
        inline = endpoint.startswith("inline-")
        if endpoint.startswith("inline-stamped"):
            body = b"%d" % time.monotonic_ns()
        if not inline:
            self._objects[f"/{folder}/{name}"] = body
            self._listings[folder][name] = len(body)
        if endpoint.startswith("poll-"):
            return
        content = _RESPONSE_BODY % base64_of(body) if inline else b""
        location = f"s3://{folder}/{name}".encode()
        self._queues[endpoint].put(
            _NOTIFICATION % (endpoint.encode(), location, content, inference_id.encode())
        )

    def _speak_sqs(self, operation: str, body: bytes, connection: Connection) -> None:
        owner = member(body, b"QueueUrl").rpartition("/")[2]

        def reply(document: bytes) -> None:
            self.calls[owner, EMPTY_RECEIVE if document == NO_MESSAGES else operation] += 1
            connection.send(
                answer("200 OK", document, headers="Content-Type: application/x-amz-json-1.0\r\n")
            )

        if operation == "ReceiveMessage":
            connection.waits_in(self._queues[owner], self._queues[owner].receive(body, reply))
        else:
            reply(self._queues[owner].settle(body))

    def _speak_s3(self, method: str, target: str, body: bytes) -> bytes:
        path, _, query = target.partition("?")
        path = unquote(path)
        owner = path.split("/", 2)[1]
        if method == "PUT":
            self.calls[owner, "PutObject"] += 1
            self._objects[path] = body
            return answer("200 OK", headers='ETag: "0"\r\n')
        if method == "GET" and "list-type" in query:
            self.calls[owner, "ListObjectsV2"] += 1
            return answer("200 OK", self._listing(owner, parse_qs(query)["prefix"][0]))
        if method in {"GET", "HEAD"}:
            return self._read(method, owner, path)
        self.calls[owner, "DeleteObject"] += 1
        return answer("204 No Content")

    def _read(self, method: str, owner: str, path: str) -> bytes:
        self.calls[owner, "GetObject" if method == "GET" else "HeadObject"] += 1
        if method == "HEAD":
            size = len(self._objects.get(path, b""))
            return answer("200 OK" if path in self._objects else "404 Not Found", length=size)
        body = self._objects.get(path)
        if body is None:
            return answer("404 Not Found", _NO_SUCH_KEY, headers="Content-Type: application/xml\r\n")
        if path not in self._read_already:
            self._read_already[path] = None
            self._kept_bytes += len(body)
        while self._kept_bytes > MOST_KEPT_BYTES or len(self._read_already) > MOST_KEPT_OBJECTS:
            self._drop(next(iter(self._read_already)))
        return answer("200 OK", body, headers='Content-Type: application/octet-stream\r\nETag: "0"\r\n')

    def _drop(self, path: str) -> None:
        del self._read_already[path]
        folder, _, name = path[1:].rpartition("/")
        self._listings[folder].pop(name, None)
        self._kept_bytes -= len(self._objects.pop(path, b""))

    def _listing(self, bucket: str, prefix: str) -> bytes:
        folder = f"{bucket}/{prefix}".rstrip("/")
        listed = list(self._listings[folder].items())[:1000]
        start = folder.partition("/")[2]
        entries = "".join(_LISTED.format(key=f"{start}/{name}", size=size) for name, size in sorted(listed))
        return _LISTING.format(bucket=bucket, prefix=prefix, count=len(listed), entries=entries).encode()

    def _state(self) -> bytes:
        calls: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (owner, operation), count in self.calls.items():
            calls[owner][operation] = count
        return json.dumps({"cpu_seconds": time.process_time(), "calls": calls}).encode()


class Connection(asyncio.Protocol):
    """One client's connection: requests in, answers out, in order."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._missing = 0
        self._leave: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let a poll go that waits for messages."""
        del exc
        self._transport = None
        if self._leave is not None:
            self._leave()

    def send(self, data: bytes) -> None:
        """Write an answer; dropped if nobody is there any more."""
        self._leave = None
        if self._transport is not None:
            self._transport.write(data)

    def waits_in(self, queue: MessageQueue, ticket: object | None) -> None:
        """Remember a poll that was not answered yet."""
        if ticket is not None:
            self._leave = lambda: queue.leave(ticket)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole; keep the rest."""
        if self._missing > len(data):
            self._chunks.append(data)
            self._missing -= len(data)
            return
        if self._chunks:
            self._chunks.append(data)
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._missing = 0
        while data:
            data = self._take(data)

    def _take(self, data: bytes) -> bytes:
        """Handle the first request in ``data``, and return what follows it."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return self._keep(data, 1)
        head = HeaderText(data[:end].decode("latin-1"))
        start = end + 4
        if "chunked" in head.get("transfer-encoding"):
            if "expect" in head and len(data) == start:
                self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not data.endswith(b"\r\n0\r\n\r\n") and data[start:] != b"0\r\n\r\n":
                return self._keep(data, 1)
            body, stop = decode_chunked(data[start:]), len(data)
        else:
            stop = start + int(head.get("content-length") or 0)
            if stop > len(data):
                if "expect" in head and len(data) == start:
                    self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                return self._keep(data, stop - len(data))
            body = data[start:stop]
        if "aws-chunked" in head.get("content-encoding"):
            body = decode_aws_chunked(body)
        method, target, _ = head.first_line.split(" ", 2)
        self._services.handle(method, target, head, body, self)
        return data[stop:]

    def _keep(self, data: bytes, missing: int) -> bytes:
        self._chunks.append(data)
        self._missing = missing
        return b""


def base64_of(body: bytes) -> bytes:
    """The bytes as base64."""
    return binascii.b2a_base64(body, newline=False)


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until standard input ends: whoever started this process is gone then."""
    loop = asyncio.get_running_loop()
    services = Services(arguments.gather_seconds, arguments.inference_seconds)
    plain = await loop.create_server(lambda: Connection(services), "127.0.0.1", 0)
    ports = {"http": plain.sockets[0].getsockname()[1]}
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
        secure = await loop.create_server(lambda: Connection(services), "127.0.0.1", 0, ssl=context)
        ports["https"] = secure.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, _wait_for_end)


def _wait_for_end() -> None:
    while os.read(0, 4096):
        pass


def main() -> None:
    """Run it on a loop as fast as there is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cpu", type=int, help="the core to stay on")
    parser.add_argument("--certificate", help="a certificate in PEM; TLS is offered beside plain HTTP then")
    parser.add_argument("--key", help="its key")
    parser.add_argument("--gather-seconds", type=float, default=GATHER_SECONDS, help="how long a poll waits")
    parser.add_argument("--inference-seconds", type=float, default=0.0, help="how long an inference takes")
    arguments = parser.parse_args()
    if arguments.cpu is not None:
        os.sched_setaffinity(0, {arguments.cpu})
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - where it is installed

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()
