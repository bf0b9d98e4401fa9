"""Checks a transcript, and finds violations.

What it proves is promises 1 to 3 and 5 to 9 of DESIGN.md, section 2, for ephemeral and for durable subscriptions.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tests.transcripts.evidence import Evidence
from tests.transcripts.rules import (
    acknowledging,
    answers,
    completeness,
    content,
    failing,
    frames,
    handling,
    live,
    order,
    owning,
    pushing,
    recovery,
    resuming,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from tests.transcripts.transcript import Transcript
    from tests.transcripts.violation import Violation

__all__ = ["OWNERS_AND_ATTEMPTS", "RULES", "first_violation", "violations"]

RULES: Sequence[Callable[[Evidence], Iterator[Violation]]] = (
    answers.misplaced,
    answers.twice,
    answers.gaps,
    answers.lost,
    answers.strangers,
    answers.torn,
    resuming.resumed_cursors,
    frames.repeats,
    frames.holes,
    resuming.client_faults,
    recovery.recoveries,
    recovery.reported_removals,
    content.invented,
    content.unwanted,
    content.early,
    frames.wrong_partitions,
    order.disorder,
    order.log_order,
    live.live_twice,
    live.live_too_early,
    owning.member_repeats,
    owning.member_frames,
    owning.handled_by_strangers,
    owning.two_owners,
    owning.two_at_once,
    acknowledging.unhandled_acks,
    pushing.too_many_pushed,
    pushing.attempts_counted,
    failing.attempts,
    failing.resent,
    failing.too_many_attempts,
    handling.skipped,
    pushing.pushed_gaps,
    pushing.pushed_early,
    completeness.passed_over,
    completeness.never_came,
    live.live_missing,
    failing.parked_whole,
    failing.parked_for_a_reason,
    pushing.parked_attempts,
    pushing.parked_reasons,
    failing.redriven_whole,
    handling.never_handled,
)
"""The rules. Of several violations at the same time, that of the earlier rule is closer to the cause."""


OWNERS_AND_ATTEMPTS: Sequence[Callable[[Evidence], Iterator[Violation]]] = (
    owning.member_frames,
    owning.handled_by_strangers,
    owning.two_owners,
    owning.two_at_once,
    pushing.too_many_pushed,
    pushing.attempts_counted,
    failing.attempts,
    failing.resent,
    failing.too_many_attempts,
    pushing.parked_attempts,
    pushing.parked_reasons,
    failing.parked_for_a_reason,
)
"""The rules of what a hub knows of its members and of its tries. It may forget the last of it if its store is lost."""


def violations(
    transcript: Transcript, *, excused: Collection[Callable[[Evidence], Iterator[Violation]]] = ()
) -> list[Violation]:
    """All violations, ordered by time.

    Args:
        transcript: What happened.
        excused: Rules that do not count.
    """
    evidence = Evidence(transcript)
    rules = [rule for rule in RULES if rule not in excused]
    return sorted(chain.from_iterable(rule(evidence) for rule in rules), key=lambda violation: violation.at)


def first_violation(
    transcript: Transcript, *, excused: Collection[Callable[[Evidence], Iterator[Violation]]] = ()
) -> Violation | None:
    """The first violation; `None` without one. The arguments are those of `violations`."""
    return next(iter(violations(transcript, excused=excused)), None)
