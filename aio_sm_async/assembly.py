"""Puts a client together: which part talks through which connections, and in whose name.

Polls, acknowledgements, requests and objects have connections of their own, so that no long poll is ever in
the way of anything that must go through at once.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ssl import SSLContext

from aio_sm_async.completions.denials import Denials
from aio_sm_async.completions.polling import PollingSource
from aio_sm_async.completions.sqs import SqsNotifications, SqsSource
from aio_sm_async.dispatch import Dispatch
from aio_sm_async.drafts import Draft, Drafts
from aio_sm_async.engine import Engine
from aio_sm_async.flow import SubmitPermits
from aio_sm_async.jobs import Jobs
from aio_sm_async.journal import Journal
from aio_sm_async.journaling import Journaling
from aio_sm_async.options import InvocationOptions
from aio_sm_async.outcome import Outcomes
from aio_sm_async.protocol.even_rate import EvenRate
from aio_sm_async.protocol.identifiers import ClientIdentity, new_incarnation
from aio_sm_async.protocol.invocation import State
from aio_sm_async.protocol.registry import Registry
from aio_sm_async.recovery import Recovery
from aio_sm_async.resolution import Resolution
from aio_sm_async.results import Downloads
from aio_sm_async.retries import Retries
from aio_sm_async.settings import ClientSettings, HttpLibrary
from aio_sm_async.statistics import Counters, Statistics
from aio_sm_async.submission import Submission
from aio_sm_async.tokens import Tokens
from aio_sm_async.uploads import Uploader
from aio_sm_async.whereabouts import Whereabouts
from aio_sm_async.windows import Windows
from aio_sm_async.wire.call import SignedCalls
from aio_sm_async.wire.control import ControlPlane
from aio_sm_async.wire.http1 import Http1Transport
from aio_sm_async.wire.objects import Objects
from aio_sm_async.wire.queue import Queue
from aio_sm_async.wire.runtime import Runtime
from aio_sm_async.wire.session import AwsSession
from aio_sm_async.wire.transport import AiohttpTransport

OBJECT_CONNECTIONS = 64
ACK_CONNECTIONS = 8

_TRANSPORTS: dict[HttpLibrary, type[Http1Transport | AiohttpTransport]] = {
    "httptools": Http1Transport,
    "aiohttp": AiohttpTransport,
}

_NOTIFICATIONS = ("notifications", "unreadable", "sqs_errors")
_DELIVERIES = ("early", "duplicates", "strangers", "mismatched")


@dataclass(frozen=True, slots=True)
class Assembly:
    """The parts of one open client that its public methods use."""

    identity: ClientIdentity
    engine: Engine
    tokens: Tokens
    jobs: Jobs
    drafts: Drafts
    recovery: Recovery
    windows: Windows
    permits: SubmitPermits
    counters: Counters
    calls: Counters

    def draft(self, payload: object, input_location: str | None, options: InvocationOptions) -> Draft:
        """A request, checked; see `Drafts.of`."""
        takes_inline = self.engine.dispatch.takes_inline
        return self.drafts.of(payload, input_location, options, takes_inline=takes_inline)

    def statistics(self) -> Statistics:
        """A snapshot."""
        registry, counters = self.engine.registry, self.counters
        counts = Counter(dict(registry.counts))  # copied in one step: another thread may ask
        prefix = "resolved_by_"
        return Statistics(
            submitted=counters["submitted"],
            in_flight=sum(each.state in (State.ACCEPTED, State.AMBIGUOUS) for each in registry),
            completed=counts["completed"],
            failed=counts["failed"],
            expired=counts["expired"],
            deadline_passed=counts[prefix + "deadline"],
            rejected=counts["rejected"],
            abandoned=counts["abandoned"] - counts[prefix + "deadline"],
            ambiguous=counters["ambiguous"],
            resent=counters["resent"],
            throttled=counters["throttled"],
            pumps_restarted=self.engine.supervisor.restarts,
            max_concurrent_requests=self.permits.limit,
            in_flight_limits=self.windows.limits,
            notifications_flow=self.engine.is_notified,
            resolved_by={
                name.removeprefix(prefix): count for name, count in counts.items() if name.startswith(prefix)
            },
            calls=dict(self.calls),
            notifications={name: counters[name] for name in _NOTIFICATIONS}
            | {name: counts[name] for name in _DELIVERIES},
        )


async def assemble(settings: ClientSettings, stack: AsyncExitStack) -> Assembly:
    """Open connections and build the engine on them; ``stack`` closes the connections again.

    Raises:
        ConfigurationError: Region or credentials are missing, or an address cannot be used.
    """
    journal = await _journal(settings, stack)
    wiring = _Wiring(settings, stack)
    home = await wiring.session(settings.session, settings.region_name)
    await home.credentials()  # missing ones are best told now
    permits = SubmitPermits(
        settings.max_concurrent_requests,
        settings.clock,
        patience_seconds=settings.retry_timeout_seconds,
        rate=None if settings.max_submit_rate is None else EvenRate(settings.max_submit_rate),
    )
    windows = Windows(settings.max_in_flight, settings.clock, start=settings.start_in_flight)
    submission = Submission(
        Runtime(await wiring.calls(home, settings.max_concurrent_requests), home),
        permits,
        clock=settings.clock,
        dice=random.random,
        counters=wiring.counters,
        timeout_seconds=settings.request_timeout_seconds,
        retry_timeout_seconds=settings.retry_timeout_seconds,
    )
    object_calls = await wiring.calls(home, OBJECT_CONNECTIONS)
    objects = Objects(object_calls, home)
    retries = Retries(settings.clock)
    downloads = Downloads(objects, retries)
    denials = Denials(objects)
    outcomes = Outcomes(downloads, max_body_bytes=settings.max_body_bytes)
    identity = await _identity(settings, journal)
    engine = Engine(
        region=home.region,
        registry=Registry(
            identity,
            resend_after_seconds=settings.resend_after_seconds if settings.on_ambiguous == "resend" else None,
        ),
        dispatch=await wiring.dispatch(submission, objects, retries),
        resolution=Resolution(downloads, settings.clock, max_body_bytes=settings.max_body_bytes),
        outcomes=outcomes,
        journaling=Journaling(journal, settings.clock),
        notifications=[
            await wiring.source(notifications, queue_url, home)
            for notifications in settings.notifications
            for queue_url in notifications.queue_urls
        ],
        polling=_polling(settings, objects, denials),
        windows=windows,
        clock=settings.clock,
        counters=wiring.counters,
        on_ambiguous=settings.on_ambiguous,
    )
    drafts = Drafts(
        identity,
        sends_names=settings.polling is not None and settings.polling.own_prefix,
        uploads_configured=settings.uploads is not None,
    )
    whereabouts = Whereabouts(
        settings.given_paths,
        learned=engine.registry.roots,
        control=ControlPlane(object_calls, home),
        retries=retries,
    )
    tokens = Tokens(
        region=home.region,
        engine=engine,
        whereabouts=whereabouts,
        downloads=downloads,
        denials=denials,
        outcomes=outcomes,
        clock=settings.clock,
        max_body_bytes=settings.max_body_bytes,
    )
    jobs = Jobs(engine, identity, objects, retries, whereabouts, sends_names=drafts.sends_names)
    recovery = Recovery(engine, journal, settings.clock)
    return Assembly(
        identity,
        engine,
        tokens,
        jobs,
        drafts,
        recovery,
        windows,
        permits,
        wiring.counters,
        wiring.call_counts,
    )


async def _journal(settings: ClientSettings, stack: AsyncExitStack) -> Journal | None:
    if settings.journal is None:
        return None
    journal = await Journal.open(settings.journal)
    stack.push_async_callback(journal.aclose)
    return journal


async def _identity(settings: ClientSettings, journal: Journal | None) -> ClientIdentity:
    """Who the client is: with a journal the same in each process, for its filters and its places in S3."""
    kept = journal.client_id if journal is not None else None
    client_id = settings.client_id or kept or secrets.token_hex(4)
    if journal is not None and client_id != kept:
        await journal.name_client(client_id)
    return ClientIdentity(client_id, new_incarnation(secrets.token_bytes(6)))


def _polling(settings: ClientSettings, objects: Objects, denials: Denials) -> PollingSource | None:
    if settings.polling is None:
        return None
    return PollingSource(
        settings.polling,
        objects,
        clock=settings.clock,
        dice=random.random,
        max_body_bytes=settings.max_body_bytes,
        denials=denials,
    )


class _Wiring:
    """Sessions and connections, each closed with the stack."""

    def __init__(self, settings: ClientSettings, stack: AsyncExitStack) -> None:
        self.counters: Counters = Counter()
        self.call_counts: Counters = Counter()
        self._settings = settings
        self._stack = stack
        self._ssl_contexts: dict[AwsSession, SSLContext] = {}

    async def session(self, session: object | None, region_name: str | None) -> AwsSession:
        opened = AwsSession(session, region_name=region_name, endpoint_urls=self._settings.endpoint_urls)
        await opened.open()
        self._stack.push_async_callback(opened.aclose)
        return opened

    async def calls(self, session: AwsSession, connections: int) -> SignedCalls:
        if session not in self._ssl_contexts:  # reading the certificates takes some 50 ms
            self._ssl_contexts[session] = await session.ssl_context()
        transport = _TRANSPORTS[self._settings.http_library](
            connections, proxy=session.proxy_for, ssl_context=self._ssl_contexts[session]
        )
        self._stack.push_async_callback(transport.aclose)
        return SignedCalls(session, transport, clock=self._settings.clock, count=self._count)

    async def dispatch(self, submission: Submission, objects: Objects, retries: Retries) -> Dispatch:
        uploads = self._settings.uploads
        if uploads is None:
            return Dispatch(submission, None, deletes_after=_never)
        if uploads.session is not None:
            session = await self.session(uploads.session, None)
            objects = Objects(await self.calls(session, OBJECT_CONNECTIONS), session)
        uploader = Uploader(uploads, objects, retries)
        return Dispatch(submission, uploader, deletes_after=uploads.deletes_after)

    async def source(self, notifications: SqsNotifications, queue_url: str, home: AwsSession) -> SqsSource:
        session = home
        if notifications.session is not None:
            session = await self.session(notifications.session, None)
        polls = await self.calls(session, notifications.max_pollers)
        acks = await self.calls(session, ACK_CONNECTIONS)
        return SqsSource(
            queue_url,
            polls=Queue(polls, session, queue_url),
            acks=Queue(acks, session, queue_url),
            settings=notifications,
            clock=self._settings.clock,
            counters=self.counters,
        )

    def _count(self, operation: str) -> None:
        self.call_counts[operation] += 1


def _never(*, succeeded: bool) -> bool:  # noqa: ARG001 - the signature of its like
    return False
