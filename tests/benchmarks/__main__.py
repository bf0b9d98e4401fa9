"""`python -m tests.benchmarks [SUBJECT...]`: measures, and says what came of it.

A run of all subjects writes docs/benchmarks.md. With `--write`, a run of some replaces their sections there, and keeps
all others.

With `--against COMMIT` this tree is compared with another commit instead.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from tests.benchmarks import (
    appending,
    calling,
    catching_up,
    circuits,
    cooling,
    deliveries,
    dispatching,
    feeding,
    flooding,
    imports,
    isolation,
    journaling,
    latency,
    loading,
    memory,
    moving,
    peers,
    pushing,
    reading,
    selecting,
    serving,
    stack,
    using,
)
from tests.benchmarks.against import running
from tests.benchmarks.against.intervals import FEWEST_ROUNDS
from tests.benchmarks.against.report import page_with, section_of
from tests.benchmarks.against.trees import CheckoutError
from tests.benchmarks.against.workloads import WORKLOADS
from tests.benchmarks.document import PLACE, Section, document, machine, with_sections
from tests.benchmarks.measure import Figure, NotMeasured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class _Subject:
    title: str
    note: str
    figures: Callable[[], Iterable[Figure | NotMeasured]]

    def measured(self) -> Section:
        return Section(self.title, self.note, [_printed(figure) for figure in self.figures()])


_SUBJECTS: Mapping[str, _Subject] = {
    "appending": _Subject(
        "Appending",
        "Through the `Log` port, against bare XADD of the same bytes by the same client, on one Valkey in memory.\n"
        "An append is one script: it looks for duplicates, stores, numbers and indexes.",
        appending.figures,
    ),
    "reading": _Subject(
        "Reading", "Through the `Log` port, against bare XRANGE of the same events by redis-py.", reading.figures
    ),
    "selecting": _Subject(
        "Selecting",
        "Page by page as over REST, each of which looks for 400 ms; the events stand in 10,000 streams.",
        selecting.figures,
    ),
    "memory": _Subject(
        "Memory",
        "Events appended one by one and then looked up, so that all indexes hold them.",
        memory.figures,
    ),
    "cooling": _Subject(
        "Events that left memory",
        "On one Valkey in memory, with an archive in files. Events of 477 bytes, appended one by one, 20 a stream,\n"
        "and looked up, so that all indexes hold them.",
        cooling.figures,
    ),
    "journaling": _Subject(
        "A journal on NATS",
        "Through the `Log` port: events are in JetStream (a file, `sync_interval: always`), their index is in one\n"
        "Valkey in memory. Against `Journal.append` of as many bytes by the same client. The log is read by a process\n"
        "that has nothing of it in memory.",
        journaling.figures,
    ),
    "moving": _Subject(
        "Moving a store",
        "By `python -m eventstore_server.migrate`: from one Valkey in memory to another, and to JetStream (a file,\n"
        "`sync_interval: always`) with a Valkey. Appends of 20 events. After the copy, 1,000 events come, and the\n"
        "store is closed until these are copied, and all streams are compared.",
        moving.figures,
    ),
    "peers": _Subject(
        "Other stores",
        "One event after the other, each acknowledged. Our append-only file and SQLite's transactions reach the disk\n"
        "before the acknowledgement; JetStream's file is written by then, and reaches the disk later.",
        peers.figures,
    ),
    "stack": _Subject(
        "A request through the local stack",
        "Over a connection kept alive. The handler's own time is that of the same handler, called in the measuring\n"
        "process with the proxy event of the same request, on the same Valkey.",
        stack.figures,
    ),
    "flooding": _Subject(
        "A function that floods its output beside others",
        "On one local stack: requests one after the other over a kept connection, in blocks with and without the\n"
        "flood.",
        flooding.figures,
    ),
    "latency": _Subject(
        "From publishing to receipt",
        "Through the local stack: from the beginning of a POST of one event over a kept connection until a WebSocket\n"
        "client has it, one event after the other, over all receipts. NATS JetStream (memory) takes turns with it: an\n"
        "acknowledged publish, and an ordered consumer for each subscriber.",
        latency.figures,
    ),
    "serving": _Subject(
        "The hub as a service",
        "One instance in a process of its own, on a Valkey in memory; clients in the measuring process. From the\n"
        "beginning of a publish until a client has the event: a message on an open WebSocket, a message of an open\n"
        "call of PublishStream, a unary call, or a POST. NATS JetStream (memory) takes turns with it. A rate of\n"
        "receipts counts each distinct event of each subscriber.",
        serving.figures,
    ),
    "feeding": _Subject(
        "The server's live feed",
        "One partition of an instance, on one Valkey: what was appended is read from the log and matched, and frames\n"
        "are built and not sent. Subscriptions that do not match want other streams, subjects or types.",
        feeding.figures,
    ),
    "dispatch": _Subject(
        "Dispatching",
        "One worker's turns in one partition, on one Valkey: deliveries are encoded and not sent. Subscriptions that\n"
        "do not match want other streams, subjects or types, as most subscriptions of a hub do.",
        dispatching.figures,
    ),
    "isolation": _Subject(
        "A poisoned workflow beside others",
        "One worker's turns for a durable subscription with one member, on one Valkey: an event is appended, a turn\n"
        "sends it, the member handles it. Deliveries are encoded and decoded, and go through no queue.",
        isolation.figures,
    ),
    "calling": _Subject(
        "Calls of AWS",
        "Of a stub in a process of its own, which answers at once, over a kept connection and without TLS. The\n"
        "processor time is that of the calling process alone; boto3 makes the same calls in blocks that take turns.",
        calling.figures,
    ),
    "deliveries": _Subject(
        "Deliveries",
        "Through the local stack, all of it on one machine: receipts are events times subscribers, and their seconds\n"
        "last from the beginning of the POST until the last subscriber has the last event.",
        deliveries.figures,
    ),
    "pushing": _Subject(
        "Rules",
        "A Lambda function of another local stack, as the target of a rule and mapped to a FIFO queue there. The\n"
        "events wait beforehand, in the log or in the queue. That stack calls the function for a queue within its own\n"
        "process, and a rule by the Lambda API: if the function does nothing, it is the calls that are compared.",
        pushing.figures,
    ),
    "circuits": _Subject(
        "A rule to a dead URL beside a live subscriber",
        "Through the local stack, with one partition: from the beginning of a POST of one event until a WebSocket\n"
        "client has it, in blocks with such a rule, whose circuit is open, and without.",
        circuits.figures,
    ),
    "catchup": _Subject(
        "Catching up",
        "A subscription from the start over what is stored already: by one worker alone, whose deliveries are encoded\n"
        "and not sent, and through the local stack to a WebSocket client.",
        catching_up.figures,
    ),
    "using": _Subject(
        "The SDK",
        "One instance in a process of its own, on a Valkey in memory, and two clients in the measuring process, which\n"
        "take turns: the SDK, and the libraries that it stands on. Events have 700 bytes.",
        using.figures,
    ),
    "imports": _Subject(
        "Cold start", "Each import, and each first event, in a new process, compiled before.", imports.figures
    ),
    "loading": _Subject(
        "Real histories",
        "Through the loader and the local stack, Valkey with an append-only file. The first load by several\n"
        "publishers includes the start of a function process for each.",
        loading.figures,
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subjects named, or all; or compare.

    Returns:
        1 if an aim is not held, or a figure is worse than the other commit's; 2 if something could not be compared.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "subjects", nargs="*", metavar="SUBJECT", help=f"any of: {', '.join(_SUBJECTS)}; all by default"
    )
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        metavar="NAME,...",
        help="the subjects, in another way; with --against, what is compared",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"put what was measured into docs/{PLACE.name}, and keep the rest of it; a run of all does so anyway",
    )
    against = parser.add_argument_group(
        "comparing this tree with another commit", f"NAME is any of: {', '.join(WORKLOADS)}"
    )
    against.add_argument("--against", metavar="COMMIT", help="the other commit")
    against.add_argument("--rounds", type=_rounds, help=f"how often both start again ({running.DEFAULT_ROUNDS})")
    options = parser.parse_args(arguments)
    if options.against is None:
        if options.rounds:
            parser.error("--rounds belongs to --against")
        named = _known([*options.subjects, *options.only], _SUBJECTS, "subject", parser)
        return _measure(named, write=options.write or not named)
    if options.subjects:
        parser.error(f"with --against, name what is compared by --only: {', '.join(WORKLOADS)}")
    _known(options.only, WORKLOADS, "workload", parser)
    try:
        return running.run(
            options.against,
            subjects=options.only or running.HOT,
            rounds=options.rounds or running.DEFAULT_ROUNDS,
            write=options.write,
        )
    except CheckoutError as error:
        parser.error(str(error))


def _measure(named: Sequence[str], *, write: bool) -> int:
    began = time.monotonic()
    sections = [_SUBJECTS[name].measured() for name in named or _SUBJECTS]
    if write:
        page = PLACE.read_text(encoding="utf-8") if PLACE.exists() else ""
        if named and page:
            order = [subject.title for subject in _SUBJECTS.values()]
            page = with_sections(page, sections, order=order, machine=machine())
        else:
            page = page_with(section_of(page), document(sections, machine=machine()))
        PLACE.write_text(page, encoding="utf-8")
        print(f"Written to docs/{PLACE.name} after {time.monotonic() - began:.0f} s.")
    figures = chain.from_iterable(section.figures for section in sections)
    return int(any(isinstance(figure, Figure) and figure.missed for figure in figures))


def _known(names: Sequence[str], known: Iterable[str], kind: str, parser: argparse.ArgumentParser) -> Sequence[str]:
    """The names, each once; ends the program if one is not known."""
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"no such {kind}: {', '.join(unknown)}; there are {', '.join(known)}")
    return list(dict.fromkeys(names))


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < FEWEST_ROUNDS:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {FEWEST_ROUNDS}, for an interval of 95 %")
    return int(text)


def _printed(figure: Figure | NotMeasured) -> Figure | NotMeasured:
    if isinstance(figure, NotMeasured):
        print(f"{figure.what}: not measured, {figure.reason}", flush=True)
    else:
        aim = f"  (aim {figure.aimed_at}: {figure.verdict})" if figure.aim else ""
        print(f"{figure.what}: {figure.text}{aim}", flush=True)
    return figure


if __name__ == "__main__":
    sys.exit(main())
