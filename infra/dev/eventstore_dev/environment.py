"""An execution environment: one process under AWS's own runtime client, one invocation at a time.

The process asks the Runtime API for work and posts its answers there. Each environment has a Runtime API of its own,
on a port of its own, as each has on Lambda; so a process can be told apart by where it asks.

Source of the rules: AWS Lambda Developer Guide, "Using the Lambda runtime API" and "Understanding the Lambda execution
environment lifecycle".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_dev.template import Function

__all__ = ["Environment", "Invocation", "Outcome"]

_API = "/2018-06-01/runtime"
_INIT_SECONDS = 10.0
_TAIL_LINES = 200


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for a function."""

    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to.

    Attributes:
        payload: What the function answered, or Lambda's description of its failure.
        error: None, or `Handled` for an exception of the handler, or `Unhandled` for a time-out or a crash.
        seconds: From when the process took the event to when it answered.
        init_seconds: How long its process took to get ready, if it was made for this one.
        log: What it wrote meanwhile.
    """

    payload: bytes
    error: str | None
    seconds: float
    init_seconds: float | None
    log: str


class Environment:
    """One process of a function, from `start` to `stop`."""

    def __init__(self, function: Function, *, say: Callable[[str, str, str], None]) -> None:
        self.function = function
        self.idle_since = time.monotonic()
        self._say = say
        self._work: asyncio.Queue[Invocation] = asyncio.Queue(1)
        self._ready = asyncio.Event()
        self._answer: asyncio.Future[tuple[bytes, str | None]] | None = None
        self._request_id = ""
        self._init_error: bytes | None = None
        self._init_seconds: float | None = None
        self._runner: web.ServerRunner | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watching: list[asyncio.Task[None]] = []
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether it can take another invocation."""
        return self._process is not None and self._process.returncode is None and self._init_error is None

    async def start(self) -> None:
        """Start the process; return when it asks for work, or has failed to get that far."""
        begun = time.monotonic()
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "awslambdaric", self.function.handler),
            env=self._variables(f"127.0.0.1:{port}"),
            cwd=self.function.task_root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._watching = [asyncio.create_task(self._listen()), asyncio.create_task(self._wait())]
        try:
            await asyncio.wait_for(self._ready.wait(), _INIT_SECONDS)
        except TimeoutError:
            self._init_error = _problem("Sandbox.Timedout", f"Init timed out after {_INIT_SECONDS:.0f} seconds")
        self._init_seconds = time.monotonic() - begun

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation; at most one at a time."""
        begun = time.monotonic()
        self._request_id = invocation.request_id
        self._tail.clear()
        init_seconds, self._init_seconds = self._init_seconds, None
        if not self.alive:
            payload, error = self._init_error or self._exit_problem(), "Unhandled"
        else:
            self._answer = asyncio.get_running_loop().create_future()
            self._work.put_nowait(invocation)
            try:
                payload, error = await asyncio.wait_for(self._answer, self.function.timeout)
            except TimeoutError:
                message = f"{invocation.request_id} Task timed out after {self.function.timeout:.2f} seconds"
                payload, error = _problem("Sandbox.Timedout", message), "Unhandled"
                await self.stop()
            except asyncio.CancelledError:
                await self.stop()
                raise
        seconds = time.monotonic() - begun
        self.idle_since = time.monotonic()
        return Outcome(payload, error, seconds, init_seconds, "\n".join(self._tail))

    async def stop(self) -> None:
        """End the process at once: an environment has nothing to save."""
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._watching:
            await asyncio.gather(*self._watching, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix(_API)
        if path == "/invocation/next":
            self._ready.set()
            invocation = await self._work.get()
            deadline = time.time() + self.function.timeout
            return web.Response(
                body=invocation.payload,
                content_type="application/json",
                headers={
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": _arn(self.function.name),
                    "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid4().hex[:24]};Sampled=0",
                },
            )
        body = await request.read()
        if path == "/init/error":
            self._init_error = body
            self._ready.set()
        elif path == f"/invocation/{self._request_id}/response":
            self._settle(body, None)
        elif path == f"/invocation/{self._request_id}/error":
            self._settle(body, "Unhandled" if b"Runtime.ExitError" in body else "Handled")
        else:
            return web.json_response({"errorType": "InvalidRequestID"}, status=400)
        return web.json_response({"status": "OK"}, status=202)

    def _settle(self, payload: bytes, error: str | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result((payload, error))

    async def _listen(self) -> None:
        stdout = self._process.stdout if self._process else None
        while stdout and (line := await _line(stdout)):
            text = line.decode(errors="replace").rstrip()
            if text:
                self._tail.append(text)
                self._say(self.function.name, self._request_id, text)

    async def _wait(self) -> None:
        if self._process:
            await self._process.wait()
        self._ready.set()
        self._settle(self._exit_problem(), "Unhandled")

    def _exit_problem(self) -> bytes:
        code = self._process.returncode if self._process else None
        how = f"signal: {-code}" if code is not None and code < 0 else f"exit status {code}"
        return _problem("Runtime.ExitError", f"RequestId: {self._request_id} Error: Runtime exited with error: {how}")

    def _variables(self, api: str) -> dict[str, str]:
        function = self.function
        # Lambda: "Defined runtime environment variables". Nothing of the developer's own but what finds Python.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SYSTEMROOT") if name in os.environ}
        roots = [function.task_root, *(folder for layer in function.layers for folder in (layer / "python", layer))]
        return {
            **kept,
            "LANG": "en_US.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": os.pathsep.join(map(str, roots)),
            "PYTHONUNBUFFERED": "1",
            "AWS_LAMBDA_RUNTIME_API": api,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[$LATEST]{id(self):x}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "LAMBDA_TASK_ROOT": str(function.task_root),
            "LAMBDA_RUNTIME_DIR": str(function.task_root),
            "_HANDLER": function.handler,
            **function.environment,
        }


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:
        # A line beyond the reader's limit comes in pieces.
        return await stream.read(1 << 16)


def _problem(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
