"""Opens pages in headless Chromium, offline, and looks at what is drawn.

    with Browser(output_dir, check) as browser:
        page = browser.open(path, "name")      # waits until the page says that it is ready
        page.picture()                         # what is on the screen, as an array
        page.finish()                          # fails on console errors and on any request

`check(what, holds, seen)` counts one check. A page says that it is ready by `data-ready` on its root element: `yes`, or
another word for what went wrong; `data-ready-after` holds the milliseconds since it was opened. Pages without that are
given as `open(..., is_ready="return a JavaScript condition")`.
"""

import io
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By

FLAGS = [
    "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars", "--force-device-scale-factor=1",
]  # fmt: skip
# Requests to anything else need a network.
LOCAL = ("file:", "data:", "blob:", "about:", "chrome:")
SIZE = (1400, 900)


def program(*names):
    """The path of the first of these programs."""
    found = [path for path in map(shutil.which, names) if path]
    if not found:
        raise SystemExit(f"none of {', '.join(names)} is installed; on Debian: apt-get install chromium chromium-driver")
    return found[0]


class Browser:
    """A browser with an empty profile."""

    def __init__(self, output_dir, check, flags=(), patience=60):
        self.output_dir = Path(output_dir)
        self.output_dir.mkdir(parents=True, exist_ok=True)
        self.check = check
        self.patience = patience
        self.profile = tempfile.mkdtemp(prefix="baysor-browser-")
        options = Options()
        options.binary_location = program("chromium", "chromium-browser", "google-chrome")
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        for flag in [*FLAGS, *sandbox, *flags, f"--user-data-dir={self.profile}", f"--window-size={SIZE[0]},{SIZE[1]}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(program("chromedriver")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, path, name, is_ready=None, ready="yes"):
        """Opens a file and waits until it is ready; `ready` is the word it is to say."""
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get("about:blank")
        return Page(self, Path(path).resolve(), name, is_ready, ready)


class Page:
    """An open page."""

    def __init__(self, browser, path, name, is_ready, ready):
        self.browser, self.name, self.driver = browser, name, browser.driver
        self.shots = 0
        condition = is_ready or "return document.documentElement.dataset.ready"
        began = time.monotonic()
        self.driver.get(path.as_uri())
        said = self.wait(condition)
        self.seconds = time.monotonic() - began
        after = self.run("return document.documentElement.dataset.readyAfter")
        if after:
            self.seconds = float(after) / 1000
        if is_ready is None:
            self.check("is ready", said == ready, said)

    def check(self, what, holds, seen=""):
        self.browser.check(f"{self.name}: {what}", bool(holds), seen)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        """Waits until a script returns something true; returns it, or what it returned last."""
        end = time.monotonic() + self.browser.patience
        while True:
            value = self.run(script, *arguments)
            if value or time.monotonic() > end:
                return value
            time.sleep(0.03)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def save(self, what):
        """Keeps a picture of the page and returns it: [height, width, 3]."""
        self.shots += 1
        png = self.driver.get_screenshot_as_png()
        (self.browser.output_dir / f"{self.name}-{self.shots}-{what}.png").write_bytes(png)
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def picture(self, selector, what):
        """The part of the page that an element covers, which is kept with the page."""
        whole = self.save(what)
        box = self.run("const b = arguments[0].getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]", self.find(selector))
        left, top, right, bottom = (int(max(round(value), 0)) for value in box)
        return whole[top:bottom, left:right]

    def wheel(self, selector, amount, times=1):
        """Turns the wheel above the middle of an element; a negative amount is away from the reader."""
        origin = ScrollOrigin.from_element(self.find(selector))
        for _ in range(times):
            ActionChains(self.driver, duration=0).scroll_from_origin(origin, 0, amount).perform()

    def click_at(self, selector, x, y):
        """Clicks at a place counted from the upper left corner of an element."""
        element = self.find(selector)
        width, height = self.run("return [arguments[0].clientWidth, arguments[0].clientHeight]", element)
        ActionChains(self.driver, duration=0).move_to_element_with_offset(element, round(x - width / 2), round(y - height / 2)).click().perform()

    def finish(self):
        """No errors in the console, and nothing was asked of a network."""
        errors = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        self.check("no errors in the console", not errors, errors[:3])
        urls = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                urls.append(message["params"].get("request", message["params"])["url"])
        foreign = [url for url in urls if not url.startswith(LOCAL)]
        self.check("no request leaves the page", not foreign, foreign[:3])


def n_colors(picture):
    """Different colors of a picture, in steps of 8."""
    return len(np.unique((picture // 8).reshape(-1, 3), axis=0))


def share_of(picture, color, tolerance=40):
    """Share of the pixels that are nearly of a color."""
    return float((np.abs(picture - np.array(color)).max(axis=-1) <= tolerance).mean())


def share_that_differs(one, other):
    """Share of the pixels that two pictures of one size do not have in common."""
    return float((np.abs(one - other).max(axis=-1) > 24).mean())
