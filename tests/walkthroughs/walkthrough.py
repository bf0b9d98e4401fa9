"""Does what a page of instructions says, as its reader would, against a hub of its own."""

from __future__ import annotations

import ast
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.walkthroughs.steps import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_testing import EventstoreHub
    from tests.walkthroughs.steps import Step

__all__ = ["SHELLS", "Shell", "Walkthrough"]

_ROOT = Path(__file__).parents[2]
_PROGRAMS = {"python": "", "eventstore": "-m eventstore_client", "pytest": "-m pytest -p eventstore_testing.plugin"}
"""The programs of a project's `.venv`, as options of the tests' Python."""

_ELSEWHERE = ("make ", "python3 -m venv", "pip install")
"""What the tests have done before, in their way: the hub runs, and its client and plugin are installed."""

_REPEATABLE = ("dead-letters list", "subscriptions show", "eventstore read", "eventstore search")
"""Commands that a reader repeats until they show what the page says."""

_SECONDS = 30.0


@dataclass(frozen=True)
class Shell:
    """A shell that ends at the first error.

    Attributes:
        name: Its program.
        typed: Its options for lines that are typed.
        option: Its option for a command as an argument.
    """

    name: str
    typed: tuple[str, ...]
    option: str


SHELLS = [Shell("bash", ("--norc", "-eu"), "-euc"), Shell("zsh", ("-fieu",), "-feuc")]


@dataclass
class _Service:
    """A program in another terminal."""

    command: str
    process: subprocess.Popen[str]
    lines: queue.Queue[str]

    @classmethod
    @contextmanager
    def started(cls, shell: Shell, command: str, *, folder: Path, environment: dict[str, str]) -> Iterator[Self]:
        """Run a program during the block."""
        lines: queue.Queue[str] = queue.Queue()
        # A process group of its own, as a terminal gives it, which Ctrl-C reaches as a whole.
        with subprocess.Popen(
            [shell.name, shell.option, command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            reading = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout or ()])
            reading.start()
            try:
                yield cls(command, process, lines)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                reading.join()

    def stop(self) -> None:
        """Press Ctrl-C, at which the programs of the pages end in order."""
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.wait(_SECONDS) == 0, self.command

    def expect(self, output: str) -> None:
        """Wait for lines, in any order."""
        expected = output.splitlines(keepends=True)
        found: list[str] = []
        try:
            while len(found) < len(expected):
                found.append(self.lines.get(timeout=_SECONDS))
        except queue.Empty:
            pass
        assert sorted(found) == sorted(expected), f"{self.command} has printed {found}"


@dataclass
class Walkthrough:
    """A reader of one page.

    Attributes:
        hub: The hub that runs.
        shell: The shell of all terminals.
        folder: Where the reader begins.
    """

    hub: EventstoreHub
    shell: Shell
    folder: Path
    _here: Path = field(init=False)
    _output: str = ""
    _last: str = ""
    _services: list[_Service] = field(default_factory=list)

    @classmethod
    def at_the_checkout(cls, hub: EventstoreHub, shell: Shell, folder: Path) -> Self:
        """Return a reader who has a checkout and nothing else."""
        (folder / "flunq-eventstore").symlink_to(_ROOT)
        return cls(hub, shell, folder)

    @classmethod
    def with_the_client(cls, hub: EventstoreHub, shell: Shell, folder: Path) -> Self:
        """Return a reader whose environment has the client."""
        reader = cls(hub, shell, folder)
        reader._make_environment()
        return reader

    def __post_init__(self) -> None:
        self._here = self.folder

    def follow(self, page: str) -> int:
        """Do what a page says, and return the number of steps. Anything else than the page says fails."""
        with ExitStack() as stack:
            count = 0
            for count, step in enumerate(steps(page), start=1):  # noqa: B007 - it is returned
                self._do(step, stack)
            return count

    def _do(self, step: Step, stack: ExitStack) -> None:
        text = step.text.replace("http://127.0.0.1:8081", self.hub.url)
        if step.kind == "command":
            self._type(text)
        elif step.kind == "service":
            if "http.server" in text:
                return  # A test of the page itself serves it.
            running = _Service.started(self.shell, text, folder=self._here, environment=self._environment())
            self._services.append(stack.enter_context(running))
        elif step.kind == "file":
            (self._here / step.name).write_text(text)
        elif step.kind == "part":
            if step.name == "python":
                ast.parse(text)
        elif step.kind == "stop":
            self._service(step.text).stop()
        elif step.name:
            self._service(step.name).expect(text)
        else:
            self._compare(text)

    def _type(self, block: str) -> None:
        """Run the lines of a block, but for those that are done already."""
        lines = []
        for line in block.splitlines():
            if not line.startswith(_ELSEWHERE) and "pip install" not in line:
                lines.append(line)
            for path in re.findall(r"(?<=\s)'?\.\./([\w./-]+)", line) if "pip install" in line else ():
                assert (_ROOT.parent / path.replace("flunq-eventstore", _ROOT.name) / "pyproject.toml").is_file(), line
        self._last = "\n".join(lines)
        self._output = self._ran(self._last) if lines else ""
        if "-m venv .venv" in block:
            self._make_environment()

    def _ran(self, script: str) -> str:
        """The output of lines that are typed; the shell remains where they lead."""
        place = self.folder / ".place"
        done = subprocess.run(
            [self.shell.name, *self.shell.typed],
            input=f"{script}\npwd >'{place}'\n",
            cwd=self._here,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * _SECONDS,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        self._here = Path(place.read_text().strip())
        return done.stdout

    def _compare(self, expected: str) -> None:
        """Compare with the output of the last command, which is repeated where a reader would."""
        pattern = ".*".join(re.escape(part) for part in expected.rstrip("\n").split("…"))
        deadline = time.monotonic() + _SECONDS
        while not re.fullmatch(pattern, self._output.rstrip("\n"), re.DOTALL):
            assert any(name in self._last for name in _REPEATABLE), f"{self._last}\n{self._output}"
            assert time.monotonic() < deadline, f"{self._last}\n{self._output}"
            self._output = self._ran(self._last)

    def _service(self, name: str) -> _Service:
        # The latest, because a program may be started again.
        return [service for service in self._services if name in service.command][-1]

    def _make_environment(self) -> None:
        """Make `.venv` with programs that have the client of this checkout."""
        programs = self._here / ".venv/bin"
        programs.mkdir(parents=True)
        for name, options in _PROGRAMS.items():
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable} {options} "$@"\n')
            program.chmod(0o755)

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "EVENTSTORE_URL": self.hub.url,
            "PATH": f"{self.folder / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
