"""The commands and options of `eventstore`, and their help texts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eventstore_client.cli.administration_arguments import add_administration
from eventstore_client.cli.completion import add_completion
from eventstore_client.cli.context_commands import add_contexts
from eventstore_client.cli.demo import DEMO_START
from eventstore_client.cli.dev_command import add_dev
from eventstore_client.cli.doctor import add_doctor
from eventstore_client.cli.key_commands import add_keys
from eventstore_client.cli.parsers import Parser, add_group
from eventstore_client.cli.query_arguments import add_queries
from eventstore_client.cli.shared_arguments import add_event_output, add_output, add_websocket_url
from eventstore_client.cli.signing_in import add_options
from eventstore_client.cli.values import Command, event_type, non_negative, positive, time_with_zone
from eventstore_client.hub import DEFAULT_URL
from eventstore_client.version import __version__

if TYPE_CHECKING:
    from eventstore_client.cli.parsers import Commands

__all__ = ["parser"]

_FORMATS = """\
A file has one of these formats, which is detected by its content. It may be compressed with gzip.
  NDJSON            one CloudEvent per line, any number of lines
  JSON array        [{...}, {...}]
  single event      {"specversion": "1.0", ...}
  Temporal history  {"events": [{"eventId": "1", "eventType": ...}, ...]}, or the array alone
The output of `eventstore read` can be loaded, too, into this hub or another: the attributes that the hub added are
removed. All files are checked before any event is published. Loading again is safe: an event is stored once.
"""
_WORK = """\
With --exec, the command runs once for each event, in order within a stream. It receives the event on standard input,
and EVENT_ID, EVENT_TYPE, EVENT_STREAM, EVENT_SEQUENCE and EVENT_ATTEMPT in its environment. Its exit code decides:
  0          the event is handled
  65         the event is parked, and the later events of its stream with it
  any other  the event is redelivered later; the last line of standard error is kept as the reason
The command has ended when it exits, even if it leaves child processes.
Without --exec, events are printed, and count as handled when printed.
If a command takes long, or the output has no room, the other events wait and are not redelivered.
SIGINT or SIGTERM: the current event is finished; the other events received go to other members immediately.
"""
_CODES = (
    "Exit codes: 0 success, 1 rejected request or invalid input, 2 invalid arguments, 3 hub unavailable, "
    "130 interrupted."
)


def parser() -> Parser:
    """Return the parser of all commands."""
    common = Parser(add_help=False)
    common.add_argument(
        "--url",
        help="the hub's address (default: that of --context, else EVENTSTORE_URL, else that of the context in use, "
        f"else http://127.0.0.1:PORT, else {DEFAULT_URL})",
    )
    common.add_argument("--context", metavar="NAME", help="the context of the hub (default: EVENTSTORE_CONTEXT)")
    common.add_argument(
        "--patience",
        type=non_negative,
        metavar="SECONDS",
        help="how long to retry while the hub is unavailable (default: 30; tail and work: for ever)",
    )
    many = Parser(add_help=False)
    many.add_argument(
        "--publishers", type=positive, default=8, metavar="N", help="concurrent requests (default: %(default)s)"
    )
    root = Parser(
        prog="eventstore",
        description="Publish CloudEvents to a hub, read them back in order, follow them live, and administer the hub.",
        epilog=_CODES,
    )
    root.set_defaults(websocket_url=None, errors_as_json=False)
    root.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}", help="print the version, and exit"
    )
    commands = root.commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_load(commands, [common, many])
    _add_demo(commands, [common, many])
    _add_publish(commands, [common])
    add_queries(commands, common)
    _add_tail(commands, [common])
    _add_work(commands, [common])
    add_administration(commands, common)
    add_doctor(commands, common)
    # A parser takes the exclusive options of its parents out of their group, so that each command has its own.
    for command in root.leaves():
        add_options(command)
    local = Parser(add_help=False)
    add_contexts(commands, local)
    add_keys(add_group(commands, "keys", "create, list and remove API keys in the file that a hub reads"), local)
    add_dev(commands, local)
    add_completion(commands, local)
    return root


def _add_load(commands: Commands, parents: list[Parser]) -> None:
    command = commands.add_parser(
        "load",
        parents=parents,
        help="publish the events of files, in order within a stream",
        description="Publish the events of files, in order within a stream.",
        epilog=_FORMATS + "\n" + _CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a file or pipe with events; - for standard input")
    command.add_argument("--stream", help="the stream of all events (default: by their attributes)")
    add_output(command, default=None, without="a summary on standard error")


def _add_demo(commands: Commands, parents: list[Parser]) -> None:
    command = commands.add_parser(
        "demo",
        parents=parents,
        help="publish generated workflow runs, and print one of them",
        description="Publish generated workflow runs, and print one of them. The same seed generates the same runs.",
    )
    command.add_argument("--runs", type=positive, default=60, metavar="N", help="number of runs (default: %(default)s)")
    command.add_argument(
        "--seed", type=int, default=1, metavar="S", help="seed of the generator (default: %(default)s)"
    )
    command.add_argument(
        "--start",
        type=time_with_zone,
        default=DEMO_START,
        metavar="TIME",
        help="start of the first run (default: 2026-01-05T09:00:00Z)",
    )
    add_event_output(command, default="table", without="table")


def _add_publish(commands: Commands, parents: list[Parser]) -> None:
    command = commands.add_parser(
        "publish",
        parents=parents,
        help="publish one event, and print its position",
        description="Publish one event, and print its stream, sequence and id.",
    )
    command.add_argument("event", metavar="JSON", help="the event in the CloudEvents JSON format; - for standard input")
    command.add_argument("--stream", help="the stream of the event (default: by its attributes)")
    command.add_argument(
        "--expected",
        type=non_negative,
        metavar="N",
        help="store the event only if the stream ends at sequence N; 0: only if the stream is new",
    )
    add_output(command, default=None, without="stream, sequence and id, separated by tabs")


def _add_tail(commands: Commands, parents: list[Parser]) -> None:
    purpose = "print events as they arrive, from any position"
    description = (
        "Print events as they arrive, until SIGINT or SIGTERM. At the end, the cursor to resume from is printed on "
        "standard error. Resuming misses no event, and may repeat a few. While the hub is unavailable, the command "
        "retries and reports it."
    )
    tail = commands.add_parser("tail", parents=parents, help=purpose, description=description, epilog=_CODES)
    _add_live_options(tail)
    _add_subscribe_options(tail)
    add_event_output(tail, default=None, without="table on a terminal, else ndjson")
    subscribe = commands.add_parser(
        "subscribe",
        parents=parents,
        help="the same as tail, and NDJSON on a terminal, too",
        description=description,
        epilog=_CODES,
    )
    _add_live_options(subscribe)
    _add_subscribe_options(subscribe)
    add_event_output(subscribe)


def _add_work(commands: Commands, parents: list[Parser]) -> None:
    command = commands.add_parser(
        "work",
        parents=parents,
        help="join a durable subscription: run a command for each event, or print it",
        description="Join a durable subscription, and acknowledge each event that is handled, until interrupted.",
        epilog=_WORK + "\n" + _CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_live_options(command)
    command.add_argument(
        "subscription",
        metavar="NAME",
        help="the name of the subscription; `eventstore subscriptions create` creates one",
    )
    add_event_output(command)
    command.add_argument(
        "--exec",
        dest="run",
        nargs=argparse.REMAINDER,
        action=Command,
        default=[],
        metavar="COMMAND",
        help="the command and its arguments, run for each event; must be the last option",
    )


def _add_live_options(command: argparse.ArgumentParser) -> None:
    add_websocket_url(command)
    command.add_argument(
        "--no-dataref",
        dest="follow_dataref",
        action="store_false",
        help="do not fetch the data of events that are too large for a frame",
    )


def _add_subscribe_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--type",
        type=event_type,
        action="append",
        default=[],
        metavar="TYPE",
        help="only events of this type; may end in * (repeatable)",
    )
    command.add_argument(
        "--stream", action="append", default=[], metavar="NAME", help="only events of this stream (repeatable)"
    )
    command.add_argument(
        "--filter", metavar="SQL", help="only events for which this CloudEvents SQL expression is true"
    )
    command.add_argument("--filter-name", metavar="NAME", help="only events that this named filter of the hub matches")
    command.add_argument(
        "--from",
        dest="start",
        choices=["start", "now"],
        default="now",
        help="start: from the oldest event kept; now: new events only (default: now)",
    )
    command.add_argument("--cursor", metavar="C", help="resume from this cursor; --from is ignored")
    end = command.add_mutually_exclusive_group()
    end.add_argument(
        "--follow", dest="count", action="store_const", const=None, help="continue until interrupted (the default)"
    )
    end.add_argument("--count", type=positive, metavar="N", help="end after N events")
