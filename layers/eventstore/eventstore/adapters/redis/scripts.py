"""The Lua scripts, each an atomic step within one partition's slot."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client

__all__ = ["Script"]

_FILES = files("eventstore.adapters.redis").joinpath("lua")


class Script:
    """A script by its name; run by its digest, and sent whole where the server does not know it yet.

    Those that begin with `#!lua flags=allow-oom` or `no-writes` run though the server's memory is full: they remove
    what is there, deliver it, read it, write over it, or note who asks for it (Valkey documentation, "Lua API
    reference", script flags). Those that store what clients publish or make do without.

    Args:
        name: Its file's, in `lua/`, whose folders are named after what the script is a step of.
        shared: Names of files with functions that it shares with others; they stand behind its first line.
    """

    def __init__(self, name: str, *shared: str) -> None:
        flags, script = _text(name).split(b"\n", 1)
        self._source = b"\n".join([flags, *map(_text, shared), script])
        self._digest = sha1(self._source, usedforsecurity=False).hexdigest()

    def __call__(self, client: Client, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it; all keys are of one partition."""
        try:
            return client.execute_command("EVALSHA", self._digest, len(keys), *keys, *arguments)
        except NoScriptError:
            # A restart or a failover forgets scripts. EVAL runs it and makes it known in one step.
            return client.execute_command("EVAL", self._source, len(keys), *keys, *arguments)

    def each(self, client: Client, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Run it for each of the calls in one round trip; each is a step of its own."""
        pipeline = client.pipeline(transaction=False)
        for keys, arguments in calls:
            pipeline.execute_command("EVALSHA", self._digest, len(keys), *keys, *arguments)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        for number, (answer, call) in enumerate(zip(answers, calls, strict=True)):
            if isinstance(answer, NoScriptError):
                answers[number] = self(client, *call)
            elif isinstance(answer, Exception):
                raise answer
        return answers


def _text(name: str) -> bytes:
    return _FILES.joinpath(f"{name}.lua").read_bytes()
