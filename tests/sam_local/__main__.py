"""Runs the functions in Lambda's own containers: `python -m tests.sam_local SAM [--stay]`.

It builds them for the container engine that runs here, starts what they need, hands each event of tests/events to its
function by `sam local invoke` and `sam local start-lambda`, and asks `sam local start-api`. Where no engine answers it
says so, and is content.
With --stay it starts what they need, says how to call them, and stays until Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore_dev.aws_names import REGION
from tests.invocations import INVOCATIONS, agrees
from tests.sam_local.cli import ROOT, SamLocal, environment
from tests.sam_local.engines import NoEngineError, engine
from tests.sam_local.machine import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.sam_local.engines import Engine

_BUILT = ROOT / ".aws-sam" / "local"


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 1 if a function answers wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.sam_local")
    parser.add_argument("sam", help="the SAM CLI")
    parser.add_argument("--stay", action="store_true", help="start what functions need, and stay")
    options = parser.parse_args(arguments)
    try:
        container_engine = engine()
    except NoEngineError as error:
        print(f"== sam local is skipped: {error}")
        return 0
    print(f"== sam local runs functions in {container_engine.image}", flush=True)
    with _ended_in_order(), machine(ROOT / "template.yaml", container_engine) as here:
        built = _build(options.sam, container_engine, here.aws)
        local = SamLocal(
            options.sam, here.adapt(built, container_engine.architecture), container_engine.image, here.aws
        )
        return _stay(local) if options.stay else _try(local, here.functions)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends the started programs, like Ctrl-C.

    A shell that runs this in the background has it ignore Ctrl-C, and so would the SAM CLI, which is ended by that.
    """

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, end),
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _build(sam: str, engine: Engine, aws: str) -> Path:
    command = [sam, "build", "--build-dir", str(_BUILT), "--region", REGION]
    subprocess.run(command, check=True, cwd=ROOT, env=environment(aws) | {"PLATFORM": engine.platform})
    return _BUILT / "template.yaml"


def _try(local: SamLocal, ids: Mapping[str, str]) -> int:
    failed, called = 0, set[str]()
    with local.functions() as functions:
        for invocation in INVOCATIONS:
            # The first event of a function has its own container, and the later ones share another, because the SAM CLI
            # takes longer to start than all of them.
            way, call = (
                ("start-lambda", functions.invoke) if invocation.function in called else ("invoke", local.invoke)
            )
            called.add(invocation.function)
            answer, written = call(ids[invocation.function], invocation)
            right = agrees(answer, invocation.answer)
            verdict = "as it should be" if right else f"WRONG: {answer}"
            print(f"sam local {way}: {invocation.name}: {verdict}", flush=True)
            if not right:
                failed += 1
                print(written[-3000:])
    for wrong in local.ask():
        failed += 1
        print(f"sam local start-api: WRONG: {wrong}")
    print(f"== sam local: {failed or 'nothing'} is wrong")
    return int(failed > 0)


def _stay(local: SamLocal) -> int:
    options = " ".join(local.options)
    print("Until Ctrl-C:")
    print(f"  {local.program} local invoke RestFunction --event tests/events/rest/health.json {options}")
    print(f"  {local.program} local start-api {options}", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
