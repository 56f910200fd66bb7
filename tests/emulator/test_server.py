from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aio_sm_async.clock import VirtualClock
from aio_sm_async.emulator.clock import SystemClock
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.server import Server
from aio_sm_async.emulator.service import Reply, ServiceFault

ACCOUNTS = {"AKID": "secret"}


class Echo:
    """Answers with what it was asked; the path chooses the operation."""

    signing_name = "echo"

    def __init__(self):
        self.done = []
        self.cancelled = asyncio.Event()
        self.waiting = asyncio.Event()

    def operation(self, call):
        return call.path.strip("/") or "Nothing"

    async def answer(self, call):
        self.done.append(call)
        match self.operation(call):
            case "Refuse":
                raise ServiceFault("Refused", "No.", 409)
            case "Break":
                raise KeyError("broken")
            case "Wait":
                await self._wait()
        return Reply(200, call.body, {"Content-Type": "text/plain", "X-Path": call.path})

    async def _wait(self):
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def render(self, fault):
        return Reply(fault.status, json.dumps([fault.code, fault.message]).encode())


class Scripted:
    """Strikes each call with the next of its faults."""

    def __init__(self, *faults):
        self.faults = list(faults)
        self.asked = []

    def strike(self, service, operation, call):
        self.asked.append((service, operation, call.body))
        return self.faults.pop(0) if self.faults else None


class Caller:
    """Sends signed requests, on connections of its own."""

    def __init__(self, server, http):
        self.server = server
        self.http = http

    def sending(self, path="/Do", body=b"hello", service="echo", headers=None):
        url = self.server.url + path
        request = AWSRequest(method="POST", url=url, data=body, headers=headers or {})
        SigV4Auth(Credentials("AKID", "secret"), service, "eu-west-1").add_auth(request)
        return self.http.post(
            url, data=body, headers=dict(request.headers.items()), timeout=aiohttp.ClientTimeout(10)
        )

    async def __call__(self, *parts, **options):
        async with self.sending(*parts, **options) as response:
            return response.status, await response.read(), response.headers


async def until(condition):
    """Let the loop run until the condition holds; the server tells of its inner states by no event."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(*faults, clock=None):
    echo = Echo()
    trouble = Scripted(*faults)
    server = Server([echo], accounts=ACCOUNTS, clock=clock or SystemClock(), trouble=trouble)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            caller = Caller(server, session)
            caller.echo, caller.trouble = echo, trouble
            yield caller
    finally:
        await server.aclose()


async def test_round_trip():
    """A signed request reaches the service whole, and its answer comes back with a request id."""
    async with serving() as call:
        status, body, headers = await call("/a%20b/c?x=1&y=", b"hello")

        assert (
            status,
            body,
            headers["Content-Type"],
            headers["X-Path"],
        ) == (200, b"hello", "text/plain", "/a b/c")
        assert headers["x-amzn-RequestId"] == headers["x-amz-request-id"]
        [asked] = call.echo.done
        assert (
            asked.method,
            asked.query,
            asked.region,
            asked.access_key_id,
        ) == ("POST", {"x": "1", "y": ""}, "eu-west-1", "AKID")
        assert asked.base_url == call.server.url
        assert call.server.calls == {"a b/c": 1}
        assert call.server.errors == []


async def test_keep_alive():
    """A connection serves many requests."""
    async with serving() as call:
        connections = set()
        for _ in range(3):
            await call()
            [pooled] = call.http.connector._conns.values()
            connections.add(pooled[0][0].transport.get_extra_info("sockname"))

        assert len(connections) == 1


async def test_date():
    """The answer bears the emulator's own time."""
    async with serving(clock=VirtualClock()) as call:
        _, _, headers = await call()

        assert headers["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


async def test_service_fault():
    """A service's refusal comes in the service's own form."""
    async with serving() as call:
        status, body, _ = await call("/Refuse")

        assert (status, body) == (409, b'["Refused", "No."]')
        assert call.server.errors == []


async def test_defect():
    """A defect of a service is a 500 to the caller, and is kept for the test to see."""
    async with serving() as call:
        status, body, _ = await call("/Break")

        assert (status, json.loads(body)[0]) == (500, "InternalFailure")
        assert [repr(error) for error in call.server.errors] == ["KeyError('broken')"]


async def test_wrong_secret():
    """A wrong signature is refused before the service is asked."""
    async with serving() as call:
        call.server._accounts = {"AKID": "another"}
        status, body, _ = await call()

        assert (status, json.loads(body)[0]) == (403, "InvalidSignatureException")
        assert call.echo.done == []
        assert call.server.calls == {}


async def test_unsigned():
    """An unsigned request is refused in the words of a service that is not even there."""
    async with serving() as call, call.http.get(call.server.url + "/bucket/key") as response:
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (403, "AccessDenied")


async def test_unknown_service():
    """A service that is not emulated says so."""
    async with serving() as call:
        status, body, _ = await call(service="kinesis")

        assert (status, json.loads(body)["message"]) == (400, "The emulator has no service 'kinesis'.")
        assert call.server.calls == {"Unknown": 1}


async def test_expect_continue():
    """A caller that waits for leave to send its body gets it."""
    async with serving() as call:
        status, body, _ = await call(body=b"x" * 100_000, headers={"Expect": "100-continue"})

        assert (status, body) == (200, b"x" * 100_000)


async def test_chunked_framing():
    """A service sees a framed body without its frame, and what trails it among the headers."""
    framed = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    headers = {"X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    async with serving() as call:
        _, body, _ = await call(body=framed, headers=headers)
        refused, _, _ = await call(body=framed[:9], headers=headers)

        assert (body, refused) == (b"hello", 400)
        assert call.echo.done[0].headers["x-amz-checksum-crc32"] == "NhCmhg=="


async def test_compressed_body():
    """A compressed body is handed on as it is: it may be an object's own form."""
    async with serving() as call:
        _, body, _ = await call(body=b"\x1f\x8b not gzip at all", headers={"Content-Encoding": "gzip"})

        assert body == b"\x1f\x8b not gzip at all"


async def test_path_that_is_no_text():
    """A path that is not UTF-8 is refused."""
    async with serving() as call:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(call.server.url.rpartition(":")[2]))
        request = AWSRequest(method="GET", url=call.server.url + "/%FF", data=b"")
        SigV4Auth(Credentials("AKID", "secret"), "echo", "eu-west-1").add_auth(request)
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        host = call.server.url.removeprefix("http://")
        # The absolute form, as a proxy's client writes it.
        head = [f"GET {call.server.url}/%FF HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
        writer.write("\r\n".join(head).encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

        assert answer.startswith(b"HTTP/1.1 400")
        assert b"InvalidURI" in answer


async def test_trouble_is_asked_once():
    """Trouble is asked once for each call, with its service, operation and body."""
    async with serving() as call:
        await call("/A", b"1")
        await call("/B", b"2")

        assert call.trouble.asked == [("echo", "A", b"1"), ("echo", "B", b"2")]


async def test_status():
    """A fault's error comes in the service's form, and nothing is done."""
    async with serving(Fault("status", status=503, code="SlowDown", message="Please.")) as call:
        status, body, _ = await call()

        assert (status, body) == (503, b'["SlowDown", "Please."]')
        assert call.echo.done == []
        assert call.server.calls == {"Do": 1}


@pytest.mark.parametrize(("kind", "done"), [("reset", 0), ("reset_after", 1)])
async def test_reset(kind, done):
    """A reset connection is an error to the caller, whether the call was done or not."""
    async with serving(Fault(kind)) as call:
        with pytest.raises(aiohttp.ClientOSError, match="reset"):
            await call()

        assert done == len(call.echo.done)
        assert (await call())[0] == 200
        assert call.server.errors == []


@pytest.mark.parametrize(("kind", "done"), [("hang", 0), ("hang_after", 1)])
async def test_hang(kind, done):
    """A hanging call is answered by nobody; the caller leaves when it likes."""
    async with serving(Fault(kind)) as call:
        hung = asyncio.create_task(call())
        await until(lambda: call.trouble.asked and len(call.echo.done) == done)
        assert not hung.done()
        hung.cancel()
        await asyncio.wait([hung])

        assert done == len(call.echo.done)


async def test_hang_for_a_while():
    """A hanging call ends with a reset when its time is over."""
    clock = VirtualClock()
    async with serving(Fault("hang", seconds=30), clock=clock) as call:
        hung = asyncio.create_task(call())
        await until(lambda: clock._alarms)
        assert not hung.done()
        await clock.advance(30)

        with pytest.raises(aiohttp.ClientOSError, match="reset"):
            await hung


async def test_delay():
    """A delayed call is done when its time has come."""
    clock = VirtualClock()
    async with serving(Fault("delay", seconds=5), clock=clock) as call:
        delayed = asyncio.create_task(call())
        await until(lambda: clock._alarms)
        assert call.echo.done == []
        await clock.advance(5)

        assert (await delayed)[0] == 200


@pytest.mark.parametrize("size", [0, 1, 2000, 1_000_000])
async def test_truncate(size):
    """A truncated answer tells its full length, and ends half-way."""
    async with serving(Fault("truncate")) as call, call.sending(body=b"x" * size) as response:
        half = await response.content.readexactly(size // 2)
        if size:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read(1)

        assert str(size) == response.headers["Content-Length"]
        assert size // 2 == len(half)
        assert len(call.echo.done) == 1


async def test_drip():
    """A dripping answer is whole in the end, and takes the time that it is given."""
    clock = VirtualClock()
    async with serving(Fault("drip", seconds=10), clock=clock) as call:
        dripping = asyncio.create_task(call())
        for _ in range(5):
            await until(lambda: clock._alarms or dripping.done())
            assert not dripping.done()
            await clock.advance(2)
        status, body, headers = await dripping

        assert (status, body, headers["Content-Length"]) == (200, b"hello", "5")


async def test_caller_leaves():
    """A caller that leaves cancels what the service does for it."""
    async with serving() as call:
        waiting = asyncio.create_task(call("/Wait"))
        await call.echo.waiting.wait()
        waiting.cancel()

        await asyncio.wait_for(call.echo.cancelled.wait(), 5)


async def test_close_does_not_wait():
    """Closing breaks off what is open, at once, and closing again is harmless."""
    async with serving() as call:
        waiting = asyncio.create_task(call("/Wait"))
        await call.echo.waiting.wait()
        began = asyncio.get_running_loop().time()
        await call.server.aclose()
        took = asyncio.get_running_loop().time() - began
        await call.server.aclose()

        assert took < 0.2
        assert call.echo.cancelled.is_set()
        with pytest.raises(aiohttp.ClientError):
            await waiting


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::"])
def test_public_address(host):
    """The emulator does not listen where others could reach it."""
    with pytest.raises(ValueError, match="loopback"):
        Server([], accounts={}, clock=SystemClock(), host=host)


async def test_names():
    """The server tells where it listens, by name or address."""
    async with serving() as call:
        await call()
        assert repr(call.server) == f"<Server {call.server.url}, 1 calls>"
    server = Server([], accounts={}, clock=SystemClock(), host="localhost")
    assert repr(server) == "<Server not started, 0 calls>"
    await server.start()
    try:
        assert server.url.startswith("http://localhost:")
    finally:
        await server.aclose()
