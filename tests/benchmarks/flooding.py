"""The cost of a function that floods its output for the requests of another function on the same local stack.

Blocks of requests take turns, with the flood and without it. A flood is at its steady state as a block begins: what it
may write at once is used up.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from tests.benchmarks.hub import running_stack
from tests.benchmarks.measure import Aim, Figure, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["figures"]

_ROUNDS = 20
_REQUESTS = 300
_WARM_UP = 200
_SETTLED_SECONDS = 1.5
_READY_WITHIN = 30.0
_FLOODS = {"lines": "prints lines for ever", "bytes": "writes one line for ever"}
_TEMPLATE = """
Resources:
  Quiet:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Handler: functions.quiet
      Events: {Quiet: {Type: Api, Properties: {Method: GET, Path: /quiet}}}
  Flood:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: code, Handler: functions.flood, Timeout: 900}
"""
_FUNCTIONS = """
import os
from pathlib import Path

def quiet(event, context):
    return {"statusCode": 200, "body": "{}"}

def flood(event, context):
    file = Path(event["while"])
    Path(event["begun"]).touch()
    while file.exists():
        for _ in range(1000):
            if event["how"] == "lines":
                print("y")
            else:
                os.write(1, b"x" * 65_536)
"""


def figures() -> Iterator[Figure]:
    """For each kind of flood, the p99 of a neighbour's requests against the same without a flood."""
    with tempfile.TemporaryDirectory() as folder, _stack(Path(folder)) as port:
        for how, description in _FLOODS.items():
            with_flood, without = _measured(Path(folder), port, how)
            flooded, calm = (quantiles(seconds, n=100)[-1] for seconds in (with_flood, without))
            what = f"A function {description}"
            yield Figure(f"{what}: the p99 of another's requests, against none", flooded / calm, Unit.RATIO, _AIM)
            yield Figure(f"{what}: the p99 of another's requests", flooded * 1000, Unit.MILLISECONDS)
            yield Figure(f"{what}: the p99 without", calm * 1000, Unit.MILLISECONDS)


_AIM = Aim("<", 1.2)


def _measured(folder: Path, port: int, how: str) -> tuple[list[float], list[float]]:
    with_flood: list[float] = []
    without: list[float] = []

    def calm() -> None:
        without.extend(_block(port))

    def flooded() -> None:
        with _flooding(folder, port, how):
            with_flood.extend(_block(port))

    _block(port, requests=_WARM_UP)
    for number in range(_ROUNDS):
        blocks: tuple[Callable[[], None], ...] = (calm, flooded) if number % 2 else (flooded, calm)
        for block in blocks:
            block()
    return with_flood, without


def _block(port: int, *, requests: int = _REQUESTS) -> list[float]:
    """The seconds of each of `count` sequential requests over one connection."""
    durations = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for _ in range(requests):
            began = time.perf_counter()
            connection.request("GET", "/quiet")
            answer = connection.getresponse()
            body = answer.read()
            durations.append(time.perf_counter() - began)
            if answer.status != http.client.OK:
                raise AssertionError(f"answered {answer.status}: {body!r}")
    return durations


@contextmanager
def _flooding(folder: Path, port: int, how: str) -> Iterator[None]:
    """Make a function flood during the block, after it has used up its burst allowance."""
    wanted, begun = folder / "wanted", folder / "begun"
    wanted.touch()
    begun.unlink(missing_ok=True)
    event = f'{{"how":"{how}","while":"{wanted}","begun":"{begun}"}}'
    with ThreadPoolExecutor(1) as caller:
        call = caller.submit(_invoke, port, event)
        try:
            _until(begun.exists)
            time.sleep(_SETTLED_SECONDS)
            yield
        finally:
            wanted.unlink()
        call.result()


def _invoke(port: int, event: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/2015-03-31/functions/Flood/invocations", body=event)
        answer = connection.getresponse()
        body = answer.read()
        if body != b"null":
            raise AssertionError(f"the flood ended otherwise: {body!r}")


@contextmanager
def _stack(folder: Path) -> Iterator[int]:
    (template := folder / "template.yaml").write_text(_TEMPLATE)
    (folder / "code").mkdir()
    (folder / "code" / "functions.py").write_text(_FUNCTIONS)
    with running_stack(template) as url:
        yield int(url.rpartition(":")[2])


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the function does not start")
        time.sleep(0.01)
