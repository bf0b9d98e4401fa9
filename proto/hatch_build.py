"""Generates `eventstore_proto` for the wheel of the hub. An editable installation has what `make` generated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["GeneratedCode"]

_PACKAGE = "eventstore_proto"


class GeneratedCode(BuildHookInterface[Any]):
    """See the module."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generate the package, and add it."""
        if version != "standard":
            return
        # The wheel is written after this returns.
        self._folder = TemporaryDirectory()
        generator = Path(self.root) / "proto" / "generate.py"
        subprocess.run([sys.executable, str(generator), self._folder.name], check=True)  # noqa: S603 - our own program
        build_data["force_include"][str(Path(self._folder.name) / _PACKAGE)] = _PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the hook's signature
        """Remove what the wheel has now."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
