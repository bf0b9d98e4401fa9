"""Programs that simulate the container engine and the SAM CLI on a machine without them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["docker", "program", "sam"]

_ROOT = Path(__file__).parents[3]


def program(path: Path, text: str) -> Path:
    """An executable file of Python."""
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def docker(
    folder: Path,
    *,
    processor: str = "amd64",
    networks: object = ({"Subnet": "127.0.0.0/16", "Gateway": "127.0.0.2"},),
    images: Sequence[str] = (),
    registry: Sequence[str] = ("public.ecr.aws/lambda/python:3.13-x86_64", "public.ecr.aws/lambda/python:3.13-arm64"),
) -> Path:
    """An engine with a fixed description of itself.

    Args:
        processor: The architecture on which it runs.
        networks: The configuration of its bridge; with None, there is no bridge.
        images: The images that it has.
        registry: The images that it can pull.
    """
    text = f"""
import json, sys
from pathlib import Path
name = sys.argv[-1]
if sys.argv[1] == "version":
    print({processor!r})
elif sys.argv[1] == "image" and name not in {list(images)!r}:
    sys.exit(f"No such image: {{name}}")
elif sys.argv[1] == "pull" and name not in {list(registry)!r}:
    sys.exit(f"no such host: {{name.partition('/')[0]}}")
elif sys.argv[1] == "network" and (networks := {networks!r}) is None:
    sys.exit("network bridge not found")
elif sys.argv[1] == "network":
    print(json.dumps(networks))
elif sys.argv[1] == "import":
    Path({str(folder)!r}, "imported.tar").write_bytes(sys.stdin.buffer.read())
"""
    return program(folder / "docker", text)


def sam(folder: Path, *, answer: str = "answer") -> Path:
    """A SAM CLI that builds nothing, and runs functions as processes of this machine, in their environment alone.

    Like the real one, it asks STS for the account, and prefers variables of a file to the shell's, and those to
    the template's.

    Args:
        answer: An expression for the answer of `invoke`, given the answer of the function; `pause()` never answers.
    """
    paths = [_ROOT, _ROOT / "layers/eventstore", _ROOT / "infra/hosting", _ROOT / "infra/dev"]
    text = f"""
import json, os, shutil, sys
from pathlib import Path

command, arguments = sys.argv[1:3], sys.argv[3:]
options = dict(zip(sys.argv[1:], sys.argv[2:]))
sys.path[:0] = {[str(path) for path in paths]!r}

def note(name, said):
    Path({str(folder)!r}, name).write_text(said)

def ask_sts():
    import boto3
    sts = boto3.client("sts", region_name=options["--region"])
    assert sts.meta.endpoint_url.startswith("http://127.0.0.1:"), sts.meta.endpoint_url
    note("account", sts.get_caller_identity()["Account"] + " " + sts.meta.endpoint_url)

def enter(function):
    tree = json.loads(Path(options["--template-file"]).read_text())
    properties = tree["Resources"][function]["Properties"]
    variables = properties["Environment"]["Variables"]
    variables |= {{name: os.environ[name] for name in variables if name in os.environ}}
    variables |= json.loads(Path(options["--env-vars"]).read_text())[function] if "--env-vars" in options else {{}}
    os.environ.clear()
    os.environ.update(variables, AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local",
        AWS_DEFAULT_REGION=options["--region"])
    return properties["Handler"].split(".")[1]

def call(function, event):
    from importlib import import_module
    from tests.functional.rest.api import Context
    handler = import_module(f"functions.{{enter(function)}}.app").handler
    def pause():
        # A container runs, and is removed when this is interrupted.
        import signal
        note("container", "")
        try:
            signal.pause()
        except KeyboardInterrupt:
            Path({str(folder)!r}, "container").unlink()
            sys.exit(1)
    try:
        answer = handler(event, Context())
    except Exception as error:
        answer = {{"errorMessage": str(error)}}
    return {answer}

if command[0] == "build":
    built = Path(options["--build-dir"])
    built.mkdir(parents=True, exist_ok=True)
    shutil.copy("template.yaml", built / "template.yaml")
    (built / "platform").write_text(os.environ["PLATFORM"])
    sys.exit()

ask_sts()
note("image", options["--invoke-image"])
if command == ["local", "invoke"]:
    answer = call(arguments[0], json.loads(Path(options["--event"]).read_text()))
    print("START", file=sys.stderr)
    print(json.dumps(answer))
elif command == ["local", "start-lambda"]:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    class Functions(BaseHTTPRequestHandler):
        def answer(self, status, body):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())
        def do_GET(self):
            self.answer(404, {{}})
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(200, call(self.path.split("/")[3], json.loads(body)))
    HTTPServer(("127.0.0.1", int(options["--port"])), Functions).serve_forever()
else:
    assert command == ["local", "start-api"], command
    enter("RestFunction")
    from http.server import ThreadingHTTPServer
    from tests.functional.rest.gateway import _Gateway
    ThreadingHTTPServer(("127.0.0.1", int(options["--port"])), _Gateway).serve_forever()
"""
    return program(folder / "sam", text)
