"""The entry point of the command line `eventstore`, and its commands.

Results are written to standard output, messages to standard error. Exit codes: 0 success, 1 invalid input, an output
that cannot be written or a request that the hub rejects, 2 invalid arguments, 3 hub unavailable, 130 interrupted.
`work` and `subscribe` exit with 0 after SIGTERM.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.cloudevents.json_text import decoded, members
from eventstore.errors import EventstoreError, Malformed
from eventstore_client.backoff import Backoff
from eventstore_client.cli.administration import ADMINISTRATION
from eventstore_client.cli.arguments import parser
from eventstore_client.cli.commands import command_handler
from eventstore_client.cli.demo import items as demo_items
from eventstore_client.cli.demo import runs
from eventstore_client.cli.files import is_regular, read_failure, standard_input
from eventstore_client.cli.loader import check, load
from eventstore_client.cli.outputs import ESCAPING, WarningHandler, say, write_line
from eventstore_client.cli.progress import Progress
from eventstore_client.cli.queries import QUERIES, one_line
from eventstore_client.cli.signals import Signals, Terminated, terminable
from eventstore_client.cli.signing_in import selected_credentials
from eventstore_client.cli.sources import Source, spooled
from eventstore_client.cli.timeline import live_table, timeline
from eventstore_client.cli.working import Printing, Tally
from eventstore_client.errors import (
    BadInput,
    ClientError,
    ConnectFailed,
    HistoryLost,
    LoadFailed,
    LoadInterrupted,
    Unavailable,
)
from eventstore_client.hub import EventStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from eventstore_client.cli.demo import Run
    from eventstore_client.cli.sources import Fault, Item
    from eventstore_client.summary import Summary

__all__ = ["main"]

_REJECTED, _UNAVAILABLE, _INTERRUPTED = 1, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        with _warnings_on_stderr():
            _run(options)
    except BadInput as error:
        return _report(_REJECTED, *error.places)
    except LoadFailed as error:
        code = _UNAVAILABLE if _is_unavailable(error.__cause__) else _REJECTED
        return _report(_INTERRUPTED if isinstance(error, LoadInterrupted) else code, str(error), str(error.summary))
    except (ClientError, EventstoreError) as error:
        return _report(_UNAVAILABLE if _is_unavailable(error) else _REJECTED, str(error))
    except KeyboardInterrupt:
        return _report(_INTERRUPTED, "interrupted")
    except Terminated:
        pass
    except OSError as error:
        # The interpreter flushes the buffer at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A reader that closes the pipe, such as `head`, is no error.
        if not isinstance(error, BrokenPipeError):
            return _report(_REJECTED, f"cannot write the output: {error}")
    return 0


def _run(options: argparse.Namespace) -> None:
    if sys.stdout is None and options.command != "load" and not getattr(options, "run", None):
        raise BadInput(["standard output is closed"])
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors=ESCAPING)
    live = options.command in _LIVE
    # Subscriptions and workers report retries in the log.
    backoff = Backoff(notice=None if live else _RetryNotice())
    if options.patience is not None:
        backoff = replace(backoff, patience=options.patience)
    with EventStore(
        options.url, backoff=backoff, websocket_url=options.websocket_url, credentials=selected_credentials(options)
    ) as store:
        _COMMANDS[options.command](options, store)
    if sys.stdout is not None:
        sys.stdout.flush()


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


def _load(options: argparse.Namespace, store: EventStore) -> None:
    with ExitStack() as stack:
        sources = list(_sources(options.files, options.stream, stack))
        total = check(sources, note=say)
        items = chain.from_iterable(source.items() for source in sources)
        _print_summary(_load_items(items, total, options, store))


def _demo(options: argparse.Namespace, store: EventStore) -> None:
    demo_runs = runs(options.runs, seed=options.seed, start=options.start)
    total = sum(len(run.events) for run in demo_runs)
    _print_summary(_load_items(demo_items(demo_runs), total, options, store))
    stream = _richest_run(demo_runs).stream
    print(f"\n{stream}, read back in order:\n")
    _print_lines(timeline(store.read(stream)))


def _publish(options: argparse.Namespace, store: EventStore) -> None:
    text = _event(options.event)
    for stored in store.publish([text], stream=options.stream, expected=options.expected):
        print(f"{stored.stream}\t{stored.sequence}\t{stored.id}" + ("\tduplicate" if stored.duplicate else ""))


def _query(options: argparse.Namespace, store: EventStore) -> None:
    _print_lines({**QUERIES, **ADMINISTRATION}[options.command](options, store))


def _subscribe(options: argparse.Namespace, store: EventStore) -> None:
    filters = [
        *([{"any": options.type}] if options.type else []),
        *([{"sql": options.filter}] if options.filter else []),
    ]
    with (
        terminable(),
        store.subscribe(
            filters=filters,
            filter_name=options.filter_name,
            stream=options.stream,
            start=options.start,
            cursor=options.cursor,
            patience=options.patience,
            follow_dataref=options.follow_dataref,
        ) as subscription,
    ):
        events = islice(subscription, options.count)
        lines = live_table(events) if options.output == "table" else (one_line(event.text) for event in events)
        try:
            for line in lines:
                # Each line is written immediately, without a buffer. An event whose line cannot be written is not
                # handled: the next is not requested, and the cursor remains before it.
                write_line(line, wait=time.sleep)
        except HistoryLost as lost:
            _print_cursor(lost.cursor)
            raise
        except (ClientError, KeyboardInterrupt, Terminated, OSError):
            _print_cursor(subscription.cursor)
            raise
        _print_cursor(subscription.handled())


def _work(options: argparse.Namespace, store: EventStore) -> None:
    if options.run and shutil.which(options.run[0]) is None:
        raise BadInput([f"command not found: {options.run[0]!r}"])
    with store.work(options.subscription, patience=options.patience, follow_dataref=options.follow_dataref) as worker:
        signals = Signals(worker)
        printing = Printing(lambda event: one_line(event.text), worker)
        tally = Tally(command_handler(options.run, worker, signals) if options.run else printing)
        try:
            with signals:
                worker.run(tally)
        finally:
            say(str(tally))
    if printing.error is not None:
        raise printing.error
    if signal.SIGINT in signals.received:
        raise KeyboardInterrupt


def _print_cursor(cursor: str) -> None:
    say(f"to resume: --cursor {cursor}")


def _load_items(items: Iterable[Item | Fault], total: int, options: argparse.Namespace, store: EventStore) -> Summary:
    if sys.stderr is None:
        return load(items, store, publishers=options.publishers)
    progress = Progress(total, out=sys.stderr)
    try:
        return load(items, store, publishers=options.publishers, progress=progress)
    finally:
        progress.close()


def _event(given: str) -> str:
    """Return the text of one event: the argument, or standard input as UTF-8, independently of the locale."""
    try:
        if given != "-":
            members(given)
            return decoded(given.encode(errors="surrogateescape"))
        content = standard_input(sys.stdin).read()
        if not content.strip():
            raise BadInput(["standard input is empty: expected an event"])
        text = decoded(content)
        members(text)
    except Malformed as error:
        raise BadInput([f"{'standard input' if given == '-' else 'the event'}: {error.detail}"]) from error
    except OSError as error:
        raise BadInput([f"standard input: {read_failure(error)}"]) from error
    return text


def _sources(files: Sequence[str], stream: str | None, stack: ExitStack) -> Iterator[Source]:
    for name in files:
        path = Path(name)
        if name == "-":
            yield stack.enter_context(spooled(standard_input(sys.stdin), name="standard input", into=stream))
        elif is_regular(path):
            yield Source(path=path, stream=stream)
        else:
            # A pipe can be read only once, and the loader reads its sources twice, to check and to load them.
            try:
                pipe = stack.enter_context(path.open("rb"))
            except OSError as error:
                raise BadInput([f"{name}: {read_failure(error)}"]) from error
            yield stack.enter_context(spooled(pipe, name=name, into=stream))


def _richest_run(demo_runs: Sequence[Run]) -> Run:
    """Return the run with the most kinds of events: a timer, a retry and a completed workflow, if there is one."""
    types = {f"io.flunq.{name}" for name in ("task.retried", "timer.fired", "workflow.completed")}
    return max(demo_runs, key=lambda run: len(run.types() & types))


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _print_summary(summary: Summary) -> None:
    if sys.stderr is not None:
        print(summary, file=sys.stderr)


def _report(code: int, *lines: str) -> int:
    for line in lines:
        say(line)
    return code


def _is_unavailable(error: BaseException | None) -> bool:
    return isinstance(error, ConnectFailed | Unavailable)


_LIVE = {"subscribe", "work"}
"""Commands that run until they are interrupted."""

_COMMANDS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {
    "demo": _demo,
    "load": _load,
    "publish": _publish,
    "subscribe": _subscribe,
    "work": _work,
    **dict.fromkeys([*QUERIES, *ADMINISTRATION], _query),
}
