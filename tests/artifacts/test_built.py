"""What `sam build` made: that it is small, and that nothing is in it that no function uses. `make built` runs these."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ.get("BUILT", ROOT / "nothing")).resolve()
LAYERS = {
    "AuthorizerLayer": ROOT / "layers/authorizer/requirements.txt",
    "ClientLayer": ROOT / "layers/client/requirements.txt",
    "EventstoreLayer": ROOT / "requirements.txt",
}
FUNCTIONS = ["Authorizer", "Deliver", "Dispatch", "Rest", "Sweep", "WebSocket"]
MOST_BYTES = 15_000_000
IN_THE_RUNTIME = {"boto3", "botocore", "s3transfer", "dateutil"}

pytestmark = pytest.mark.skipif(not BUILT.is_dir(), reason="BUILT names no build; `make built` makes one")


def files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def zipped(folder: Path) -> int:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for file in files(folder):
            written.write(folder / file, file)
    return archive.tell()


def distributions(requirements: Path) -> set[str]:
    return {normal(name) for name in re.findall(r"^([\w.-]+)(?:\[.*\])?==", requirements.read_text(), re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_all_of_it_together_is_small() -> None:
    sizes = {name: zipped(BUILT / name) for name in (*LAYERS, *(f"{name}Function" for name in FUNCTIONS))}
    assert sum(sizes.values()) < MOST_BYTES, sizes


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_holds_the_libraries_that_are_pinned_and_no_other(layer: str) -> None:
    found = {normal(path.name.partition("-")[0]) for path in (BUILT / layer / "python").glob("*.dist-info")}
    # The requirements are those of every platform.
    assert found <= distributions(LAYERS[layer])
    assert found


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_holds_nothing_that_the_runtime_has_or_only_people_use(layer: str) -> None:
    top = {path.name for path in (BUILT / layer / "python").iterdir()}
    unused = {"bin", *(IN_THE_RUNTIME - {"dateutil"} if layer == "ClientLayer" else IN_THE_RUNTIME)}
    assert not top & unused
    assert not [file for file in files(BUILT / layer) if "tests" in file.parts or file.suffix == ".pyc"]


@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_compiled_is_for_where_functions_run(layer: str) -> None:
    compiled = [file.name for file in files(BUILT / layer) if file.suffix == ".so"]
    assert not [name for name in compiled if not re.search(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$", name)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_holds_its_own_folder_alone(function: str) -> None:
    folder = BUILT / f"{function}Function"
    assert {file.parts[0] for file in files(folder)} == {"functions"}
    assert {path.name for path in (folder / "functions").iterdir() if path.is_dir()} == {function.lower()}


def test_the_sdk_finds_in_its_layer_all_that_it_imports() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import eventstore_client.__main__ as sdk; print(sdk.__file__)"
    )
    layer = str(BUILT / "ClientLayer/python")
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program, layer], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith(layer)
