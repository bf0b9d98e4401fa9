"""The distribution of the client: its wheel, its sdist, and an environment in which it is installed."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.artifacts.imports import reach

if TYPE_CHECKING:
    from eventstore_testing import EventstoreHub

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "layers/client"
CORE = ROOT / "layers/eventstore/eventstore"
MOST_PACKAGES = 12

# It asks an index for the newest versions, as other projects do; `make built` needs one in any case.
needs_index = pytest.mark.skipif("BUILT" not in os.environ, reason="`make built` installs from an index")


class Built(NamedTuple):
    wheel: Path
    sdist: Path


def build(folder: Path, into: Path) -> Built:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(into)], cwd=folder, check=True, capture_output=True
    )
    [wheel], [sdist] = into.glob("*.whl"), into.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(CLIENT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(built.wheel) as wheel:
        wheel.extractall(folder)  # noqa: S202 - the wheel is ours
    return folder


@pytest.fixture(scope="module")
def environment(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment in which the wheel is installed."""
    return fresh(tmp_path_factory.mktemp("fresh") / "venv", str(built.wheel))


def fresh(folder: Path, *requirements: str) -> Path:
    """Make an environment, and return the folder of its programs."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    install = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *requirements]
    for command in ([sys.executable, "-m", "venv", str(folder)], install):
        done = subprocess.run(command, env=outer, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder / "bin"


def run(program: Path, *arguments: str) -> str:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EVENTSTORE_"))}
    done = subprocess.run(
        [str(program), *arguments], env=outer, cwd=program.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def test_the_wheel_has_the_client_and_what_it_imports_of_the_core_alone(unpacked: Path) -> None:
    tops = {path.name for path in unpacked.iterdir()}
    reached = reach(
        ["eventstore_client.__main__"], folders=[CLIENT, CORE.parent], packages=["eventstore_client", "eventstore"]
    )
    carried = {path.relative_to(CORE).as_posix() for path in reached.modules.values() if path.is_relative_to(CORE)}

    assert {top.partition("-")[0] for top in tops} == {"eventstore_client", "flunq_eventstore_client"}
    assert modules_of(unpacked / "eventstore_client/_core") == carried
    assert modules_of(unpacked / "eventstore_client/_proto") == {"__init__.py", "descriptors.py"}
    assert {
        name for name in modules_of(unpacked / "eventstore_client") if not name.startswith(("_core/", "_proto/"))
    } == modules_of(CLIENT / "eventstore_client")
    assert (unpacked / "eventstore_client/py.typed").is_file()


def test_no_module_of_the_wheel_imports_the_hub(unpacked: Path) -> None:
    imported = set()
    for path in unpacked.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}

    ours = {"eventstore", "eventstore_hosting", "eventstore_proto", "eventstore_server", "functions"}
    assert imported & ours == set()


def test_a_module_of_the_wheel_has_the_lines_of_its_source(unpacked: Path) -> None:
    for name in modules_of(CLIENT / "eventstore_client"):
        lines = (unpacked / "eventstore_client" / name).read_text().splitlines()
        sources = (CLIENT / "eventstore_client" / name).read_text().splitlines()
        changed = [line for line, source in zip(lines, sources, strict=True) if line != source]
        assert all(re.match(r"\s*from eventstore_client\.(_core|_proto)", line) for line in changed), name


def test_the_sdist_builds_the_same_wheel_without_the_repository(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path / "sdist", filter="data")
    [folder] = (tmp_path / "sdist").iterdir()

    again = build(folder, tmp_path / "again")

    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.sdist.read_bytes() == built.sdist.read_bytes()
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_an_import_of_the_core_that_cannot_be_adapted_ends_the_build(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    (folder / "eventstore_client/odd.py").write_text("import sys\nimport eventstore.errors\n")

    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "odd.py, line 2: imports of the core must have the form 'from eventstore… import …'" in done.stderr


def test_what_builds_the_distributions_is_pinned() -> None:
    pins = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    for folder in (ROOT, CLIENT):
        requires = tomllib.loads((folder / "pyproject.toml").read_text())["build-system"]["requires"]
        assert {re.split(r"[^\w-]", requirement)[0] for requirement in requires} <= pins


def test_the_versions_of_the_client_and_of_the_hub_are_one(built: Built) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert built.wheel.name == f"flunq_eventstore_client-{version}-py3-none-any.whl"


@needs_index
def test_an_environment_with_the_client_has_few_packages_and_none_of_the_hub(environment: Path) -> None:
    listed = json.loads(run(environment / "pip", "list", "--format", "json", "--disable-pip-version-check"))
    names = {package["name"].lower() for package in listed} - {"pip", "setuptools", "wheel"}

    assert len(names) <= MOST_PACKAGES, names
    assert names & {"aws-lambda-powertools", "pydantic", "redis", "flunq-eventstore", "boto3", "aiohttp"} == set()


@needs_index
def test_the_installed_command_prints_its_version(environment: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert run(environment / "eventstore", "--version") == f"eventstore {version}\n"
    assert run(environment / "pip", "show", "flunq-eventstore-client").splitlines()[1] == f"Version: {version}"


@needs_index
def test_every_module_of_the_installed_client_is_imported_without_the_repository(
    environment: Path, unpacked: Path
) -> None:
    names = [name[:-3].replace("/", ".").removesuffix(".__init__") for name in modules_of(unpacked)]
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"

    # The extra `grpc` is not installed.
    plain = {name for name in names if not name.startswith("eventstore_client.grpc.")}
    run(environment / "python", "-I", "-c", program, *sorted(plain - {"eventstore_client.__main__"}))


@needs_index
def test_an_address_of_grpc_names_the_extra_that_is_missing(environment: Path) -> None:
    program = """
from eventstore_client import ConnectFailed, EventStore
try:
    EventStore("grpc://127.0.0.1:9001")
except ConnectFailed as error:
    print(error)
"""

    assert "pip install 'flunq-eventstore-client[grpc]'" in run(environment / "python", "-I", "-c", program)


@needs_index
def test_the_installed_extra_publishes_and_follows_over_grpc(
    built: Built, tmp_path: Path, eventstore_hub: EventstoreHub
) -> None:
    programs = fresh(tmp_path / "venv", f"{built.wheel}[grpc]")
    listed = json.loads(run(programs / "pip", "list", "--format", "json", "--disable-pip-version-check"))
    names = {package["name"].lower() for package in listed} - {"pip", "setuptools", "wheel"}
    program = """
import sys
from eventstore_client import EventStore
with EventStore(sys.argv[1]) as store, store.subscribe(stream="order-1", start="start") as subscription:
    store.publish([{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}], stream="order-1")
    print([event.id for event in store.read("order-1")], next(subscription).id)
"""

    assert len(names) <= MOST_PACKAGES, names
    assert run(programs / "python", "-I", "-c", program, f"grpc://{eventstore_hub.grpc}") == "['1'] 1\n"


@needs_index
def test_the_installed_client_publishes_and_reads(environment: Path, eventstore_hub: EventstoreHub) -> None:
    program = """
import sys
from eventstore_client import EventStore
with EventStore(sys.argv[1]) as store, store.subscribe(stream="order-1", start="start") as subscription:
    store.publish([{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}], stream="order-1")
    print([event.id for event in store.read("order-1")], next(subscription).id)
"""

    assert run(environment / "python", "-I", "-c", program, eventstore_hub.url) == "['1'] 1\n"

    event = '{"specversion":"1.0","id":"2","source":"/shop","type":"order.paid"}'
    run(environment / "eventstore", "publish", "--url", eventstore_hub.url, "--stream", "order-1", event)
    assert eventstore_hub.await_event("order.paid")["id"] == "2"


def test_the_client_and_the_hub_do_not_own_files_of_each_other(built: Built, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [hub] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(hub) as of_hub, zipfile.ZipFile(built.wheel) as of_client:
        files, others = set(of_hub.namelist()), set(of_client.namelist())

    assert files & others == set()
    assert {"eventstore_server/__main__.py", "eventstore_proto/__init__.py", "functions/hub.py"} <= files
    assert "eventstore_testing/plugin.py" in files


@needs_index
def test_another_project_tests_its_service_with_the_installed_hub(built: Built, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [hub] = tmp_path.glob("*.whl")
    installed = fresh(tmp_path / "venv", f"{hub}[testing]", str(built.wheel))
    shutil.copytree(ROOT / "examples/orders", tmp_path / "orders")

    # It has its plugin by its entry point.
    assert "5 passed" in run(installed / "pytest", str(tmp_path / "orders"), "--rootdir", str(tmp_path / "orders"))
