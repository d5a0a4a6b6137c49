"""A headless Chromium, driven over pipes by the DevTools protocol; for tests of pages."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time

__all__ = ["CHROMIUM", "Browser"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-dev-shm-usage "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-extensions --no-default-browser-check --remote-debugging-pipe"
).split()


class Browser:
    """One page of a browser of its own.

    Parameters
    ----------
    folder : path-like
        Empty; for its profile and downloads.

    Attributes
    ----------
    errors : list of str
        What the page's console and its exceptions have said.
    requests : list of str
        Addresses that the page has asked for.
    """

    def __init__(self, folder):
        self.errors, self.requests, self._answers, self._n = [], [], {}, 0
        self._events, self._buffer = [], b""
        self.downloads = os.path.join(folder, "downloads")
        os.makedirs(self.downloads)
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # The browser reads messages from descriptor 3 and writes them to 4, each ended by a zero.
        redirect = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", redirect, CHROMIUM, *_FLAGS, f"--user-data-dir={folder}/profile"],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._session = None
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")
        self("Page.setDownloadBehavior", behavior="allow", downloadPath=self.downloads)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._session = None
            self._send("Browser.close", {})
        for descriptor in (self._write, self._read):
            os.close(descriptor)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __call__(self, method, **params):
        """Call a method of the protocol; return its result."""
        number = self._send(method, params)
        self._pump(lambda: number in self._answers)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, path, width=1280, height=900):
        """Open a file in a window of a size in pixels; narrow ones are a phone's."""
        is_phone = width < 600
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        self("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        self._events.clear()
        self("Page.navigate", url=f"file://{path}")
        self._pump(lambda: "Page.loadEventFired" in self._events)

    def evaluate(self, expression):
        """Return the value of a JavaScript expression, awaited where it is a promise."""
        answer = self(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def click(self, selector):
        """Click, as a mouse does, in the middle of the first element that matches."""
        x, y = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'}); "
            "const r = e.getBoundingClientRect(); "
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def wait_for(self, expression, seconds=20):
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise TimeoutError(f"not true within {seconds} s: {expression}")
            time.sleep(0.05)

    def screenshot(self, path):
        """Save a picture of the whole page, for people."""
        size = self("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        with open(path, "wb") as stream:
            stream.write(base64.b64decode(data))

    # -------------------------------------------------------------------------------- messages

    def _send(self, method, params):
        self._n += 1
        message = {"id": self._n, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        return self._n

    def _pump(self, done, seconds=60):
        """Read messages until it is done."""
        end = time.monotonic() + seconds
        while not done():
            ready, _, _ = select.select([self._read], [], [], max(end - time.monotonic(), 0))
            chunk = os.read(self._read, 2**20) if ready else b""
            if not chunk:
                raise TimeoutError("the browser does not answer")
            *messages, self._buffer = (self._buffer + chunk).split(b"\0")
            for message in messages:
                self._take(json.loads(message))

    def _take(self, message):
        if "id" in message:
            self._answers[message["id"]] = message
            return
        method, params = message["method"], message["params"]
        self._events.append(method)
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(str(params["entry"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
