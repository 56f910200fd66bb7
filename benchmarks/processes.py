"""The processes of a run: the server, and each contender, spoken to in lines of JSON."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.work import Place

ANSWER_SECONDS = 120.0

_SECRETS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "benchmark"}


class RunFailedError(Exception):
    """A process of the run said no, or nothing at all."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core each side stays on; None where the machine has only one.

    Attributes:
        client: The contenders', one of which works at a time.
        server: The server's, and this process's, which sleeps while they work.
    """

    client: int | None
    server: int | None

    @classmethod
    def of_this_machine(cls) -> Cores:
        """The first two cores that this process may use."""
        usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        return cls(usable[0], usable[1]) if len(usable) > 1 else cls(None, None)


@dataclass(frozen=True, slots=True)
class Server:
    """The running server.

    Attributes:
        http: Its URL without TLS.
        https: Its URL with.
        ca_file: What to trust for that.
    """

    http: str
    https: str
    ca_file: str

    def place(self, owner: str, *, tls: bool, scratch: str) -> Place:
        """Where a contender of this owner works."""
        return Place(self.https if tls else self.http, owner, self.ca_file if tls else None, scratch)

    def state(self) -> dict[str, object]:
        """The calls by owner and operation, and the server's CPU seconds."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.http}/_/state", timeout=ANSWER_SECONDS) as answer:
            state = json.loads(answer.read())
        assert isinstance(state, dict)
        return state


class Lines:
    """A process that is told things, and answers each."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name

    async def read(self, patience_seconds: float = ANSWER_SECONDS) -> dict[str, object]:
        """The next answer.

        Args:
            patience_seconds: How long to wait for it.

        Raises:
            RunFailedError: It tells of an error, or does not come.
        """
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), patience_seconds)
        except TimeoutError:
            raise RunFailedError(f"{self._name} has been silent for {patience_seconds:g} s") from None
        if not line:
            raise RunFailedError(f"{self._name} ended without an answer; see its words above")
        answer = json.loads(line)
        if "error" in answer:
            raise RunFailedError(f"{self._name}: {answer['error']}")
        assert isinstance(answer, dict)
        return answer

    async def ask(self, **order: object) -> dict[str, object]:
        """Give one order and return its answer.

        Raises:
            RunFailedError: It failed.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.read()


@asynccontextmanager
async def running(name: str, *command: str, environment: Mapping[str, str]) -> AsyncIterator[Lines]:
    """A process that ends with the block: its standard input ends, and later it is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=1 << 24,
    )
    assert process.stdin is not None
    try:
        yield Lines(process, name)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10.0)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def serving(scratch: str, core: int | None, *more: str) -> AsyncIterator[Server]:
    """The server, with and without TLS, until the block ends; ``more`` are arguments of its command line."""
    certificate, key = make_certificate(scratch)
    pinned = [] if core is None else ["--cpu", str(core)]
    command = ["benchmarks.server", "--certificate", certificate, "--key", key, *pinned, *more]
    async with running("the server", *command, environment=environment()) as lines:
        ports = await lines.read()
        yield Server(f"http://127.0.0.1:{ports['http']}", f"https://127.0.0.1:{ports['https']}", certificate)


def contending(
    name: str, place: Place, *, loop: str, payload_bytes: int, core: int | None
) -> AbstractAsyncContextManager[Lines]:
    """A contender's process until the block ends; its first answer says that it is ready."""
    wanted = {
        "name": name,
        "loop": loop,
        "cpu": core,
        "payload_bytes": payload_bytes,
        "place": {
            "url": place.url,
            "owner": place.owner,
            "ca_file": place.ca_file,
            "scratch": place.scratch,
        },
    }
    told = environment(**({"AWS_CA_BUNDLE": place.ca_file} if place.ca_file else {}))
    return running(name, "benchmarks.runner", json.dumps(wanted), environment=told)


def environment(**more: str) -> dict[str, str]:
    """What processes inherit: nothing of the user's AWS configuration, and no proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    root = str(Path(__file__).resolve().parent.parent)
    nowhere = os.devnull
    return {
        **kept,
        **_SECRETS,
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",  # its end of life was told to those who install it
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONHASHSEED": "0",
        **more,
    }


def make_certificate(directory: str) -> tuple[str, str]:
    """A certificate for this machine and its key, both made now: their files.

    Raises:
        RunFailedError: There is no openssl to make it.
    """
    certificate, key = os.path.join(directory, "certificate.pem"), os.path.join(directory, "key.pem")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=benchmark"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RunFailedError(f"openssl could not make a certificate: {error}") from error
    return certificate, key
