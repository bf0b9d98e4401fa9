"""The output of `sam build` is small, and contains exactly what functions use. `make built` runs these tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest

from eventstore_dev.template_file import load
from tests.artifacts.imports import Reach, reach

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ.get("BUILT", ROOT / "nothing")).resolve()
RESOURCES = load(ROOT / "template.yaml")["Resources"]
FUNCTIONS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"]
REQUIREMENTS = {
    "AuthorizerLayer": ROOT / "layers/authorizer/requirements.txt",
    "ClientLayer": ROOT / "layers/client/requirements.txt",
    "EventstoreLayer": ROOT / "requirements.txt",
    "KafkaLayer": ROOT / "layers/kafka/requirements.txt",
}
LAYERS = list(REQUIREMENTS)
SDK = BUILT / "ClientLayer/python"
OURS = ("eventstore", "eventstore_client", "functions")
IN_THE_RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "urllib3")
COMPILED = ("_cffi_backend", "confluent_kafka", "cryptography", "hiredis", "pydantic_core", "rpds")
MOST_BYTES = 15_000_000
MOST_BYTES_OF_KAFKA = 6_000_000
"""Of a layer that is there only if a journal is on Kafka."""
MOST_BYTES_UNZIPPED = 40_000_000
"""Of a function with its layers; Lambda takes 250 MB."""

pytestmark = pytest.mark.skipif(not BUILT.is_dir(), reason="BUILT names no build; `make built` makes one")
each_function = pytest.mark.parametrize("function", FUNCTIONS)
each_layer = pytest.mark.parametrize("layer", LAYERS)


def files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def zipped(folder: Path) -> int:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for file in files(folder):
            written.write(folder / file, file)
    return archive.tell()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(layer: str) -> set[str]:
    requirements = re.findall(r"^([\w.-]+)(?:\[.*\])?==", REQUIREMENTS[layer].read_text(), re.MULTILINE)
    return {normal(name) for name in requirements}


def packages_of(layer: str) -> dict[str, set[str]]:
    """The import names of each library of a layer."""
    python = BUILT / layer / "python"
    tops = {path.name for path in python.iterdir() if path.suffix != ".dist-info"}
    listed = {
        normal(path.parent.name.partition("-")[0]): {line.partition("/")[0] for line in path.read_text().splitlines()}
        for path in python.glob("*.dist-info/RECORD")
    }
    names = {name: {line.partition(",")[0] for line in lines} & tops for name, lines in listed.items()}
    return {name: {top.partition(".")[0] for top in reached} for name, reached in names.items()}


def own_files(folder: Path) -> set[str]:
    return {str(file) for file in files(folder) if file.parts[0] in OURS}


@cache
def reached_by(function: str) -> Reach:
    handler = RESOURCES[function]["Properties"]["Handler"].rpartition(".")[0]
    return reach([handler], folders=folders_of(function), packages=OURS)


def folders_of(function: str) -> list[Path]:
    return [BUILT / function, *(BUILT / layer / "python" for layer in layers_of(function))]


def layers_of(function: str) -> list[str]:
    """The layers of a function, also those that it has under a condition."""
    layers = RESOURCES[function]["Properties"].get("Layers", [])
    if isinstance(layers, dict):
        _, layers, without = layers["Fn::If"]
        assert [layer for layer in layers if layer in without] == without
    return [layer["Ref"] for layer in layers]


@cache
def reached_by_the_sdk() -> Reach:
    # Programs import the second one themselves.
    return reach(["eventstore_client.__main__", "eventstore_client.tracing"], folders=[SDK], packages=OURS)


def within(folder: Path, *reaches: Reach) -> set[str]:
    paths = {path for each in reaches for path in (*each.modules.values(), *each.scripts)}
    return {str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder)}


@cache
def imported(modules: frozenset[str], folders: tuple[Path, ...]) -> set[str]:
    """Import modules with only the standard library and folders on the path; return all imported modules."""
    program = (
        "import json, sys; from importlib import import_module; folders, names = map(json.loads, sys.argv[1:]); "
        "sys.path[:0] = folders; [import_module(name) for name in names]; print(json.dumps(list(sys.modules)))"
    )
    asked = json.dumps([str(folder) for folder in folders]), json.dumps(sorted(modules))
    process = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program, *asked],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert process.returncode == 0, process.stderr
    return set(json.loads(process.stdout))


def imported_by(function: str, runtime: Path) -> set[str]:
    return imported(frozenset(reached_by(function).modules), (runtime, *folders_of(function)))


def plain_modules_of_the_sdk() -> frozenset[str]:
    """The modules that need no extra. Those of gRPC import its libraries at once, when an address asks for it."""
    return frozenset(name for name in reached_by_the_sdk().modules if not name.startswith("eventstore_client.grpc"))


def imported_by_the_sdk() -> set[str]:
    return imported(plain_modules_of_the_sdk(), (SDK,))


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libraries of Lambda's runtime, and this machine's builds of libraries compiled for another platform."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in (*IN_THE_RUNTIME, *COMPILED, "six"):
        spec = find_spec(name)
        if spec and spec.origin:
            file = Path(spec.origin)
            here = file.parent if file.name == "__init__.py" else file
            (folder / here.name).symlink_to(here)
    return folder


def test_the_whole_build_is_small() -> None:
    sizes = {name: zipped(BUILT / name) for name in (*LAYERS, *FUNCTIONS)}
    assert sizes["KafkaLayer"] < MOST_BYTES_OF_KAFKA
    assert sum(sizes.values()) - sizes["KafkaLayer"] < MOST_BYTES, sizes


@each_function
def test_a_function_with_its_layers_is_small(function: str) -> None:
    folders = folders_of(function)
    assert sum((folder / file).stat().st_size for folder in folders for file in files(folder)) < MOST_BYTES_UNZIPPED


def served_by(function: str) -> set[str]:
    """The files that a function serves as they are, except for what Node.js needs where they are tested."""
    if function != "ConsoleFunction":
        return set()
    static = ROOT / "functions/console/static"
    return {f"functions/console/static/{file}" for file in files(static) if file.name != "package.json"}


@each_function
def test_a_function_holds_what_its_handler_imports_and_nothing_else(function: str) -> None:
    folder = BUILT / function
    assert {str(file) for file in files(folder)} == within(folder, reached_by(function)) | served_by(function)


@each_function
def test_no_module_or_script_is_missing(function: str) -> None:
    reached = reached_by(function)
    assert (reached.missing, {path for path in reached.scripts if not path.is_file()}) == (set(), set())


def test_the_core_in_its_layer_is_what_functions_import() -> None:
    folder = BUILT / "EventstoreLayer/python"
    assert own_files(folder) == within(folder, *map(reached_by, FUNCTIONS))


def test_the_sdks_layer_holds_the_sdk_and_what_it_imports_of_the_core() -> None:
    assert own_files(SDK) == within(SDK, reached_by_the_sdk())
    assert not reached_by_the_sdk().missing
    source, built = ROOT / "layers/client/eventstore_client", SDK / "eventstore_client"
    modules = {path.relative_to(source).with_suffix("") for path in source.rglob("*.py")}
    assert {path.relative_to(built).with_suffix("") for path in built.rglob("*.py*") if path.is_file()} == modules


@each_function
def test_a_function_finds_all_that_it_imports(function: str, runtime: Path) -> None:
    assert reached_by(function).modules.keys() <= imported_by(function, runtime)


def test_the_sdk_imports_only_from_its_layer() -> None:
    assert plain_modules_of_the_sdk() <= imported_by_the_sdk()


@each_layer
def test_every_library_of_a_layer_is_imported(layer: str, runtime: Path) -> None:
    users = [name for name in FUNCTIONS if BUILT / layer / "python" in folders_of(name)]
    loaded = set().union(*(imported_by(name, runtime) for name in users)) if users else imported_by_the_sdk()
    assert [name for name, tops in packages_of(layer).items() if not tops & loaded] == []


@each_layer
def test_a_layer_holds_our_modules_and_the_pinned_libraries_alone(layer: str) -> None:
    libraries = packages_of(layer)
    # The requirements cover every platform.
    assert libraries.keys() <= pinned(layer)
    tops = {path.name.partition(".")[0] for path in (BUILT / layer / "python").iterdir() if path.suffix != ".dist-info"}
    assert tops - {*OURS} == set().union(*libraries.values())


@each_layer
def test_a_layer_contains_no_documentation_and_no_sources_of_compiled_code(layer: str) -> None:
    unused = {".c", ".md", ".pyc", ".pyi", ".typed"}
    built = [file for file in files(BUILT / layer) if not file.parts[1].endswith(".dist-info")]
    assert not [file for file in built if file.suffix in unused or file.name == "py.typed" or "tests" in file.parts]


def test_no_layer_of_the_hub_contains_the_aws_sdk_of_the_runtime() -> None:
    for layer in LAYERS:
        assert not {path.name for path in (BUILT / layer / "python").iterdir()} & {"boto3", "botocore", "s3transfer"}


@each_layer
def test_compiled_code_is_for_the_platform_of_the_functions(layer: str) -> None:
    compiled = [file.name for file in files(BUILT / layer) if file.suffix == ".so"]
    assert not [name for name in compiled if not re.search(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$", name)]
