"""Counters, gauges and histograms, by name and labels.

Counting is cheap, because some of it happens for each event or frame. A caller that counts often looks up its `Count`
once. `Count.add` takes a lock; where only one thread ever adds, such as that of the event loop, it may add to `value`
without one. A scrape takes no lock of a writer.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Count", "Counter", "Distribution", "Family", "Gauge", "Histogram", "Labels", "Sample", "labelled"]

Labels = tuple[str, ...]


class Sample(NamedTuple):
    """A value of a family.

    Attributes:
        suffix: What follows the name of the family, such as `_bucket`.
        labels: The names and values of the labels.
        value: The value.
    """

    suffix: str
    labels: Sequence[tuple[str, str]]
    value: float


class Family(Protocol):
    """A metric with all its series.

    Attributes:
        name: The name; that of a counter ends in `_total`.
        kind: `counter`, `gauge` or `histogram`.
        text: What it counts or measures, with the unit.
        labels: The names of its labels.
    """

    name: str
    kind: str
    text: str
    labels: Labels

    def samples(self) -> Iterator[Sample]:
        """Yield the current values."""


class Count:
    """A number that only grows. Any thread may call `add`.

    Attributes:
        value: The number. If all that is added comes from one thread, that thread may write it.
    """

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        self.value: float = 0
        self._lock = Lock()

    def add(self, amount: float = 1) -> None:
        """Add an amount, which is not negative."""
        with self._lock:
            self.value += amount


class Counter:
    """A family of counts.

    Args:
        name: The name.
        text: What it counts.
        labels: The names of its labels.
    """

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Labels = ()) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._counts: dict[Labels, Count] = {}
        if not labels:
            self.of()

    def of(self, *values: str) -> Count:
        """Return the count with these values of the labels, in the order of their names."""
        # `setdefault` is one step, so two threads get the same count.
        return self._counts.get(values) or self._counts.setdefault(values, Count())

    def add(self, *values: str, amount: float = 1) -> None:
        """Add to the count with these values of the labels."""
        self.of(*values).add(amount)

    def samples(self) -> Iterator[Sample]:
        """See `Family.samples`."""
        for values, count in sorted(self._counts.copy().items(), key=lambda item: item[0]):
            yield Sample("", labelled(self.labels, values), count.value)


class Gauge:
    """A family of values that are read for each scrape.

    Args:
        name: The name.
        text: What it is.
        labels: The names of its labels.
        kind: `counter` if the values only grow, but are counted elsewhere.
    """

    def __init__(self, name: str, text: str, labels: Labels = (), *, kind: str = "gauge") -> None:
        self.name, self.text, self.labels, self.kind = name, text, labels, kind
        self._read: Callable[[], Mapping[Labels, float]] = dict

    def read_with(self, read: Callable[[], Mapping[Labels, float]]) -> None:
        """Read the values with a function from now on, which returns them by the values of the labels."""
        self._read = read

    def samples(self) -> Iterator[Sample]:
        """See `Family.samples`."""
        for values, value in sorted(self._read().items()):
            yield Sample("", labelled(self.labels, values), value)


class Distribution:
    """The numbers of values in buckets, and their sum. Any thread may call `observe`."""

    __slots__ = ("_bounds", "_counts", "_lock", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, value: float) -> None:
        """Add a value."""
        index = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[index] += 1
            self._sum += value

    def state(self) -> tuple[Sequence[int], float]:
        """Return how many values are at most each bound, and at last how many there are; and their sum."""
        with self._lock:
            return list(accumulate(self._counts)), self._sum


class Histogram:
    """A family of distributions.

    Args:
        name: The name.
        text: What it measures.
        bounds: The upper bounds of the buckets, ascending.
        labels: The names of its labels.
    """

    kind = "histogram"

    def __init__(self, name: str, text: str, bounds: Sequence[float], labels: Labels = ()) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._bounds = tuple(bounds)
        self._distributions: dict[Labels, Distribution] = {}
        if not labels:
            self.of()

    def of(self, *values: str) -> Distribution:
        """Return the distribution with these values of the labels, in the order of their names."""
        return self._distributions.get(values) or self._distributions.setdefault(values, Distribution(self._bounds))

    def observe(self, value: float, *labels: str) -> None:
        """Add a value to the distribution with these values of the labels."""
        self.of(*labels).observe(value)

    def samples(self) -> Iterator[Sample]:
        """See `Family.samples`."""
        for values, distribution in sorted(self._distributions.copy().items(), key=lambda item: item[0]):
            counts, total = distribution.state()
            labels = labelled(self.labels, values)
            for bound, count in zip((*(f"{bound:g}" for bound in self._bounds), "+Inf"), counts, strict=True):
                yield Sample("_bucket", (*labels, ("le", bound)), count)
            yield Sample("_sum", labels, total)
            yield Sample("_count", labels, counts[-1])


def labelled(names: Labels, values: Labels) -> tuple[tuple[str, str], ...]:
    """Return the names of labels with their values."""
    return tuple(zip(names, values, strict=True))
