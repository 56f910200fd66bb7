"""The emulator's HTTP: one server on loopback for all services.

Each request is read whole, its signature is checked, the credential scope names the service, and the service
answers. Trouble, where there is any, comes between.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

from aio_sm_async.emulator import aws_chunked, delivery
from aio_sm_async.emulator.clock import Clock
from aio_sm_async.emulator.fault import Fault
from aio_sm_async.emulator.plain_service import PlainService
from aio_sm_async.emulator.service import Call, Reply, Service, ServiceFault
from aio_sm_async.emulator.signature import Arrival, Caller, guess_service, verify

_MAX_BODY_BYTES = 1024**3
_MAX_HEADER_BYTES = 64 * 1024


class Trouble(Protocol):
    """Decides which calls go wrong."""

    def strike(self, service: str, operation: str, call: Call) -> Fault | None:
        """The misfortune of this one call; None for none. Asked once for each call, before it is done."""
        ...


class Server:
    """Serves AWS services over HTTP on a loopback address.

    Attributes:
        calls: How often each operation was asked for, by its AWS name.
        errors: Exceptions that escaped from a service: defects of the emulator, never of a caller.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        accounts: Mapping[str, str],
        clock: Clock,
        trouble: Trouble | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if host != "localhost" and not ip_address(host).is_loopback:
            raise ValueError(f"host must be a loopback address, not {host}: the emulator is no public server")
        self.calls: Counter[str] = Counter()
        self.errors: list[Exception] = []
        self._services = {service.signing_name: service for service in services}
        self._accounts = accounts
        self._clock = clock
        self._trouble = trouble
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._base_url = ""
        # What is being answered: long polls and silences are cut short when the server closes.
        self._handlers: set[asyncio.Task[object]] = set()

    def __repr__(self) -> str:
        return f"<Server {self._base_url or 'not started'}, {self.calls.total()} calls>"

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash; empty before `start`."""
        return self._base_url

    async def start(self) -> None:
        """Listen; afterwards `url` is known."""
        application = web.Application(client_max_size=_MAX_BODY_BYTES)
        # Every path, also one with a line break: a key may have one.
        application.router.add_route("*", "/{path:(?s:.*)}", self._handle)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            # A caller that hangs up ends its long poll.
            handler_cancellation=True,
            shutdown_timeout=1.0,
            auto_decompress=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=1024)
        await site.start()
        port = self._runner.addresses[0][1]
        self._base_url = f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{port}"

    async def aclose(self) -> None:
        """Stop listening, and break off whatever is still open. Closing twice is harmless."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        for handler in self._handlers:
            handler.cancel()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        try:
            return await self._respond(request)
        finally:
            self._handlers.discard(handler)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        arrival = _arrival(request, await request.read())
        try:
            caller = verify(arrival, self._accounts, (self._clock.utc_now(), datetime.now(UTC)))
            service = self._service(caller.service)
            call = _call(arrival, caller, self._base_url)
        except ServiceFault as fault:
            service = self._service(guess_service(arrival))
            return delivery.whole(self._finished(service.render(fault)))
        operation = service.operation(call)
        self.calls[operation] += 1
        misfortune = self._trouble.strike(service.signing_name, operation, call) if self._trouble else None
        if misfortune is None:
            return delivery.whole(self._finished(await self._answer(service, call)))
        if misfortune.kind in {"status", "reset", "hang"}:
            return await self._prevented(request, service, misfortune)
        if misfortune.kind == "delay":
            await self._pause(misfortune.seconds)
        reply = self._finished(await self._answer(service, call))
        return await self._spoiled(request, reply, misfortune)

    async def _prevented(
        self, request: web.Request, service: Service, misfortune: Fault
    ) -> web.StreamResponse:
        """What happens instead of the call."""
        match misfortune.kind:
            case "reset":
                return await delivery.reset(request)
            case "hang":
                return await self._hang(request, misfortune)
            case _:
                refusal = ServiceFault(misfortune.code, misfortune.message, misfortune.status)
                return delivery.whole(self._finished(service.render(refusal)))

    async def _spoiled(self, request: web.Request, reply: Reply, misfortune: Fault) -> web.StreamResponse:
        """What happens to the answer of a call that was done."""
        match misfortune.kind:
            case "reset_after":
                return await delivery.reset(request)
            case "hang_after":
                return await self._hang(request, misfortune)
            case "truncate":
                return await delivery.truncated(request, reply)
            case "drip":
                share = (misfortune.seconds or 0.0) / max(1, len(reply.body))
                return await delivery.dripped(request, reply, lambda: self._pause(share))
            case _:
                return delivery.whole(reply)

    async def _hang(self, request: web.Request, misfortune: Fault) -> web.StreamResponse:
        if misfortune.seconds is None:
            return await delivery.silence()
        await self._pause(misfortune.seconds)
        return await delivery.reset(request)

    async def _pause(self, seconds: float | None) -> None:
        await self._clock.sleep_until(self._clock.monotonic() + (seconds or 0.0))

    async def _answer(self, service: Service, call: Call) -> Reply:
        try:
            return await service.answer(call)
        except ServiceFault as fault:
            return service.render(fault)
        except Exception as error:  # noqa: BLE001 - kept for the test to see; the caller sees AWS's 500
            self.errors.append(error)
            return service.render(
                ServiceFault("InternalFailure", "The emulator failed: see its errors.", 500)
            )

    def _service(self, name: str) -> Service:
        return self._services.get(name) or PlainService(name)

    def _finished(self, reply: Reply) -> Reply:
        request_id = str(uuid4())
        reply.headers["x-amzn-RequestId"] = request_id
        reply.headers["x-amz-request-id"] = request_id
        reply.headers["Date"] = _http_date(int(self._clock.utc_now().timestamp()))
        return reply


@lru_cache(maxsize=4)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def _arrival(request: web.Request, body: bytes) -> Arrival:
    # As it came: what aiohttp makes of a URL is decoded and normalised, and a signature is of neither.
    target = request.raw_path
    if not target.startswith("/"):
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    headers: dict[str, list[str]] = {}
    for name, value in request.raw_headers:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))
    return Arrival(request.method, path, query, headers, body)


def _call(arrival: Arrival, caller: Caller, base_url: str) -> Call:
    headers = {name: ",".join(values) for name, values in arrival.headers.items()}
    body = arrival.body
    if aws_chunked.is_framed(headers):
        body, trailers = aws_chunked.unframe(body, headers)
        headers |= trailers
    try:
        path = unquote(arrival.raw_path, errors="strict")
    except UnicodeDecodeError:
        raise ServiceFault("InvalidURI", "Couldn't parse the specified URI.") from None
    return Call(
        method=arrival.method,
        path=path,
        query=dict(arrival.query()),
        headers=headers,
        body=body,
        region=caller.region,
        access_key_id=caller.access_key_id,
        base_url=base_url,
    )
