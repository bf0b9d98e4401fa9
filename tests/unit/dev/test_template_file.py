from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_dev.template_file import TemplateError, load

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"There is no .*nothing\.yaml"):
        load(tmp_path / "nothing.yaml")


@pytest.mark.parametrize("text", ["a: [", "just text", "a: b"])
def test_a_file_that_is_not_a_template_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(TemplateError, match=r"is no (YAML|CloudFormation template)"):
        load(path)


def test_short_forms_of_functions_are_written_out(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {A: !Ref B, C: !GetAtt D.Arn, E: !If [F, !Sub '${G}', !Condition H]}")
    assert load(path)["Resources"] == {
        "A": {"Ref": "B"},
        "C": {"Fn::GetAtt": "D.Arn"},
        "E": {"Fn::If": ["F", {"Fn::Sub": "${G}"}, {"Condition": "H"}]},
    }
