"""The tests of the JavaScript module, which Node.js runs, its types, and its package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from functions.rest.problems import _KINDS

_ROOT = Path(__file__).parents[3]
_FOLDER = _ROOT / "functions/rest/javascript"
_TYPES = _ROOT / "infra/tsc"
_TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.fixture(scope="module")
def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not here: install Node.js 20 or later")
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"Node.js is {version.strip()}: install Node.js 20 or later")
    return program


@pytest.mark.parametrize("file", _TESTS, ids=lambda file: file.name.partition(".")[0])
def test_the_tests_in_javascript_pass(node: str, file: Path) -> None:
    done = subprocess.run([node, "--test", file], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "\n# pass 0\n" not in done.stdout


def test_the_types_of_the_module_agree() -> None:
    program = _TYPES / "node_modules/.bin/tsc"
    if not program.is_file():
        pytest.skip("the TypeScript compiler is not installed; infra/tsc/check does it")
    done = subprocess.run([_TYPES / "check"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_the_package_has_the_module_and_no_version_of_its_own() -> None:
    package = json.loads((_FOLDER / "package.json").read_text())
    assert (package["type"], package["exports"], package["files"]) == ("module", "./eventstore.js", ["eventstore.js"])
    assert "version" not in package, "make npm-package writes the version of pyproject.toml"
    assert "dependencies" not in package


def test_the_package_is_installed_and_imported_by_its_name(node: str, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not here: install Node.js with npm")
    for name in ("Makefile", "LICENSE", "pyproject.toml", "functions/rest/javascript"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(_ROOT / name)
    subprocess.run(["make", "npm-package"], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    [archive] = (tmp_path / "dist").glob("*.tgz")
    version = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert archive.name == f"flunq-eventstore-client-{version}.tgz"
    installing = ["npm", "install", "--offline", "--no-audit", "--no-fund", f"--prefix={tmp_path}/user", archive]
    subprocess.run(installing, check=True, capture_output=True, timeout=120)
    installed = tmp_path / "user/node_modules/flunq-eventstore-client"
    assert sorted(path.name for path in installed.iterdir()) == ["LICENSE", "eventstore.js", "package.json"]
    (tmp_path / "user/importing.mjs").write_text(
        "import { EventStore } from 'flunq-eventstore-client'; console.log(new EventStore('http://localhost/').url);"
    )
    done = subprocess.run(
        [node, tmp_path / "user/importing.mjs"], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "http://localhost\n"


def test_the_module_imports_nothing() -> None:
    source = (_FOLDER / "eventstore.js").read_text()
    code = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    assert not re.search(r"^import\b|\bimport\(|\brequire\(", code, re.MULTILINE)


def test_every_code_of_an_outage_is_retried() -> None:
    """The codes of 5xx in functions/rest/problems.py; over WebSocket a code has no status."""
    source = (_FOLDER / "eventstore.js").read_text()
    for kind, (status, _) in _KINDS.items():
        if status == 503:
            assert re.search(rf'[\s"]{kind.code}"?: Unavailable', source), kind.code
    assert " internal: Unavailable" in source
