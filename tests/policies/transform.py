"""SAM's transform, run by a Python that has it: reads the given template, writes the transformed one.

`aws-sam-translator` is what CloudFormation runs for `Transform: AWS::Serverless-2016-10-31`. It receives a template
whose code is in S3 already, as `sam package` would leave it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

_LOCAL = ("CodeUri", "ContentUri", "DefinitionUri", "Location")


class _NoManagedPolicies:
    """AWS managed policies have their ARNs in our template."""

    def load(self) -> dict[str, str]:
        return {}


def _packaged(properties: dict[str, Any]) -> None:
    for name in _LOCAL:
        if isinstance(properties.get(name), str):
            properties[name] = f"s3://packaged/{properties[name].strip('./') or 'root'}"


def main(template: Path) -> None:
    tree = yaml_parse(template.read_text())
    for section in (tree.get("Globals") or {}).values():
        _packaged(section)
    for resource in tree["Resources"].values():
        _packaged(resource.get("Properties") or {})
    json.dump(transform(tree, {}, _NoManagedPolicies()), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
