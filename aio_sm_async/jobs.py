"""The bucket as the journal: a job names outputs after keys, and asks S3 once which are there already.

No disk and no memory of an earlier process is needed, so any machine can go on with a job. What S3 has is
not sent again; what an earlier process left in SageMaker's queue is, since nobody can ask what waits there:
it has the same name, so that the two write one object.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field

from aio_sm_async.drafts import MARGIN_SECONDS, OutputNames
from aio_sm_async.engine import Engine
from aio_sm_async.errors import AsyncInferenceError, ConfigurationError, InvalidRequestError
from aio_sm_async.fanout import FanOutOptions
from aio_sm_async.flight import AnyFuture
from aio_sm_async.options import InvocationOptions
from aio_sm_async.protocol.completion import Completed
from aio_sm_async.protocol.digests import Digests
from aio_sm_async.protocol.identifiers import ClientIdentity
from aio_sm_async.protocol.invocation import Invocation
from aio_sm_async.protocol.job import Job, block_of, parse_output
from aio_sm_async.protocol.location import S3Location
from aio_sm_async.retries import Retries
from aio_sm_async.whereabouts import Whereabouts
from aio_sm_async.wire.objects import Objects

logger = logging.getLogger("aio_sm_async")

SOURCE = "job"

_ITEMS_OWN = ("endpoint_name", "filename", "s3_output_path_extension")


@dataclass(frozen=True, slots=True)
class Jobs:
    """What jobs are made of.

    Attributes:
        engine: Waits for what is finished, for as long as it takes to read it.
        identity: Mints inference ids.
        objects: S3.
        retries: Asks it again what may pass.
        whereabouts: Knows where endpoints write.
        sends_names: Whether outputs get names of this client's.
    """

    engine: Engine
    identity: ClientIdentity
    objects: Objects
    retries: Retries
    whereabouts: Whereabouts
    sends_names: bool

    def of(self, options: FanOutOptions) -> JobRun | None:
        """The job that a fan-out takes up; None if it is none.

        Raises:
            InvalidRequestError: This client, or this call, cannot have such a job.
        """
        version_text(options)
        name, finished = options.get("job"), options.get("finished")
        if name is None:
            self._refuse_without_job(options)
            return None
        if finished not in (None, "yield", "skip"):
            raise InvalidRequestError("finished", f"is {finished!r}", 'Choose "yield" or "skip".')
        if not self.sends_names:
            raise InvalidRequestError(
                "job",
                "needs output names of its own, and this client sends none",
                "Leave polling at its default, or give S3Polling(own_prefix=True).",
            )
        if self.engine.journaling.is_on:
            raise InvalidRequestError(
                "job",
                "keeps its own record in S3, and this client keeps a journal",
                "Use one of the two: leave out job=, or open a client without journal=.",
            )
        endpoint_name = options.get("endpoint_name")
        if endpoint_name is None:
            raise InvalidRequestError(
                "endpoint_name", "no endpoint was named", "Name one on the client, or with the call."
            )
        job = Job(name, version_text(options), options.get("s3_output_path_extension"))
        return JobRun(self, job, endpoint_name, options.get("accept"), finished != "skip")

    def _refuse_without_job(self, options: FanOutOptions) -> None:
        remembered = ("version",) if self.engine.journaling.is_on else ()
        for name in ("version", "finished"):
            if options.get(name) is not None and name not in remembered:
                raise InvalidRequestError(
                    name, "is of no use without a job", "Name one: job=, or leave it out."
                )


def version_text(options: FanOutOptions) -> str:
    """The version that keys hold for; empty if none was named.

    Raises:
        InvalidRequestError: It is neither a str nor an int.
    """
    version = options.get("version")
    if version is not None and not isinstance(version, str | int):
        raise InvalidRequestError("version", "must be a str or an int", 'Write it like "v2".')
    return "" if version is None else str(version)


@dataclass(slots=True, eq=False)
class JobRun:
    """One job in one fan-out. It keeps sixteen bytes for each finished item, and for each that is pulled.

    Attributes:
        parts: What it is made of.
        job: What names its outputs.
        endpoint_name: Where all its items run.
        accept: The type that the caller wishes for.
        hands_out_finished: Whether finished items are handed out, or left out.
    """

    parts: Jobs
    job: Job
    endpoint_name: str
    accept: str | None
    hands_out_finished: bool
    _output_path: S3Location | None = None
    _finished: Digests = field(default_factory=Digests)
    _pulled: Digests = field(default_factory=Digests)
    _listed_to: str = ""
    _has_warned: bool = False

    def __repr__(self) -> str:
        return f"<JobRun {self.job.name!r}: {len(self._finished):,} finished, {len(self._pulled):,} pulled>"

    async def begin(self) -> None:
        """Ask S3 which items are finished: one LIST a thousand objects.

        Raises:
            ConfigurationError: The endpoint writes to no place in S3, or to one that cannot be told.
            AsyncInferenceError: S3 or SageMaker could not be asked, or refused.
        """
        path = await self.parts.whereabouts.output_path(self.endpoint_name)
        if path is None:
            raise ConfigurationError(
                f"{self.endpoint_name} has no S3OutputPath, so that a job has nowhere to go on from. Give "
                "the endpoint one, or leave out job=."
            )
        self._output_path = path
        failed = 0
        while True:
            listed_to = self._listed_to
            try:
                return await self._list(path)
            except AsyncInferenceError as error:
                failed = failed + 1 if self._listed_to == listed_to else 1
                await self.parts.retries.pause(failed, error)

    def is_new(self, key: str) -> bool:
        """Whether no item of that key was pulled before."""
        return self._pulled.add(self.job.digest(key))

    def names(self, key: str | None, index: int, options: InvocationOptions) -> OutputNames:
        """What the item's output is called.

        Raises:
            InvalidRequestError: It has no key, or an option that the job decides.
        """
        if key is None:
            raise InvalidRequestError(
                "key",
                "every item of a job needs one",
                'Give key=, a callable that makes it of an item, or InferenceRequest(payload, key="...").',
            )
        for name in _ITEMS_OWN:
            if options.get(name) is not None:
                raise InvalidRequestError(
                    name, "is the same for all items of a job", "Leave it out, or give it with the call."
                )
        return OutputNames(
            self.job.output_extension(block_of(index)), self.job.filename(self.job.digest(key))
        )

    def finished_output(self, key: str | None) -> S3Location | None:
        """Where the output lies that an earlier process got for the item; None if it got none."""
        assert key is not None
        digest = self.job.digest(key)
        block = self._finished.number_of(digest)
        if block is None:
            return None
        assert self._output_path is not None
        return self.job.location(self._output_path, block, digest)

    async def take_up(self, location: S3Location) -> AnyFuture:
        """The future of a finished item, whose output is being read."""
        inference_id = self.parts.identity.mint(secrets.token_bytes(12))
        invocation = Invocation(inference_id, self.endpoint_name, MARGIN_SECONDS, output_location=location)
        future = self.parts.engine.adopt(invocation, is_accepted=True, accept=self.accept)
        self.parts.engine.recall(Completed(inference_id, output_location=location), SOURCE)
        return future

    def sent(self, future: AnyFuture) -> None:
        """An item was sent: see whether its output goes where the next process will look for it."""
        location = future.output_location
        if location is None or self._has_warned or self._output_path is None:
            return
        prefix = self.job.prefix(self._output_path)
        if location.bucket == prefix.bucket and parse_output(location.key, prefix) is not None:
            return
        self._has_warned = True
        logger.warning(
            "%s does not honour the names that it is sent: output goes to %s, so that job %r cannot be "
            "resumed. Use a journal instead.",
            self.endpoint_name,
            location,
            self.job.name,
        )

    async def _list(self, output_path: S3Location) -> None:
        prefix = self.job.prefix(output_path)
        async for page in self.parts.objects.list_keys(prefix, start_after=self._listed_to):
            for listed in page:
                found = parse_output(listed.key, prefix)
                if found is not None:
                    block, digest = found
                    self._finished.add(digest, block)
            if page:
                self._listed_to = page[-1].key
