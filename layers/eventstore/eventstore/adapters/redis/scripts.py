"""The Lua scripts. Each is an atomic step within the slot of one partition."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Command, Direct

__all__ = ["Script", "run_each"]

_NO_FLAGS = b"#!lua"
_OF_THE_STEP = b"-- The flags are those of the step."
_FILES = files("eventstore.adapters.redis").joinpath("lua")


class Script:
    """A Lua script. It runs by its digest; its text is sent only to servers that do not know it yet.

    Scripts whose first line is `#!lua flags=allow-oom` or `no-writes` run although the memory of the server is full:
    they remove, deliver, read or overwrite stored data, or register clients (Valkey documentation, "Lua API reference",
    script flags). Scripts that store what clients publish or create have no flags.

    Args:
        name: The name of its file in `lua/`.
        shared: The names of files with shared functions, which are inserted after its first line.
        step: The name of another script, then those of files that it shares: its text becomes the function
            `apply(KEYS, ARGV, redis)`, which the script calls. A script whose first line is `#!lua` has the flags of
            that one, if it has any. One whose first line says so has them in any case: a step without a first line of
            flags then runs on a full server up to its first change, as it does alone.
    """

    def __init__(self, name: str, *shared: str, step: Sequence[str] = ()) -> None:
        flags, script = _text(name).split(b"\n", 1)
        inner: list[bytes] = []
        if step:
            called, *others = map(_text, step)
            if flags in {_NO_FLAGS, _OF_THE_STEP} and called.startswith(_NO_FLAGS):
                flags = called.split(b"\n", 1)[0]
            # Its own flags are a comment elsewhere than in the first line, and no statement.
            called = called.removeprefix(b"#!")
            inner = [b"local function apply(KEYS, ARGV, redis)", *others, b"--" + called, b"end"]
        self._source = b"\n".join([flags, *map(_text, shared), *inner, script])
        self._digest = sha1(self._source, usedforsecurity=False).hexdigest()

    def __call__(self, client: Client, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run the script.

        Args:
            client: The client of the store.
            keys: The keys of the script, all in one slot.
            arguments: Its arguments.
        """
        try:
            return client.execute_command(*self.command(keys, arguments))
        except NoScriptError:
            # Scripts are lost in a restart or failover. EVAL runs the script and loads it in one step.
            return client.execute_command("EVAL", self._source, len(keys), *keys, *arguments)

    def with_commands(
        self,
        client: Client,
        keys: Sequence[str],
        arguments: Sequence[Any],
        commands: Sequence[Command],
        *,
        direct: Direct | None,
    ) -> tuple[Any, Sequence[Any]]:
        """Run the script, and commands after it, in one round trip.

        Args:
            client: The client of the store.
            keys: As in a call.
            arguments: As in a call.
            commands: The commands.
            direct: What sends them; None for the client.

        Returns:
            The answer of the script, and those of the commands; an error in place of an answer where one failed. None
            where the script had to be sent once more: the commands came before it.
        """
        if direct is None and not commands:
            return self(client, keys, arguments), ()
        run = self.command(keys, arguments)
        if direct is not None:
            answer, *others = direct.run(run, *commands)
        else:
            pipeline = client.pipeline(transaction=False)
            for command in (run, *commands):
                pipeline.execute_command(*command)
            answer, *others = pipeline.execute(raise_on_error=False)
        if isinstance(answer, NoScriptError):
            return self(client, keys, arguments), ()
        if isinstance(answer, Exception):
            raise answer
        return answer, others

    def each(self, client: Client, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Run the script several times in one round trip. Each run is atomic, all together are not.

        Args:
            client: The client of the store.
            calls: The keys and arguments of each run.

        Returns:
            The answer of each run, in order.
        """
        return run_each(client, [(self, keys, arguments) for keys, arguments in calls])

    def command(self, keys: Sequence[str], arguments: Sequence[Any]) -> Command:
        """Return the command that runs the script on a server that knows it."""
        return ("EVALSHA", self._digest, len(keys), *keys, *arguments)


def run_each(client: Client, calls: Sequence[tuple[Script, Sequence[str], Sequence[Any]]]) -> list[Any]:
    """Run scripts in one round trip, in order. Each run is atomic, all together are not.

    Args:
        client: The client of the store.
        calls: The script, keys and arguments of each run.

    Returns:
        The answer of each run. One that the server did not know is run after all others.
    """
    pipeline = client.pipeline(transaction=False)
    for script, keys, arguments in calls:
        pipeline.execute_command(*script.command(keys, arguments))
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    for number, (answer, (script, keys, arguments)) in enumerate(zip(answers, calls, strict=True)):
        if isinstance(answer, NoScriptError):
            answers[number] = script(client, keys, arguments)
        elif isinstance(answer, Exception):
            raise answer
    return answers


def _text(name: str) -> bytes:
    return _FILES.joinpath(f"{name}.lua").read_bytes()
