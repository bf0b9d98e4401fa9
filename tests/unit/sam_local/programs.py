"""Programs that play the container engine and the SAM CLI, for a machine that has none."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["docker", "program", "sam"]

_ROOT = Path(__file__).parents[3]


def program(path: Path, text: str) -> Path:
    """An executable file of Python."""
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def docker(folder: Path, *, processor: str = "amd64", gateway: str = "127.0.0.2") -> Path:
    """An engine that tells of itself."""
    text = f"""
import sys
print({{"version": {processor!r}, "network": {gateway!r}, "pull": ""}}[sys.argv[1]])
"""
    return program(folder / "docker", text)


def sam(folder: Path, *, answer: str = "answer") -> Path:
    """A SAM CLI that builds nothing, and runs functions as processes of this machine, in their environment alone.

    Args:
        answer: An expression of what `invoke` answers, by what the function answered.
    """
    paths = [_ROOT, _ROOT / "layers/eventstore", _ROOT / "infra/dev"]
    text = f"""
import json, os, shutil, sys
from pathlib import Path

command, arguments = sys.argv[1:3], sys.argv[3:]
options = dict(zip(sys.argv[1:], sys.argv[2:]))
sys.path[:0] = {[str(path) for path in paths]!r}

def enter(function):
    tree = json.loads(Path(options["--template-file"]).read_text())
    found = tree["Resources"][function]["Properties"]
    os.environ.clear()
    os.environ.update(found["Environment"]["Variables"], AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local",
        AWS_DEFAULT_REGION=options["--region"])
    return found["Handler"].split(".")[1]

if command[0] == "build":
    built = Path(options["--build-dir"])
    built.mkdir(parents=True, exist_ok=True)
    shutil.copy("template.yaml", built / "template.yaml")
    (built / "platform").write_text(os.environ["PLATFORM"])
elif command == ["local", "invoke"]:
    from importlib import import_module
    from tests.functional.rest.api import Context
    event = json.loads(Path(options["--event"]).read_text())
    handler = import_module(f"functions.{{enter(arguments[0])}}.app").handler
    try:
        answer = handler(event, Context())
    except Exception as error:
        answer = {{"errorMessage": str(error)}}
    print("START", file=sys.stderr)
    print(json.dumps({answer}))
else:
    assert command == ["local", "start-api"], command
    enter("RestFunction")
    from http.server import ThreadingHTTPServer
    from tests.functional.rest.gateway import _Gateway
    ThreadingHTTPServer(("127.0.0.1", int(options["--port"])), _Gateway).serve_forever()
"""
    return program(folder / "sam", text)
