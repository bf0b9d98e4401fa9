"""A stand-in for AWS's image of Lambda's Python, for machines without a registry.

It is made of this machine's Python 3.13 and of PyPI, and has what functions and the SAM CLI find in AWS's: Python in
/var/lang, the runtime interface client (`awslambdaric`) and boto3 as they are pinned, a bootstrap in /var/runtime, and
the few commands by which the SAM CLI adds layers and the runtime interface emulator, which it brings along. The C
library and what is linked to it are this machine's, not Amazon Linux's.
"""

from __future__ import annotations

import json
import os
import platform as host
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sam_local.commands import docker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["NoStandInError", "Python", "find_python", "make_stand_in", "write_root"]

_VERSION = "3.13"
_PINS = Path(__file__).parents[2] / "requirements-dev.txt"
_IMPORTED_WITHIN = 300
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}

_FOLDERS = ("bin", "dev", "etc", "opt", "proc", "sys", "tmp", "var/lang/bin", "var/rapid", "var/runtime", "var/task")
# The commands that the Dockerfiles of the SAM CLI run.
_COMMANDS = ("sh", "chmod", "cp", "mv", "rm")
# The libraries to which a manylinux2014 wheel may be linked, beside the C library itself (PEP 599).
_MANYLINUX = (
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
)
_UNUSED = (
    "__pycache__",
    "config-*",
    "ensurepip",
    "idlelib",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
)

_SEARCHED = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
_ENVIRONMENT = {
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": _SEARCHED,
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
    "TZ": ":UTC",
}
_DESCRIPTION = """
import json, sys, sysconfig
version = "%d.%d" % sys.version_info[:2]
print(json.dumps([version, sys._base_executable, sysconfig.get_path("stdlib"), sys.base_prefix]))
"""
_BOOTSTRAP = f"""#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python{_VERSION}
export PYTHONPATH=/var/task:/opt/python/lib/python{_VERSION}/site-packages:/opt/python:/var/runtime
exec /var/lang/bin/python{_VERSION} -m awslambdaric "$_HANDLER"
"""


class NoStandInError(Exception):
    """This machine lacks a part of the image; the message names it."""


@dataclass(frozen=True, slots=True)
class Python:
    """An installed Python.

    Attributes:
        executable: The program itself, of no virtual environment.
        library: Its standard library.
        prefix: Where it is installed, with the libraries that are its own.
    """

    executable: Path
    library: Path
    prefix: Path


def make_stand_in(name: str, *, architecture: str, platform: str) -> None:
    """Make the image; an existing one is replaced.

    Args:
        name: Of the image.
        architecture: Of the containers, as Lambda names it.
        platform: Of wheels for them, as pip names it.

    Raises:
        NoStandInError: It cannot be made of this machine.
        DockerError: The engine does not take it.
    """
    if sys.platform != "linux" or _ARCHITECTURES.get(host.machine()) != architecture:
        raise NoStandInError(f"that takes Linux on {architecture}, and this is {host.system()} on {host.machine()}")
    python = find_python()
    if python is None:
        raise NoStandInError(f"that takes Python {_VERSION}, and none is on the PATH or under pyenv")
    with tempfile.TemporaryDirectory(prefix="lambda-image-") as folder:
        root = Path(folder, "root")
        write_root(root, python)
        _install(root / f"var/lang/lib/python{_VERSION}/site-packages", platform)
        _compile(root, python)
        _copy_libraries(root, python)
        _import(root, name)


def find_python() -> Python | None:
    """A Python of the functions' version, on the PATH or under pyenv."""
    on_path = shutil.which(f"python{_VERSION}")
    # A shim of pyenv may be on the PATH, and fails unless the version is selected.
    candidates = [*([Path(on_path)] if on_path else ()), *Path.home().glob(f".pyenv/versions/{_VERSION}.*/bin/python")]
    return next(filter(None, map(_describe, candidates)), None)


def _describe(candidate: Path) -> Python | None:
    done = subprocess.run([candidate, "-c", _DESCRIPTION], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        return None
    version, executable, library, prefix = json.loads(done.stdout)
    return Python(Path(executable).resolve(), Path(library), Path(prefix)) if version == _VERSION else None


def write_root(root: Path, python: Python) -> None:
    """Write the files of the image from this machine, without the libraries to which programs are linked."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for command in _COMMANDS:
        path = shutil.which(command)
        if path is None:
            raise NoStandInError(f"that takes `{command}`, and none is on the PATH")
        shutil.copy(path, root / "bin" / command)
    shutil.copy(python.executable, root / f"var/lang/bin/python{_VERSION}")
    (root / "var/lang/bin/python3").symlink_to(f"python{_VERSION}")
    shutil.copytree(
        python.library,
        root / f"var/lang/lib/python{_VERSION}",
        ignore=shutil.ignore_patterns(*_UNUSED),
        ignore_dangling_symlinks=True,
    )
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    bootstrap = root / "var/runtime/bootstrap"
    bootstrap.write_text(_BOOTSTRAP)
    bootstrap.chmod(0o755)


def _install(folder: Path, platform: str) -> None:
    """Install the PyPI packages of Lambda's runtime, as pinned here."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    wheels = ["--only-binary", ":all:", "--platform", platform, "--python-version", _VERSION]
    command = [*pip, *wheels, "--target", folder, "--constraint", _PINS, "awslambdaric", "boto3"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it does not say why"]
        raise NoStandInError(f"pip fails to install the runtime: {lines[-1]}")


def _compile(root: Path, python: Python) -> None:
    # Compile now: each container would compile again, because its files are discarded.
    command = [python.executable, "-m", "compileall", "-q", "-j", "0", "-s", root, root / "var/lang/lib"]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _copy_libraries(root: Path, python: Python) -> None:
    """Copy the libraries to which programs and modules of the image are linked.

    Python's own are beside Python then; this machine's are where they are here, for the loader finds them there.
    """
    programs = [*root.glob("bin/*"), *root.glob("var/lang/bin/*"), *root.rglob("*.so"), *root.rglob("*.so.*")]
    linked = set(_linked(programs, python))
    c_library = next((library for library in linked if library.name.startswith("libc.so.6")), None)
    if c_library is None:
        raise NoStandInError("that takes glibc, and this machine's Python is linked to another C library")
    linked |= {library for name in _MANYLINUX if (library := c_library.with_name(name)).exists()}
    for library in linked:
        if library.is_relative_to(root):
            continue
        own = library.is_relative_to(python.prefix) and python.prefix != Path("/usr")
        target = root / "var/lang/lib" / library.name if own else root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)


def _linked(programs: Iterable[Path], python: Python) -> Iterator[Path]:
    # Modules of the standard library find Python's libraries by the original installation path.
    environment = os.environ | {"LD_LIBRARY_PATH": str(python.prefix / "lib")}
    done = subprocess.run(["ldd", *programs], check=False, capture_output=True, text=True, env=environment)
    # "libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x...)", and of the loader "/lib64/ld-linux-x86-64.so.2 (0x...)".
    return map(Path, re.findall(r"(?:^|=>)\s+(/\S+) \(0x", done.stdout, re.MULTILINE))


def _import(root: Path, name: str) -> None:
    changes = [f"ENV {' '.join(f'{key}={value}' for key, value in _ENVIRONMENT.items())}", "WORKDIR /var/task"]
    options = [option for change in changes for option in ("--change", change)]
    # Files belong to root, because functions run as another user.
    command = ["tar", "-C", root, "--owner=0", "--group=0", "--mode=a+rX", "-c", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        docker("import", *options, "-", name, stdin=archive.stdout, seconds=_IMPORTED_WITHIN)
