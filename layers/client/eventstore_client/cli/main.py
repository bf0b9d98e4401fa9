"""The entry point of the command line `eventstore`.

Results are written to standard output, messages to standard error. Exit codes: 0 success, 1 invalid input, an output
that cannot be written or a request that the hub rejects, 2 invalid arguments, 3 hub unavailable, 130 interrupted,
141 the reader of standard output closed it before the end, such as `head`.
`work`, `tail` and `subscribe` exit with 0 after SIGTERM.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from math import inf
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError
from eventstore_client.backoff import Backoff
from eventstore_client.cli.arguments import parser
from eventstore_client.cli.failures import OUTPUT_CLOSED, failure_of
from eventstore_client.cli.outputs import ESCAPING, WarningHandler, say, say_line
from eventstore_client.cli.parsers import Parser, UsageError
from eventstore_client.cli.registry import COMMANDS
from eventstore_client.cli.shared_arguments import asks_for_json
from eventstore_client.cli.signals import Terminated
from eventstore_client.cli.targets import target_of
from eventstore_client.errors import BadInput, ClientError, ConnectFailed
from eventstore_client.hub import EventStore
from eventstore_client.transport import checked_url, websocket_url

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Raises:
        SystemExit: The arguments are invalid, or ask for help or the version.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        options = _parser_for(given).parse(given)
    except UsageError as error:
        raise SystemExit(_report_usage(error, as_json=asks_for_json(given))) from None
    try:
        with _warnings_on_stderr():
            return _run(options)
    except (ClientError, EventstoreError, UsageError, KeyboardInterrupt) as error:
        return _report(error, as_json=options.errors_as_json)
    except Terminated:
        pass
    except OSError as error:
        # The interpreter flushes the buffer at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            # Nothing is reported, as by other programs: the reader, such as `head`, may have had enough.
            return OUTPUT_CLOSED
        return _report(error, as_json=options.errors_as_json)
    return 0


def _parser_for(arguments: Sequence[str]) -> Parser:
    """Return a parser with what the arguments need: only the help of the program has the purposes of all commands."""
    first = next(iter(arguments), "--help")
    return parser() if first in {"-h", "--help"} else parser(only=first)


def _run(options: argparse.Namespace) -> int:
    if sys.stdout is None and options.command != "load" and not getattr(options, "run", None):
        raise BadInput(["standard output is closed"])
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors=ESCAPING)
    command = COMMANDS[options.command]
    runner = import_module(command.run).RUNNERS[options.command]
    code = 0
    if command.makes_client:
        code = int(runner(options))
    else:
        with _client(options, is_live=command.is_live) as store:
            runner(options, store)
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _client(options: argparse.Namespace, *, is_live: bool) -> EventStore:
    """Return the client of the hub that the options select. Subscriptions and workers report retries in the log."""
    backoff = Backoff(notice=None if is_live else _RetryNotice())
    if getattr(options, "watch", None) is not None:
        backoff = replace(backoff, patience=inf)
    if options.patience is not None:
        backoff = replace(backoff, patience=options.patience)
    target = target_of(options, os.environ)
    try:
        checked_url(target.url)
        if target.websocket_url is not None:
            websocket_url(target.websocket_url, url=target.url)
    except ConnectFailed as error:
        # What is no address is a wrong argument: whether the hub is available is not known.
        raise UsageError(f"{error} ({target.source})", usage="", program=f"eventstore {options.command}") from None
    return EventStore(target.url, backoff=backoff, websocket_url=target.websocket_url, credentials=target.credentials)


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Write the client's warnings to standard error while the context is entered."""
    logger, handler = logging.getLogger("eventstore_client"), WarningHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _RetryNotice:
    """Reports the first retry, and no others."""

    def __init__(self) -> None:
        self._first = threading.Lock()

    def __call__(self, error: ClientError) -> None:
        if self._first.acquire(blocking=False):
            say(f"{error}; retrying")


def _report_usage(error: UsageError, *, as_json: bool) -> int:
    failure = failure_of(error)
    say_line(failure.encoded() if as_json else f"{error.usage}{error.program}: error: {error}")
    return failure.exit_code


def _report(error: BaseException, *, as_json: bool) -> int:
    failure = failure_of(error)
    if as_json:
        say_line(failure.encoded())
    else:
        for line in failure.lines:
            say(line)
    return failure.exit_code
