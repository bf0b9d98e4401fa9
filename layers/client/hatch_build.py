"""Adds the core's modules on which the client stands to its distribution.

The sdist has them as they are, below `core/`. The wheel has them as `eventstore_client._core`, and the imports of all
modules are adapted: two distributions never own one file, so the client and the hub can be installed side by side, in
any order and in different versions (docs/decisions/069-the-clients-distribution.md).

The descriptors of the gRPC API, from which the extra `grpc` makes its messages, are generated from `proto/` and come
along in the same way: the sdist has them below `core/`, and needs no generator.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CoreModules"]

_CORE, _CLIENT, _PROTO = "eventstore", "eventstore_client", "eventstore_proto"
_CARRIED = {_CORE: f"{_CLIENT}._core", _PROTO: f"{_CLIENT}._proto"}
_IMPORT = re.compile(rf"^(\s*from )({'|'.join(_CARRIED)})(?=[. ])", re.MULTILINE)
_DESCRIPTORS = ("__init__.py", "descriptors.py")
"""The modules of `eventstore_proto` that the client needs: it makes the messages itself."""
_GENERATOR = ("googleapis-common-protos>=1.70", "grpcio-tools>=1.76")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


class CoreModules(BuildHookInterface[Any]):
    """See the module."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add what the distribution has beside the selected files. An editable wheel has folders only."""
        if version == "editable":
            return
        # The archive is written after this returns; the folder is removed when the hook is.
        self._folder = TemporaryDirectory()
        if self.target_name == "sdist":
            core = self._core_folder()
            build_data["force_include"] |= {str(core / name): f"core/{_CORE}/{name}" for name in self._core_names()}
            proto = self._proto_folder()
            build_data["force_include"] |= {str(proto / name): f"core/{_PROTO}/{name}" for name in _DESCRIPTORS}
            # In the repository it is a link, which the archive would keep.
            licence = Path(self.root) / "LICENSE"
            del build_data["force_include"][str(licence)]
            build_data["force_include"][str(licence.resolve())] = licence.name
        else:
            package = Path(self._folder.name) / _CLIENT
            self._copy_to(package)
            build_data["force_include"][str(package)] = _CLIENT

    def dependencies(self) -> list[str]:
        """Return what the build needs beside the build system: in the repository, the generator."""
        return [] if self._carried(_PROTO).is_dir() else [*_GENERATOR]

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the hook's signature
        """Remove what the archive was made from."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def _core_folder(self) -> Path:
        """The core's package: in an sdist a part of it, in the repository the whole."""
        carried = self._carried(_CORE)
        return carried if carried.is_dir() else Path(self.root).parent / _CORE / _CORE

    def _proto_folder(self) -> Path:
        """The package of the descriptors: in an sdist a part of it, in the repository generated."""
        carried = self._carried(_PROTO)
        if carried.is_dir():
            return carried
        generated = Path(self._folder.name) / "generated"
        generator = Path(self.root).parents[1] / "proto" / "generate.py"
        subprocess.run([sys.executable, str(generator), str(generated)], check=True)  # noqa: S603 - our own program
        return generated / _PROTO

    def _carried(self, package: str) -> Path:
        return Path(self.root) / "core" / package

    def _core_names(self) -> Sequence[str]:
        return (Path(self.root) / "core.txt").read_text().split()

    def _copy_to(self, package: Path) -> None:
        shutil.copytree(Path(self.root) / _CLIENT, package, ignore=_IGNORED)
        core = package / "_core"
        core.mkdir()
        for name in self._core_names():
            source = self._core_folder() / name
            if source.is_dir():
                shutil.copytree(source, core / name, ignore=_IGNORED)
            else:
                shutil.copyfile(source, core / name)
        (package / "_proto").mkdir()
        for name in _DESCRIPTORS:
            shutil.copyfile(self._proto_folder() / name, package / "_proto" / name)
        for module in package.rglob("*.py"):
            module.write_text(_adapted(module.read_text(), module))


def _adapted(text: str, module: Path) -> str:
    """Return a module's text with its imports of the core adapted. The numbers of its lines stay.

    Raises:
        ValueError: An import of the core has a form that is not adapted.
    """
    text = _IMPORT.sub(lambda match: match[1] + _CARRIED[match[2]], text)
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        if any(name.partition(".")[0] in _CARRIED for name in names):
            raise ValueError(
                f"{module.name}, line {node.lineno}: imports of the core must have the form 'from {_CORE}… import …'"
            )
    return text
