"""The stand-in for Lambda's image, without an engine: its files run in a root directory of their own."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.sam_local import stand_ins
from tests.sam_local.stand_ins import NoStandInError, find_python, make_stand_in
from tests.unit.sam_local.programs import docker, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
CLIENT = "import sys, os; print(sys.argv[1], sys.version_info[:2], os.environ['AWS_EXECUTION_ENV'])"
on_linux = pytest.mark.skipif(sys.platform != "linux" or not ARCHITECTURE, reason="an image is made on Linux alone")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that the engine imported."""
    if find_python() is None:
        pytest.skip("Python 3.13 is not here")
    folder = tmp_path_factory.mktemp("image")

    def install(libraries: Path, _platform: str) -> None:
        (libraries / "awslambdaric").mkdir(parents=True)
        (libraries / "awslambdaric/__main__.py").write_text(CLIENT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        # `make test-sam-local` installs from PyPI.
        patch.setattr(stand_ins, "_install", install)
        docker(folder)
        make_stand_in("a/name:tag", architecture=ARCHITECTURE, platform="unused")
    return folder / "imported.tar"


@pytest.fixture(scope="module")
def root(archive: Path) -> Iterator[Path]:
    """The image's files."""
    if os.geteuid() != 0:
        pytest.skip("only root enters another root directory")
    folder = archive.with_name("root")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="tar")
    return folder


def run(root: Path, *command: str, **environment: str) -> str:
    environment |= {"LD_LIBRARY_PATH": stand_ins._SEARCHED}
    chroot = shutil.which("chroot") or "/usr/sbin/chroot"
    done = subprocess.run([chroot, root, *command], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@on_linux
def test_the_python_of_the_image_has_all_linked_libraries(root: Path) -> None:
    modules = "bz2, ctypes, hashlib, lzma, socket, sqlite3, ssl, uuid, zlib"
    assert run(root, "/var/lang/bin/python3.13", "-c", f"import sys, {modules}; print(sys.prefix)") == "/var/lang"


@on_linux
def test_the_bootstrap_passes_the_handler_to_the_runtime(root: Path) -> None:
    output = run(root, "/var/runtime/bootstrap", _HANDLER="app.handler", PATH="/bin")
    assert output == "app.handler (3, 13) AWS_Lambda_python3.13"


@on_linux
def test_the_image_has_the_commands_of_the_sam_clis_dockerfiles(root: Path) -> None:
    steps = "cp -rf /etc /tmp/etc && mv /tmp/etc/passwd /tmp/passwd && chmod +x /tmp/passwd && rm -rf /tmp/etc"
    run(root, "/bin/sh", "-c", steps, PATH="/bin")
    assert os.access(root / "tmp/passwd", os.X_OK)


@on_linux
def test_files_of_the_image_belong_to_root_and_are_readable_by_any_user(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    assert {(member.uid, member.gid) for member in members} == {(0, 0)}
    assert all(member.mode & 0o004 for member in members if not member.issym())


@on_linux
def test_the_library_of_the_image_is_compiled(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        assert "./var/lang/lib/python3.13/json/__pycache__/decoder.cpython-313.pyc" in tar.getnames()


@on_linux
def test_no_image_is_made_without_its_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path / "python3.13", "import sys; sys.exit('pyenv: python3.13: command not found')")
    with pytest.raises(NoStandInError, match=r"Python 3.13, and none is on the PATH"):
        make_stand_in("a/name:tag", architecture=ARCHITECTURE, platform="unused")


def test_no_image_is_made_for_another_architecture() -> None:
    with pytest.raises(NoStandInError, match="that takes Linux on mips"):
        make_stand_in("a/name:tag", architecture="mips", platform="unused")
