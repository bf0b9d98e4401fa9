"""What a rule raises."""

from __future__ import annotations

__all__ = ["Violation"]


class Violation(Exception):
    """The hub broke a rule.

    Attributes:
        rule: The rule's name, as the figures and the mutants have it.
        detail: What happened.
        about: Words by which the trace's lines that concern it are found.
    """

    def __init__(self, rule: str, detail: str, *about: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail
        self.about = about
