"""The emulator is independent of the project, whose settings are in pyproject.toml; import-linter checks imports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_EMULATOR = Path(__file__).parents[3] / "infra" / "dev"
_FILES = sorted(file for file in _EMULATOR.rglob("*") if file.suffix in {".py", ".md"})
_OF_THE_HUB = re.compile(
    r"\b(hub|flunq|RedisUrl|REDIS_URL|Partitions|PARTITIONS|AllowedOrigins|JWT_\w+|API_KEYS_FILE|LOG_LEVEL|LogLevel)\b"
    r"|/api/v1|functions\.\w+\.app|\beventstore\.|\bAUTH=|\"AUTH\""
)


@pytest.mark.parametrize("file", _FILES, ids=[str(file.relative_to(_EMULATOR)) for file in _FILES])
def test_the_emulator_does_not_name_the_hub(file: Path) -> None:
    mentions = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if _OF_THE_HUB.search(line)
    ]
    assert mentions == []
