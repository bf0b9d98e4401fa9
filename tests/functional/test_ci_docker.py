"""`.ci/docker`, with programs in place of the engine, apt and the user."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.dev.conftest import wait_until
from tests.sam_local.cli import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an engine is started on Linux alone")

SCRIPT = ROOT / ".ci/docker"
REAL = "bash cat chmod env grep ldd mktemp readlink rm setpriv setsid sh sleep tail tar timeout touch true uname xargs"

# An engine that answers at its socket for as long as it runs.
DOCKERD = """
while [ $# -gt 0 ]; do [ "$1" = --host ] && socket=${2#unix://}; shift; done
trap 'rm -f "$socket"; echo stopped >>"$HERE/engine"; exit' TERM
echo started >>"$HERE/engine"
touch "$socket"
while :; do sleep 0.05; done
"""
DOCKER = """
[ "$1" != version ] || { [ -e "${DOCKER_HOST#unix://}" ] && echo 20.10; exit; }
[ "$1" != run ] || exec env -u HERE true
[ "$1" != import ] || exec cat >/dev/null
"""
APT = """
case "$*" in *install*) ;; *) exit ;; esac
[ -x "$POLICY_FILE" ] && echo "services do not start" >>"$HERE/apt"
for name in docker dockerd; do cat "$HERE/packages/$name" >"$HERE/$name"; chmod +x "$HERE/$name"; done
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A PATH with the system programs that the script needs, root as the user, and an engine that can be started."""
    for name in REAL.split():
        program = shutil.which(name)
        assert program, name
        (tmp_path / name).symlink_to(program)
    write(tmp_path, "id", "echo 0")
    write(tmp_path, "ip", 'echo "$@" >>"$HERE/bridges"')
    write(tmp_path, "dockerd", DOCKERD)
    write(tmp_path, "docker", DOCKER)
    (tmp_path / "temporary").mkdir()
    return tmp_path


def write(here: Path, name: str, text: str) -> None:
    (here / name).write_text(f"#!/bin/sh\n{text}")
    (here / name).chmod(0o755)


def environment(here: Path) -> dict[str, str]:
    names = {"PATH": here, "HERE": here, "TMPDIR": here / "temporary", "POLICY_FILE": here / "policy"}
    # No engine answers, unless a test starts one.
    return {name: str(path) for name, path in names.items()} | {"DOCKER_HOST": f"unix://{here}/none"}


def run(here: Path, *command: str, **more: str) -> tuple[int, str]:
    done = subprocess.run(
        [SCRIPT, *command], check=False, capture_output=True, text=True, env=environment(here) | more, timeout=60
    )
    assert not done.stderr, done.stderr
    assert not any((here / "temporary").iterdir())
    return done.returncode, done.stdout


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_an_engine_that_answers_is_used_and_left_alone(here: Path) -> None:
    (here / "socket").touch()
    code, said = run(here, "sh", "-c", "echo at $DOCKER_HOST", DOCKER_HOST=f"unix://{here}/socket")
    assert code == 0
    assert "== The engine 20.10 is here" in said
    assert f"at unix://{here}/socket\n" in said
    assert (here / "socket").exists()
    assert not lines(here / "engine")


def test_an_engine_is_started_for_the_command_and_stopped_after_it(here: Path) -> None:
    code, said = run(here, "sh", "-c", "docker version && echo ran; exit 3")
    assert code == 3
    assert "20.10\nran\n" in said
    assert lines(here / "engine") == ["started", "stopped"]
    added, up, deleted = lines(here / "bridges")
    name = added.split()[3]
    assert (added, up, deleted) == (f"link add name {name} type bridge", f"link set {name} up", f"link delete {name}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_when_terminated_it_ends_the_command_and_the_engine(here: Path, number: signal.Signals) -> None:
    command = f"trap 'echo ended >{here}/command; exit' TERM; echo {here} >{here}/runs; while :; do sleep 0.05; done"
    # nohup ignores SIGHUP; children inherit that, and a shell cannot trap a signal that was ignored at its start.
    inherited = signal.signal(number, signal.SIG_DFL)
    try:
        started = subprocess.Popen([SCRIPT, "sh", "-c", command], env=environment(here), stdout=subprocess.DEVNULL)
    finally:
        signal.signal(number, inherited)
    with started as process:
        try:
            wait_until((here / "runs").exists, what="the command runs", seconds=30)
            process.send_signal(number)
            assert process.wait(30) == 128 + number
        finally:
            process.kill()
    assert lines(here / "command") == ["ended"]
    assert lines(here / "engine") == ["started", "stopped"]
    assert lines(here / "bridges")[-1].startswith("link delete")
    assert not any((here / "temporary").iterdir())


def test_an_engine_ends_even_if_the_script_is_killed(here: Path) -> None:
    with subprocess.Popen(
        [SCRIPT, "touch", here / "runs"], env=environment(here), stdout=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: lines(here / "engine"), what="the engine runs", seconds=30)
        process.kill()
    wait_until(lambda: lines(here / "engine") == ["started", "stopped"], what="the engine ends")


@pytest.mark.parametrize(
    ("program", "text", "reason"),
    [
        ("id", "echo 1000", "none answers, and this is not root"),
        ("uname", "echo Darwin", "none answers, and one is installed on Linux alone"),
        (
            "ip",
            "echo RTNETLINK answers: Operation not permitted >&2; exit 2",
            "a bridge cannot be made: RTNETLINK answers",
        ),
        ("dockerd", "echo failed to start daemon: no cgroups >&2; exit 1", "dockerd ends: failed to start daemon"),
        ("docker", f"{DOCKER}", "the engine runs no container: runc: no mounts"),
        ("dockerd", None, "there is no apt-get to install docker.io with"),
    ],
)
def test_without_an_engine_the_command_is_skipped_with_the_reason(
    here: Path, program: str, text: str | None, reason: str
) -> None:
    (here / program).unlink()
    if text is not None:
        write(here, program, text.replace("exec env -u HERE true", "{ echo runc: no mounts >&2; exit 125; }"))
    code, said = run(here, "touch", str(here / "runs"))
    assert code == 0
    assert f"== Skipped, for no container engine can be had: touch {here}/runs: {reason}" in said
    assert not (here / "runs").exists()
    assert lines(here / "engine") in ([], ["started", "stopped"])


def test_a_missing_engine_is_installed_without_starting_its_service(here: Path) -> None:
    (here / "packages").mkdir()
    for name in ("dockerd", "docker"):
        (here / name).rename(here / "packages" / name)
    write(here, "apt-get", APT)
    code, said = run(here, "touch", str(here / "runs"))
    assert code == 0
    assert "== Installed docker.io" in said
    assert lines(here / "apt") == ["services do not start"]
    assert not (here / "policy").exists()
    assert (here / "runs").exists()
    assert lines(here / "engine") == ["started", "stopped"]


def test_an_engine_that_cannot_be_installed_is_a_reason_to_skip(here: Path) -> None:
    (here / "dockerd").unlink()
    write(here, "apt-get", "echo E: Unable to locate package docker.io; exit 100")
    code, said = run(here, "touch", str(here / "runs"))
    assert code == 0
    assert "apt-get does not update: E: Unable to locate package docker.io" in said
    assert not (here / "runs").exists()
    assert not (here / "policy").exists()
