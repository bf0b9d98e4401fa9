"""The command line of flunq-eventstore.

Results go to standard output, everything said on the way to standard error. Exit codes: 0 all is done, 1 something was
wrong with the input or the output, or the hub refused it, 2 the command line was wrong, 3 the hub was not there, 130
interrupted. A `work` or a `subscribe` that SIGTERM ends has done what it was asked for: 0.
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
from eventstore_client.cli.arguments import parser
from eventstore_client.cli.commands import running
from eventstore_client.cli.demo import items, runs
from eventstore_client.cli.files import is_regular, reason, standard_input
from eventstore_client.cli.loader import check, load
from eventstore_client.cli.outputs import ESCAPING, Words, say, write_line
from eventstore_client.cli.progress import Progress
from eventstore_client.cli.signals import Signals, Terminated, terminable
from eventstore_client.cli.signing_in import chosen
from eventstore_client.cli.sources import Source, spooled
from eventstore_client.cli.timeline import growing, timeline
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

_REFUSED, _AWAY, _INTERRUPTED = 1, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = parser().parse_args(arguments)
    try:
        with _worded():
            _run(options)
    except BadInput as error:
        return _failed(_REFUSED, *error.places)
    except LoadFailed as error:
        code = _REFUSED if not _is_away(error.__cause__) else _AWAY
        return _failed(_INTERRUPTED if isinstance(error, LoadInterrupted) else code, str(error), str(error.summary))
    except (ClientError, EventstoreError) as error:
        return _failed(_AWAY if _is_away(error) else _REFUSED, str(error))
    except KeyboardInterrupt:
        return _failed(_INTERRUPTED, "interrupted")
    except Terminated:
        pass
    except OSError as error:
        # The interpreter must not stumble at exit over what is still in the buffer.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Whoever read our output has seen enough.
        if not isinstance(error, BrokenPipeError):
            return _failed(_REFUSED, f"the output cannot be written: {error}")
    return 0


def _run(options: argparse.Namespace) -> None:
    if sys.stdout is None and options.command != "load" and not getattr(options, "run", None):
        raise BadInput(["standard output is closed: there is nowhere to print to"])
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors=ESCAPING)
    live = options.command in _LIVE
    # Live consumers say by the log that they try again.
    backoff = Backoff(notice=None if live else _Notice())
    if options.patience is not None:
        backoff = replace(backoff, patience=options.patience)
    with EventStore(
        options.url, backoff=backoff, websocket_url=options.websocket_url, credentials=chosen(options)
    ) as store:
        _COMMANDS[options.command](options, store)
    if sys.stdout is not None:
        sys.stdout.flush()


@contextmanager
def _worded() -> Iterator[None]:
    """While entered, the client's warnings are said to whoever runs the command."""
    logger, words = logging.getLogger("eventstore_client"), Words()
    logger.addHandler(words)
    try:
        yield
    finally:
        logger.removeHandler(words)


class _Notice:
    """Says once why nothing seems to happen."""

    def __init__(self) -> None:
        self._first = threading.Lock()

    def __call__(self, error: ClientError) -> None:
        if self._first.acquire(blocking=False):
            say(f"{error}; trying again")


def _load(options: argparse.Namespace, store: EventStore) -> None:
    with ExitStack() as stack:
        sources = list(_sources(options.files, options.stream, stack))
        total = check(sources, note=say)
        _say(_loaded(chain.from_iterable(source.items() for source in sources), total, options, store))


def _demo(options: argparse.Namespace, store: EventStore) -> None:
    made = runs(options.runs, seed=options.seed, start=options.start)
    _say(_loaded(items(made), sum(len(run.events) for run in made), options, store))
    told = _telling(made)
    print(f"\n{told.stream}, read back in order:\n")
    _print_lines(timeline(store.read(told.stream)))


def _publish(options: argparse.Namespace, store: EventStore) -> None:
    text = _event(options.event)
    for stored in store.publish([text], stream=options.stream, expected=options.expected):
        print(f"{stored.stream}\t{stored.sequence}\t{stored.id}" + ("\tduplicate" if stored.duplicate else ""))


def _read(options: argparse.Namespace, store: EventStore) -> None:
    events = store.read(options.stream, start=options.start, on_loss=lambda loss: say(str(loss)))
    _print_lines(timeline(events) if options.table else (_one_line(event.text) for event in events))


def _subscribe(options: argparse.Namespace, store: EventStore) -> None:
    filters = [
        *([{"any": options.type}] if options.type else []),
        *([{"sql": options.filter}] if options.filter else []),
    ]
    with (
        terminable(),
        store.subscribe(
            filters=filters,
            stream=options.stream,
            start=options.start,
            cursor=options.cursor,
            patience=options.patience,
            follow_dataref=options.follow_dataref,
        ) as subscription,
    ):
        events = islice(subscription, options.count)
        lines = growing(events) if options.table else (_one_line(event.text) for event in events)
        try:
            for line in lines:
                # Whoever follows wants each event now, not when a buffer is full. One that cannot be written is not
                # handled: the next is not asked for, and the cursor stands before it.
                write_line(line, wait=time.sleep)
        except HistoryLost as lost:
            _go_on(lost.cursor)
            raise
        except (ClientError, KeyboardInterrupt, Terminated, OSError):
            _go_on(subscription.cursor)
            raise
        _go_on(subscription.handled())


def _work(options: argparse.Namespace, store: EventStore) -> None:
    if options.run and shutil.which(options.run[0]) is None:
        raise BadInput([f"there is no command {options.run[0]!r}"])
    with store.work(options.subscription, patience=options.patience, follow_dataref=options.follow_dataref) as worker:
        signals = Signals(worker)
        printing = Printing(lambda event: _one_line(event.text), worker)
        tally = Tally(running(options.run, worker, signals) if options.run else printing)
        try:
            with signals:
                worker.run(tally)
        finally:
            say(str(tally))
    if printing.error is not None:
        raise printing.error
    if signal.SIGINT in signals.came:
        raise KeyboardInterrupt


def _go_on(cursor: str) -> None:
    say(f"to go on: --cursor {cursor}")


def _loaded(found: Iterable[Item | Fault], total: int, options: argparse.Namespace, store: EventStore) -> Summary:
    if sys.stderr is None:
        return load(found, store, publishers=options.publishers)
    progress = Progress(total, out=sys.stderr)
    try:
        return load(found, store, publishers=options.publishers, progress=progress)
    finally:
        progress.close()


def _event(given: str) -> str:
    """The text of one event: the argument, or standard input in UTF-8, whatever the locale."""
    try:
        if given != "-":
            members(given)
            return decoded(given.encode(errors="surrogateescape"))
        content = standard_input(sys.stdin).read()
        if not content.strip():
            raise BadInput(["standard input is empty: there is no event in it"])
        text = decoded(content)
        members(text)
    except Malformed as error:
        raise BadInput([f"{'standard input' if given == '-' else 'the event'}: {error.detail}"]) from error
    except OSError as error:
        raise BadInput([f"standard input: {reason(error)}"]) from error
    return text


def _sources(files: Sequence[str], stream: str | None, stack: ExitStack) -> Iterator[Source]:
    for name in files:
        path = Path(name)
        if name == "-":
            given = standard_input(sys.stdin)
            yield stack.enter_context(spooled(given, name="standard input", into=stream))
        elif is_regular(path):
            yield Source(path=path, stream=stream)
        else:
            # It is read once: a pipe is empty afterwards, and the loader reads what it checked.
            try:
                given = stack.enter_context(path.open("rb"))
            except OSError as error:
                raise BadInput([f"{name}: {reason(error)}"]) from error
            yield stack.enter_context(spooled(given, name=name, into=stream))


def _telling(made: Sequence[Run]) -> Run:
    """The run that shows the most: one that waits, fails, tries again and still comes to its end, if there is one."""
    wanted = {f"io.flunq.{name}" for name in ("task.retried", "timer.fired", "workflow.completed")}
    return max(made, key=lambda run: len(run.types() & wanted))


def _one_line(text: str) -> str:
    # In JSON a line break stands between tokens only: inside a string it is escaped (RFC 8259, 7).
    return text.replace("\r", " ").replace("\n", " ")


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _say(summary: Summary) -> None:
    if sys.stderr is not None:
        print(summary, file=sys.stderr)


def _failed(code: int, *lines: str) -> int:
    for line in lines:
        say(line)
    return code


def _is_away(error: BaseException | None) -> bool:
    return isinstance(error, ConnectFailed | Unavailable)


_LIVE = {"subscribe", "work"}
"""Commands that go on until they are interrupted."""

_COMMANDS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {
    "demo": _demo,
    "load": _load,
    "publish": _publish,
    "read": _read,
    "subscribe": _subscribe,
    "work": _work,
}
