"""An execution environment: one process that runs a function, one call at a time.

Rules: AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle" and "Using Lambda
environment variables" (defined runtime environment variables).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eventstore_dev.aws_names import REGION
from eventstore_dev.invocation import Invocation, Limits, Outcome, failure
from eventstore_dev.logs import LogPipe
from eventstore_dev.runtime import RuntimeApi

if TYPE_CHECKING:
    from eventstore_dev.addresses import Addresses
    from eventstore_dev.template import Function
    from eventstore_dev.terminal import Terminal
    from eventstore_hosting.lifeline import Lifeline

# What a process needs of the machine it runs on; the rest of the developer's own environment stays out of it.
_KEPT = ("HOME", "LD_LIBRARY_PATH", "PATH", "SSL_CERT_FILE", "TMPDIR")


class Environment:
    """A process under AWS's own runtime client, and its Runtime API.

    Attributes:
        init_seconds: What it took to start; None once a call has been told.
    """

    def __init__(
        self, function: Function, *, limits: Limits, lifeline: Lifeline, terminal: Terminal, addresses: Addresses
    ) -> None:
        self.init_seconds: float | None = None
        self._function = function
        self._addresses = addresses
        self._limits = limits
        self._lifeline = lifeline
        self._api = RuntimeApi(function, limits=limits)
        self._logs = LogPipe(function, terminal)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._init_failure: bytes | None = None
        self._over = False
        # One starts it or stops it at a time: a stop that overtook the start would leave its process behind.
        self._turn = asyncio.Lock()
        self._request_id = ""

    @property
    def pid(self) -> int:
        """The process; 0 before it is started."""
        return self._process.pid if self._process is not None else 0

    @property
    def usable(self) -> bool:
        """Whether it can take a call."""
        return not (self._over or self._init_failure is not None or self._api.ending or self._exited())

    async def start(self) -> None:
        """Starts the process, and returns when it can take a call, or when it is known that it never will."""
        async with self._turn:
            await self._start()

    async def _start(self) -> None:
        began = time.perf_counter()
        if self._over:
            return
        try:
            await self._api.start()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "awslambdaric",
                self._function.handler,
                cwd=self._function.task_root,
                env=self._variables(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._logs.writer,
                stderr=self._logs.writer,
                process_group=self._lifeline.group,
            )
        except OSError as error:
            self._init_failure = failure("Runtime.StartError", f"The process could not be started: {error}")
            self.init_seconds = time.perf_counter() - began
            return
        finally:
            self._logs.started()
        self._watch = asyncio.create_task(self._await_exit(self._process))
        if self._over:
            self._kill()
        done, _ = await asyncio.wait([self._api.initialised], timeout=self._limits.init_seconds)
        if done:
            self._init_failure = self._api.initialised.result()
        else:
            self._init_failure = failure(
                "Sandbox.Timedout", f"Init phase timed out after {self._limits.init_seconds:.2f} seconds"
            )
        self.init_seconds = time.perf_counter() - began

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Runs one call to its end: an answer, an error, a crash or the time-out, which kills the process."""
        init, self.init_seconds = self.init_seconds, None
        self._request_id = invocation.request_id
        self._logs.begin(invocation.request_id)
        began = time.perf_counter()
        if self._init_failure is not None:
            payload, failed = self._init_failure, True
        elif self._over:
            payload, failed = self._exit_failure(invocation.request_id), True
        else:
            answer = self._api.give(invocation)
            alarm = asyncio.get_running_loop().call_later(self._function.timeout, self._time_out, invocation)
            try:
                payload, failed = await answer
            finally:
                alarm.cancel()
        seconds = time.perf_counter() - began
        return Outcome(payload, failed, seconds, init, self._logs.end(seconds, init))

    async def stop(self) -> None:
        """Ends the process by SIGKILL, as Lambda ends an environment, and frees what it held."""
        self._kill()
        async with self._turn:
            if self._watch is not None:
                await self._watch
            await self._api.stop()
            self._logs.close()

    def _exited(self) -> bool:
        # Asked of the kernel: asyncio hears of it a little later, and a call would be lost in between.
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def _kill(self) -> None:
        self._over = True
        # Not Process.kill: it would reap a process that has just ended, before asyncio's own watcher does.
        if self._process is not None and not self._exited():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _time_out(self, invocation: Invocation) -> None:
        self._kill()
        message = f"{invocation.request_id} Task timed out after {self._function.timeout:.2f} seconds"
        self._logs.note(f"{datetime.now(UTC).isoformat(timespec='milliseconds')[:-6]}Z {message}")
        self._api.fail(failure("Sandbox.Timedout", f"RequestId: {message.replace(' ', ' Error: ', 1)}"))

    async def _await_exit(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        self._over = True
        self._api.fail(self._exit_failure(self._request_id))

    def _exit_failure(self, request_id: str) -> bytes:
        status = self._process.returncode if self._process is not None else None
        if status is None or status == 0:
            how = "Runtime exited without providing a reason"
        elif status < 0:
            how = f"Runtime exited with error: signal: {_SIGNALS.get(-status, -status)}"
        else:
            how = f"Runtime exited with error: exit status {status}"
        return failure("Runtime.ExitError", f"RequestId: {request_id} Error: {how}")

    def _variables(self) -> dict[str, str]:
        function = self._function
        roots = [function.task_root, *(folder for layer in function.layers for folder in (layer, layer / "python"))]
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "PYTHONPATH": os.pathsep.join(map(str, roots)),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self._addresses.variables(),
            **{name: self._addresses.translated(value) for name, value in function.environment},
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{version}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{os.urandom(16).hex()}",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(function.task_root),
            "LAMBDA_RUNTIME_DIR": str(function.task_root),
        }


_SIGNALS = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}
