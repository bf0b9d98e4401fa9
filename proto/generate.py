"""Generates the package `eventstore_proto` from the protobuf files of this folder: `python proto/generate.py FOLDER`.

The packages of protobuf become folders of Python, and `io.cloudevents.v1` would become a package `io`, which the
standard library has. Therefore all of them go below `eventstore_proto`, and the imports of the generated modules are
adapted. A module that is up to date is not written again: a program that is running may import it at that moment.

`descriptors` has the descriptors of the same files, and of those that they import. The client makes its messages of
them (docs/decisions/081-the-client-over-grpc.md): generated modules would bind it to the version of protobuf that
generated them.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from grpc_tools import protoc

PACKAGE = "eventstore_proto"
_SOURCES = Path(__file__).parent
_ERRORS = ("google/rpc/error_details.proto", "google/rpc/status.proto")
"""The files that describe errors, of googleapis-common-protos."""
_DESCRIPTORS = '''"""The descriptors of the API's files, as a serialized `google.protobuf.FileDescriptorSet`."""

__all__ = ["FILES"]

FILES: bytes = {!r}
'''
_IMPORT = re.compile(r"^(from|import) (?=(?:flunq|io)\.)", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Generate the package below the folder that the only argument names."""
    (folder,) = arguments
    package = Path(folder) / PACKAGE
    sources = sorted(path.relative_to(_SOURCES).as_posix() for path in _SOURCES.rglob("*.proto"))
    with TemporaryDirectory() as generated:
        well_known = files("grpc_tools") / "_proto"
        command = ["protoc", f"-I{_SOURCES}", f"-I{well_known}", f"--python_out={generated}", f"--pyi_out={generated}"]
        if protoc.main([*command, *sources]) != 0:
            return 1
        modules = {
            path.relative_to(generated): _IMPORT.sub(rf"\1 {PACKAGE}.", path.read_text())
            for path in Path(generated).rglob("*.py*")
        }
        described = Path(generated) / "descriptors"
        options = [
            f"-I{files('google.rpc').joinpath('../..')}",
            f"--descriptor_set_out={described}",
            "--include_imports",
        ]
        if protoc.main(["protoc", f"-I{_SOURCES}", f"-I{well_known}", *options, *sources, *_ERRORS]) != 0:
            return 1
        modules[Path("descriptors.py")] = _DESCRIPTORS.format(described.read_bytes())
    folders = {Path(), *(parent for module in modules for parent in module.parents)}
    modules |= {folder / "__init__.py": "" for folder in folders}
    for module, text in modules.items():
        _write(package / module, text)
    return 0


def _write(path: Path, text: str) -> None:
    """Write a file whose content is another, in one step."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
