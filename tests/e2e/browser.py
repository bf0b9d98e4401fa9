"""Headless Chromium, and a small web server that serves its pages and receives their reports."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.e2e.live import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["FLAGS", "Page", "find_chromium", "opened", "shown"]

FLAGS = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Host names of other origins, which a test needs.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
)


def find_chromium() -> str | None:
    """The path of Chromium; None without one."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def shown(url: str, *, program: str, profile: Path) -> str:
    """The HTML of a page after its scripts have run."""
    command = [program, *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=10000", "--dump-dom", url]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
    )
    return done.stdout


class Page:
    """An open page, with its reports in order.

    Attributes:
        origin: Where it came from.
    """

    def __init__(self, origin: str, reports: queue.Queue[dict[str, Any]]) -> None:
        self.origin = origin
        self._reports = reports

    def report(self) -> dict[str, Any]:
        """The next report."""
        return self._reports.get(timeout=SECONDS)

    def until(self, wanted: Callable[[dict[str, Any]], object]) -> list[dict[str, Any]]:
        """All reports up to the first wanted one."""
        reports = [self.report()]
        while not wanted(reports[-1]):
            reports.append(self.report())
        return reports


class _Server(ThreadingHTTPServer):
    """Listens on a port that is reserved, too (`ReservedPort`)."""

    allow_reuse_port = True


@contextmanager
def opened(
    html: str,
    *,
    program: str,
    profile: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    module: bytes = b"",
) -> Iterator[Page]:
    """Open a page in its own browser; it reports JSON objects by POST to `/`.

    Args:
        html: The page.
        program: The browser.
        profile: An empty folder.
        host: What the page's origin is called; every name below `.test` leads to this machine.
        port: That of the page's origin; a free one, if 0.
        module: A script of the page's origin, at `/module.js`; none if it is empty.
    """
    reports: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/module.js" and module:
                self._answer(200, module, kind="text/javascript")
                return
            # A browser requests an icon, too.
            self._answer(200 if self.path == "/" else 404, html.encode() if self.path == "/" else b"")

        def do_POST(self) -> None:
            reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer(204, b"")

        def _answer(self, status: int, body: bytes, *, kind: str = "text/html") -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ExitStack() as stack:
        server = stack.enter_context(_Server(("127.0.0.1", port), Handler))
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        stack.callback(serving.join)
        stack.callback(server.shutdown)
        origin = f"http://{host}:{server.server_port}"
        browser = stack.enter_context(
            subprocess.Popen(
                [program, *FLAGS, f"--user-data-dir={profile}", f"{origin}/"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        stack.callback(browser.terminate)
        yield Page(origin, reports)
