from __future__ import annotations

import argparse
from datetime import datetime

from eventstore_client.demo import DEMO_START
from eventstore_client.hub import DEFAULT_URL

__all__ = ["parser"]

_FORMATS = """\
What a file holds is found out by itself:
  NDJSON            one CloudEvent a line, of any length
  JSON array        [{...}, {...}]
  single event      {"specversion": "1.0", ...}
  Temporal history  {"events": [{"eventId": "1", "eventType": ...}, ...]}
Everything is checked before anything is published. Loading again is safe: an event is stored once.
"""
_CODES = "Exit codes: 0 done, 1 refused or bad input, 2 wrong usage, 3 the hub is away, 130 interrupted."


def parser() -> argparse.ArgumentParser:
    """The commands, their options, and what `--help` says of them."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", help=f"where the hub answers (else EVENTSTORE_URL, else {DEFAULT_URL})")
    common.add_argument(
        "--patience",
        type=_sequence,
        default=30,
        metavar="SECONDS",
        help="how long to try again while the hub is away or busy (%(default)s)",
    )
    many = argparse.ArgumentParser(add_help=False)
    many.add_argument(
        "--publishers", type=_positive, default=8, metavar="N", help="requests under way at most (%(default)s)"
    )
    whole = argparse.ArgumentParser(
        prog="eventstore", description="Publish CloudEvents to a hub, and read them back in order.", epilog=_CODES
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser(
        "load",
        parents=[common, many],
        help="publish the events of files, each stream's in order",
        description="Publish the events of files, each stream's in order.",
        epilog=_FORMATS + "\n" + _CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a file of events; - is standard input")
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

    return whole


def _positive(text: str) -> int:
    number = _sequence(text)
    if not number:
        raise argparse.ArgumentTypeError("0 is too few; it is 1 or more")
    return number


def _sequence(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time with its zone; one is such as 2026-01-05T09:00:00Z")
    return time
