"""Look at the built pages in a real browser, at the width of a desktop and of a phone.

Fails on errors in the console, requests that fail or leave this machine, pages wider than the
window, and images that are missing. It needs `pip install playwright` and Chromium or Chrome; where
one of them is missing, it says so and checks nothing.

    python docs/check_pages.py docs/_build screenshots
"""

import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

WIDTHS = {"desktop": 1400, "phone": 420}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DIAGRAM = ".sk-top-container"
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What ends outside of the window, but for what scrolls by itself inside the page.
WIDE = """() => {
    const scrolls = e => e.closest('article') && e.tagName !== 'ARTICLE'
        && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    const ends = e => e.getBoundingClientRect().right;
    const wide = [...document.querySelectorAll('article *')]
        .filter(e => e.checkVisibility() && ends(e) > innerWidth + 1 && !scrolls(e));
    if (document.documentElement.scrollWidth > innerWidth) wide.push(document.documentElement);
    return wide.slice(0, 5).map(e => `${e.tagName}.${e.className} ${e.textContent.slice(0, 30)}`);
}"""
MISSING = """async () => {
    const images = [...document.images];
    images.forEach(image => image.loading = 'eager');
    await Promise.allSettled(images.map(image => image.decode()));
    return images.filter(image => !image.naturalWidth).map(image => image.src);
}"""


def serve(folder):
    """Serve a folder on a free port of this machine; return the address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def chosen(folder):
    """Return the names of all pages but the indices that Sphinx makes."""
    paths = [path.relative_to(folder).with_suffix("") for path in sorted(folder.rglob("*.html"))]
    left_out = {"genindex", "py-modindex", "search"}
    return [str(p) for p in paths if str(p) not in left_out and not p.parts[0].startswith("_")]


def look(page, address, name, width, shots):
    """Return what is wrong with a page at a width, and keep what it looks like."""
    wrong = []
    listeners = {
        "console": lambda m: wrong.append(f"console: {m.text}") if m.type == "error" else None,
        "pageerror": lambda error: wrong.append(f"script: {error}"),
        "requestfailed": lambda request: wrong.append(f"request failed: {request.url}"),
        "request": lambda r: (
            None if r.url.startswith((address, "data:")) else wrong.append(f"leaves: {r.url}")
        ),
        "response": lambda r: wrong.append(f"{r.status}: {r.url}") if r.status >= 400 else None,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    wrong += [f"missing image: {source}" for source in page.evaluate(MISSING)]
    wrong += [f"wider than the window: {element}" for element in page.evaluate(WIDE)]
    file = f"{name.replace('/', '-')}-{width}"
    page.screenshot(path=shots / f"{file}.png")
    page.screenshot(path=shots / f"{file}-full.png", full_page=True)
    for i, diagram in enumerate(page.query_selector_all(DIAGRAM)):
        diagram.scroll_into_view_if_needed()
        diagram.screenshot(path=shots / f"{file}-diagram{i}.png")
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return wrong


def main():
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if sync_playwright is None or browser_path is None:
        missing = "playwright" if sync_playwright is None else "a browser: Chromium or Chrome"
        print(f"SKIPPED: the pages were not looked at in a browser; it needs {missing}.")
        return
    folder, shots = Path(sys.argv[1]), Path(sys.argv[2])
    shots.mkdir(parents=True, exist_ok=True)
    address, failures = serve(folder), 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=OPTIONS)
        for width, pixels in WIDTHS.items():
            page = browser.new_page(viewport={"width": pixels, "height": 900})
            for name in chosen(folder):
                wrong = look(page, address, name, width, shots)
                failures += len(wrong)
                print(f"{width:8} {name}: {'; '.join(wrong) or 'in order'}")
        browser.close()
    if not any(shots.glob("*-diagram*.png")):
        sys.exit("No page shows the diagram of an estimator.")
    sys.exit(f"{failures} things are wrong." if failures else 0)


if __name__ == "__main__":
    main()
