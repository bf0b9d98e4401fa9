"""The evidence that the rules check, computed once."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.transcripts.grants import GroupReading
from tests.transcripts.ledger import Ledger
from tests.transcripts.matching import wanted
from tests.transcripts.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.transcripts.content import Where
    from tests.transcripts.ledger import Entry
    from tests.transcripts.transcript import Transcript

__all__ = ["Evidence", "Right"]


class Right:
    """The events that a subscriber must receive, by its start (docs/protocol.md, "What is promised").

    A subscription from `now` has a right to what began to be published after `subscribed` came: what was under way by
    then may stand on either side of its start. From whatever event of a stream it received first, it has a right to all
    later ones. One from the start has a right to what is kept, and to what began to be published after `subscribed`
    came: what was removed before is not missing from the oldest event on.
    """

    def __init__(self, reading: Reading, ledger: Ledger) -> None:
        self._reading = reading
        self._first: dict[str, int] = {}
        for delivery in reading.deliveries:
            if wanted(reading.all[delivery.frame.session].subscribe, delivery.event):
                self._first.setdefault(delivery.stream, delivery.sequence)
        self.entries: Sequence[Entry] = [entry for entry in ledger.entries.values() if self._holds(entry)]
        self.handled: Mapping[Where, int] = {
            (delivery.stream, delivery.sequence): delivery.frame.index for delivery in reversed(reading.deliveries)
        }

    def _holds(self, entry: Entry) -> bool:
        first = next(iter(self._reading.sessions.items()), None)
        if first is None or not wanted(first[1].subscribe, entry.event):
            return False
        if self._first.get(entry.stream, entry.sequence) < entry.sequence:
            return True
        number, session = first
        # After a reset of the store, a resumed subscription starts at its beginning.
        if entry.kept and (session.subscribe.get("from") == "start" or number > 1):
            return True
        answer = self._reading.subscribed(number)
        return answer is not None and entry.begun >= answer.at


class Evidence:
    """A transcript, prepared for the rules.

    Attributes:
        end: When the last thing happened.
        partitions: Where each stream was seen, most of the time.
    """

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.ledger = Ledger(transcript)
        self.readings = [Reading(subscriber, since=self.ledger.since) for subscriber in transcript.subscribers]
        self.rights = [(reading, Right(reading, self.ledger)) for reading in self.readings]
        self.groups = [GroupReading(group, self.ledger) for group in transcript.groups]
        moments = [publish.answered or publish.begun for publish in transcript.publishes]
        moments += [session.ended for subscriber in transcript.subscribers for session in subscriber.sessions]
        moments += [
            session.ended for group in transcript.groups for member in group.members for session in member.sessions
        ]
        targets = [group.target for group in transcript.groups if group.target is not None]
        moments += [call.ended for target in targets for call in target.calls]
        moments += [absence.until for target in targets for absence in target.absences]
        self.end = max(moments, default=0.0)
        seen: dict[str, Counter[int]] = defaultdict(Counter)
        for reading in self.readings:
            for delivery in reading.deliveries:
                seen[delivery.stream][delivery.frame.partition] += 1
        self.partitions: Mapping[str, int] = {stream: count.most_common(1)[0][0] for stream, count in seen.items()}
