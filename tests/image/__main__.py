"""Builds the image of the server and tries it: `python -m tests.image`.

Where no container engine answers, or no base image can be had, it says so, and is content.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress

from tests.image.building import NoBaseError, base_image, build
from tests.image.checks import CHECKS
from tests.sam_local.commands import DockerError, docker

_NAME = "flunq-events:test"


def main() -> int:
    """Return the exit code: 1 if a check fails."""
    try:
        docker("version", "--format", "{{.Server.Version}}")
        base = base_image()
    except (DockerError, NoBaseError) as error:
        print(f"== The image is skipped: {error}")
        return 0
    begun = time.monotonic()
    build(_NAME, base)
    print(f"== The image is built on {base} ({time.monotonic() - begun:.0f} s)", flush=True)
    failed = 0
    try:
        for name, check in CHECKS.items():
            begun = time.monotonic()
            try:
                check(_NAME)
                verdict = "as it should be"
            except Exception as error:  # noqa: BLE001 - whatever it is, the other checks follow
                failed += 1
                verdict = f"WRONG: {type(error).__name__}: {error}"
            print(f"image: {name} {verdict} ({time.monotonic() - begun:.1f} s)", flush=True)
    finally:
        with suppress(DockerError):
            docker("image", "rm", _NAME)
    print(f"== The image: {failed or 'nothing'} is wrong")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
