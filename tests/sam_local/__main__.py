"""Runs the functions in Lambda's own containers: `python -m tests.sam_local SAM [--stay]`.

It builds them for the container engine that runs here, starts what they need, hands each event of tests/events to its
function by `sam local invoke`, and asks `sam local start-api`. Where no engine answers it says so, and is content.
With --stay it starts what they need, says how to call them, and stays until Ctrl-C.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from eventstore_dev.cloudformation import REGION
from tests.invocations import INVOCATIONS, agrees
from tests.sam_local.cli import ROOT, SamLocal, environment
from tests.sam_local.engines import NoEngineError, engine
from tests.sam_local.machine import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.sam_local.engines import Engine

_BUILT = ROOT / ".aws-sam" / "local"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 if a function answers otherwise than it is to."""
    parser = argparse.ArgumentParser(prog="python -m tests.sam_local")
    parser.add_argument("sam", help="the SAM CLI")
    parser.add_argument("--stay", action="store_true", help="start what functions need, and stay")
    told = parser.parse_args(arguments)
    try:
        found = engine()
    except NoEngineError as error:
        print(f"== sam local is skipped: {error}")
        return 0
    built = _build(told.sam, found)
    with machine(ROOT / "template.yaml", found) as here:
        local = SamLocal(told.sam, here.adapt(built, found.architecture))
        return _stay(local) if told.stay else _try(local, here.functions)


def _build(sam: str, engine: Engine) -> Path:
    command = [sam, "build", "--build-dir", str(_BUILT), "--region", REGION]
    subprocess.run(command, check=True, cwd=ROOT, env=environment() | {"PLATFORM": engine.platform})
    return _BUILT / "template.yaml"


def _try(local: SamLocal, functions: Mapping[str, str]) -> int:
    failed = 0
    for invocation in INVOCATIONS:
        answer, written = local.invoke(functions[invocation.function], invocation)
        right = agrees(answer, invocation.answer)
        print(f"sam local invoke: {invocation.name}: {'as it should be' if right else f'WRONG: {answer}'}")
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
    print(f"  {local.program} local start-api {options}")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
