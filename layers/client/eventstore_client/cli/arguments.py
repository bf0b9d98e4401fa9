from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from eventstore_client.cli.demo import DEMO_START
from eventstore_client.cli.signing_in import add_options
from eventstore_client.hub import DEFAULT_URL

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parser"]

_FORMATS = """\
A file holds one of these, packed by gzip or not; its content says which:
  NDJSON            one CloudEvent a line, of any length
  JSON array        [{...}, {...}]
  single event      {"specversion": "1.0", ...}
  Temporal history  {"events": [{"eventId": "1", "eventType": ...}, ...]}, or the array alone
What `eventstore read` printed loads, too, into this hub or another: what the hub added is taken off.
Everything is checked before anything is published. Loading again is safe: an event is stored once.
"""
_WORK = """\
With --exec, the command is run for each event, those of a stream in order. It reads the event on its standard input,
and finds EVENT_ID, EVENT_TYPE, EVENT_STREAM, EVENT_SEQUENCE and EVENT_ATTEMPT in its environment. Its exit code says:
  0          handled
  65         not to be tried again: park the event, and its stream behind it
  any other  failed: try it again later; the last line of its standard error is kept as the reason
The command has ended once it exits, whatever children of it are left.
Without --exec, events are printed, and count as handled once printed.
A command, or an output without room, may take as long as it takes: all other events wait unharmed.
SIGINT or SIGTERM: the event in hand is finished, and the rest goes to other members at once.
"""
_CODES = "Exit codes: 0 done, 1 refused or bad input, 2 wrong usage, 3 the hub is away, 130 interrupted."


_UNKNOWN = re.compile(r"(?:unrecognized arguments: .*?|invalid choice: ')(--[a-z-]+|[^' ]+)")

_Filter: TypeAlias = Mapping[str, Mapping[str, str]]


def parser() -> argparse.ArgumentParser:
    """The commands, their options, and what `--help` says of them."""
    common = _Parser(add_help=False)
    common.add_argument("--url", help=f"where the hub answers (else EVENTSTORE_URL, else {DEFAULT_URL})")
    common.add_argument(
        "--patience",
        type=_sequence,
        metavar="SECONDS",
        help="how long to try again while the hub is away or busy (30; subscribe and work: for ever)",
    )
    add_options(common)
    many = _Parser(add_help=False)
    many.add_argument(
        "--publishers", type=_positive, default=8, metavar="N", help="requests under way at most (%(default)s)"
    )
    whole = _Parser(
        prog="eventstore",
        description="Publish CloudEvents to a hub, read them back in order, and follow them live.",
        epilog=_CODES,
    )
    whole.set_defaults(websocket_url=None)
    commands = whole.commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser(
        "load",
        parents=[common, many],
        help="publish the events of files, each stream's in order",
        description="Publish the events of files, each stream's in order.",
        epilog=_FORMATS + "\n" + _CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a file or a pipe of events; - is standard input")
    command.add_argument("--stream", help="put all events there, rather than where their attributes say")

    command = commands.add_parser(
        "demo",
        parents=[common, many],
        help="publish made-up workflow runs, and print one as it reads back",
        description="Publish made-up workflow runs, and print one as it reads back. The same seed tells the same.",
    )
    command.add_argument("--runs", type=_positive, default=60, metavar="N", help="how many (%(default)s)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="which ones (%(default)s)")
    command.add_argument(
        "--start", type=_time, default=DEMO_START, metavar="TIME", help="when the first begins (2026-01-05T09:00:00Z)"
    )

    command = commands.add_parser(
        "publish",
        parents=[common],
        help="publish one event, and print where it stands",
        description="Publish one event, and print its stream, sequence and id.",
    )
    command.add_argument("event", metavar="JSON", help="in the CloudEvents JSON format; - is standard input")
    command.add_argument("--stream", help="where it belongs, rather than where its attributes say")
    command.add_argument(
        "--expected", type=_sequence, metavar="N", help="store it only if the stream ends at N; 0: only if it is new"
    )

    command = commands.add_parser(
        "read",
        parents=[common],
        help="print a stream's events in order",
        description="Print a stream's events in order, as NDJSON or as a table.",
    )
    command.add_argument("stream", metavar="STREAM", help="its name, such as acme:order-1")
    command.add_argument(
        "--from", dest="start", type=_positive, default=1, metavar="N", help="the first sequence wanted (%(default)s)"
    )
    command.add_argument("--table", action="store_true", help="a table for people, rather than NDJSON")

    command = commands.add_parser(
        "subscribe",
        parents=[common],
        help="print events as they come, from any point on",
        description="Print events as they come, as NDJSON or as a table, until SIGINT or SIGTERM. At the end it says "
        "on standard error with which cursor to go on; a few events may come again then, and none is missing. While "
        "the hub is away it tries again, and says so.",
        epilog=_CODES,
    )
    _live(command)
    _subscribe(command)

    command = commands.add_parser(
        "work",
        parents=[common],
        help="take part in a durable subscription: run a command for each event, or print it",
        description="Take part in a durable subscription, and acknowledge what is handled, until interrupted.",
        epilog=_WORK + "\n" + _CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _live(command)
    command.add_argument("subscription", metavar="NAME", help="made before, by POST /api/v1/subscriptions")
    command.add_argument(
        "--exec",
        dest="run",
        nargs=argparse.REMAINDER,
        action=_Command,
        default=[],
        metavar="COMMAND",
        help="run this, with its arguments, for each event; the last option",
    )
    return whole


def _live(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--websocket-url",
        metavar="URL",
        help="where the hub answers over WebSocket (else EVENTSTORE_WEBSOCKET_URL, else as --url tells)",
    )
    command.add_argument(
        "--no-dataref",
        dest="follow_dataref",
        action="store_false",
        help="leave an event without its data that is too large for a frame, rather than fetch it",
    )


def _subscribe(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--type", type=_type, action="append", default=[], metavar="TYPE", help="only these; may end in * (repeatable)"
    )
    command.add_argument(
        "--stream", action="append", default=[], metavar="NAME", help="only events of these streams (repeatable)"
    )
    command.add_argument("--filter", metavar="SQL", help="only events for which this CloudEvents SQL is true")
    command.add_argument(
        "--from", dest="start", choices=["start", "now"], default="now", help="the oldest kept, or what comes (now)"
    )
    command.add_argument("--cursor", metavar="C", help="go on from there, rather than from --from")
    end = command.add_mutually_exclusive_group()
    end.add_argument(
        "--follow", dest="count", action="store_const", const=None, help="go on until interrupted, as without --count"
    )
    end.add_argument("--count", type=_positive, metavar="N", help="end after so many events")
    command.add_argument("--table", action="store_true", help="a table for people, rather than NDJSON")


class _Parser(argparse.ArgumentParser):
    """One that says which command or option was meant, where a name comes close.

    Attributes:
        commands: Its commands, each a parser of its own; None if it has none.
    """

    commands: argparse._SubParsersAction[_Parser] | None = None

    def error(self, message: str) -> NoReturn:
        """End with the usage, the message, and what was meant."""
        found = _UNKNOWN.search(message)
        super().error(message + (self._meant(found[1]) if found else ""))

    def _meant(self, given: str) -> str:
        known = dict(self.commands.choices) if self.commands else {}
        options = [name for parser in known.values() for name in parser._option_string_actions]  # noqa: SLF001
        near = get_close_matches(given, [*options, *known], n=1)
        if near:
            return f"; did you mean {near[0]}?"
        return "" if given.startswith("-") else "; options stand behind the command: eventstore read --url URL STREAM"


class _Command(argparse.Action):
    """A command with its arguments, which is not left out."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        command = list(values or ())
        if command[:1] == ["--"]:
            del command[0]
        if not command:
            parser.error(f"argument {option_string}: there is no command behind it")
        setattr(namespace, self.dest, command)


def _positive(text: str) -> int:
    number = _sequence(text)
    if not number:
        raise argparse.ArgumentTypeError("0 is too few: it must be 1 or more")
    return number


def _sequence(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _type(text: str) -> _Filter:
    if "*" in text[:-1] or text in {"", "*"}:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a type; a type is such as io.flunq.task.failed, or io.flunq.task.*"
        )
    return {"prefix": {"type": text[:-1]}} if text.endswith("*") else {"exact": {"type": text}}


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time with its zone; a time is such as 2026-01-05T09:00:00Z"
        )
    return time
