"""Headless Chromium, driven by the Chrome DevTools Protocol: what a user does, and what a screen reader would say."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64decode
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from websockets.sync.client import connect

from tests.e2e.browser import FLAGS
from tests.e2e.live import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from websockets.sync.client import ClientConnection

__all__ = ["Browser", "Element", "Tab", "browsing"]

_PORT_FILE = "DevToolsActivePort"
_POLLED_SECONDS = 0.05
_IN_PAGE_MS = 2000
_LONGEST_TEXT = 5000
_SOCKET: Mapping[str, Any] = MappingProxyType({"max_size": None, "compression": None, "close_timeout": 1})

_UNTIL = """
new Promise((resolve) => {
  const end = performance.now() + %d;
  const check = () => {
    let value;
    try { value = (%s); } catch {}
    if (value || performance.now() > end) resolve(value instanceof Node ? true : value || null);
    else setTimeout(check, 20);
  };
  check();
})
"""


class Tab:
    """A tab of a browser.

    Attributes:
        requested: The URLs of all requests and WebSockets, in order.
        complaints: Exceptions that no script caught, and what the browser refused, such as violations of a policy.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._last = 0
        self.requested: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility"):
            self.command(f"{domain}.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - what the protocol has
        """Send a command, and return its result."""
        self._last += 1
        self._connection.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=SECONDS))
            if message.get("id") == self._last:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def open(self, url: str) -> None:
        """Load a page."""
        self.command("Page.navigate", url=url)

    def reload(self) -> None:
        """Load the page again, and wait until it is there."""
        self.evaluate("void (globalThis.isLeft = true)")
        self.command("Page.reload")
        self.until("!globalThis.isLeft && document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value of an expression of JavaScript; a promise is awaited.

        Raises:
            BrowserError: It threw, or the page was left meanwhile.
        """
        answer = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def until(self, expression: str, *, seconds: float = SECONDS) -> Any:  # noqa: ANN401 - any JSON value
        """Wait until an expression is true, and return its value.

        Raises:
            BrowserError: It was not true in time; the message has the text of the page.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if value := self.evaluate(_UNTIL % (_IN_PAGE_MS, expression)):
                    return value
            except BrowserError:
                # The page was being left.
                time.sleep(_POLLED_SECONDS)
        raise BrowserError(f"not true within {seconds} s: {expression}\n{self._shown()}")

    def text(self) -> str:
        """The text of the page, as it is shown."""
        text: str = self.evaluate("document.body?.innerText ?? ''")
        return text

    def until_text(self, text: str) -> None:
        """Wait until the page shows a text."""
        self.until(f"document.body.innerText.includes({json.dumps(text)})")

    def until_absent(self, text: str) -> None:
        """Wait until the page no longer shows a text."""
        self.until(f"!document.body.innerText.includes({json.dumps(text)})")

    def all(self, role: str, name: str | None = None) -> list[Element]:
        """The elements that a screen reader announces with a role, and a name if one is given."""
        root = self.command("DOM.getDocument", depth=0)["root"]["nodeId"]
        query = {"role": role} | ({"accessibleName": name} if name is not None else {})
        nodes = self.command("Accessibility.queryAXTree", nodeId=root, **query)["nodes"]
        return [
            Element(self, node["backendDOMNodeId"], str(node.get("name", {}).get("value", "")))
            for node in nodes
            if not node.get("ignored")
        ]

    def find(self, role: str, name: str) -> Element:
        """Wait for an element that a screen reader announces with a role and a name; the first, if there are several.

        Raises:
            BrowserError: There is none in time.
        """
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                if found := self.all(role, name):
                    return found[0]
            except BrowserError:
                # The page was being left.
                pass
            time.sleep(_POLLED_SECONDS)
        names = [element.name for element in self.all(role)]
        raise BrowserError(f"no {role} is called {name!r}; there are {names}\n{self._shown()}")

    def click(self, role: str, name: str) -> None:
        """Click an element as `find` returns it; another one, if a list is shown anew meanwhile.

        Raises:
            BrowserError: There is none in time, or it cannot be clicked.
        """
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.find(role, name).click()
            except BrowserError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def press(self, key: str, *, code: str = "", text: str = "") -> None:
        """Press a key, such as `Tab`, `Enter` or `Escape`."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40, "ArrowUp": 38}
        typed = {"Enter": "\r", " ": " "}.get(key, text)
        event = {
            "key": key,
            "code": code or key,
            "windowsVirtualKeyCode": codes.get(key, 0),
            **({"text": typed} if typed else {}),
        }
        self.command("Input.dispatchKeyEvent", type="keyDown", **event)
        self.command("Input.dispatchKeyEvent", type="keyUp", **event)

    def resize(self, width: int, height: int = 800) -> None:
        """Give the page a size in CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def colours(self, scheme: str) -> None:
        """Prefer `light` or `dark`."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self) -> bytes:
        """The visible part of the page, as PNG."""
        return b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    def _shown(self) -> str:
        return f"{self.text()[:_LONGEST_TEXT]}\n{self.complaints}"

    def _note(self, message: Mapping[str, Any]) -> None:
        parameters = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case "Network.webSocketCreated":
                self.requested.append(parameters["url"])
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            case "Log.entryAdded" if parameters["entry"]["source"] in {"security", "violation", "other"}:
                self.complaints.append(parameters["entry"]["text"])


class Element:
    """An element of a page.

    Attributes:
        name: What a screen reader calls it.
    """

    def __init__(self, tab: Tab, node: int, name: str) -> None:
        self._tab = tab
        self._node = node
        self.name = name

    def call(self, function: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value of a function of JavaScript, whose `this` is the element."""
        remote = self._tab.command("DOM.resolveNode", backendNodeId=self._node)["object"]["objectId"]
        answer = self._tab.command(
            "Runtime.callFunctionOn",
            objectId=remote,
            functionDeclaration=function,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    def click(self) -> None:
        """Click the element.

        Raises:
            BrowserError: It is not in the page any more; a link would do nothing.
        """
        self.call("function () { if (!this.isConnected) throw new Error('it was replaced'); this.click(); }")

    def enter(self, text: str) -> None:
        """Replace the text of a field, as a user who types it."""
        self.call("function () { this.focus(); this.select?.(); }")
        if not text:
            self._tab.press("Delete")
        self._tab.command("Input.insertText", text=text)
        self.call("function () { this.dispatchEvent(new Event('change', {bubbles: true})); }")

    def choose(self, value: str) -> None:
        """Choose an option of a list by its value."""
        self.call(
            f"function () {{ this.value = {json.dumps(value)}; "
            "this.dispatchEvent(new Event('input', {bubbles: true})); "
            "this.dispatchEvent(new Event('change', {bubbles: true})); }"
        )

    @property
    def text(self) -> str:
        """Its text, as it is shown."""
        text: str = self.call("function () { return this.innerText; }")
        return text


class BrowserError(AssertionError):
    """The page did not do what was expected of it."""


class Browser:
    """A browser that runs.

    Args:
        connection: The connection to it.
        address: The address of the connection.
    """

    def __init__(self, connection: ClientConnection, address: str) -> None:
        self._connection = connection
        self._base = address.partition("/devtools/")[0]

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """Open a tab during the block, which shares no cache, no cookies and no storage with other ones."""
        context = _call(self._connection, "Target.createBrowserContext")["browserContextId"]
        try:
            made = _call(self._connection, "Target.createTarget", url="about:blank", browserContextId=context)
            with connect(f"{self._base}/devtools/page/{made['targetId']}", **_SOCKET) as page:
                yield Tab(page)
        finally:
            _call(self._connection, "Target.disposeBrowserContext", browserContextId=context)


@contextmanager
def browsing(*, program: str, profile: Path) -> Iterator[Browser]:
    """Run a browser during the block.

    Args:
        program: The browser.
        profile: An empty folder.
    """
    with ExitStack() as stack:
        browser = stack.enter_context(
            subprocess.Popen(
                [program, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        stack.callback(browser.terminate)
        address = _address(profile)
        yield Browser(stack.enter_context(connect(address, **_SOCKET)), address)


def _address(profile: Path) -> str:
    """The address of the browser, which it writes into its folder once it listens."""
    deadline = time.monotonic() + SECONDS
    file = profile / _PORT_FILE
    while time.monotonic() < deadline:
        lines = file.read_text().split("\n") if file.exists() else []
        if len(lines) > 1:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(_POLLED_SECONDS)
    raise BrowserError("the browser did not start")


def _call(connection: ClientConnection, method: str, **parameters: object) -> dict[str, Any]:
    connection.send(json.dumps({"id": 1, "method": method, "params": parameters}))
    while True:
        message = json.loads(connection.recv(timeout=SECONDS))
        if message.get("id") == 1:
            result: dict[str, Any] = message["result"]
            return result
