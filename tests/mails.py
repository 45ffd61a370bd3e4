"""``python -m tests.mails FOLDER``: every mail in both languages, as a page and as a picture.

The pictures are made by Chromium, where there is one (``apt-get install chromium``). Those in
``docs/images/mails`` are from here, with their colours reduced to 128.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from solaris_hooks.alerts.mail.examples import EXAMPLES
from solaris_hooks.alerts.mail.mails import Mails
from solaris_hooks.alerts.mail.templates import Templates
from solaris_hooks.messages import LOCALES

WIDTHS = {"": 640, "-phone": 500}
"""Of the window, in CSS pixels. Chromium makes none narrower than 500."""

TALL = 1100


def main() -> None:
    """Write the pages and take the pictures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--templates", type=Path, help="a folder of your own templates")
    arguments.add_argument("--only", default="", help="names that contain this")
    given = arguments.parse_args()
    mails = Mails(Templates(given.templates), brand="IA SOLARIS", public_url="https://ia.example.org", usage=None)
    given.folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    for number, example in enumerate(EXAMPLES):
        for locale in LOCALES:
            rendered = mails.render_with(replace(example, locale=locale), projection=dt.date(2026, 11, 24))
            name = f"{number:02}-{example.event.kind.value.replace('.', '-')}.{locale}"
            if given.only not in name:
                continue
            page = given.folder / f"{name}.html"
            page.write_text(rendered.html, "utf-8")
            page.with_suffix(".txt").write_text(f"Subject: {rendered.subject}\n\n{rendered.text}", "utf-8")
            if chromium is not None:
                for suffix, width in WIDTHS.items():
                    _picture(chromium, page, page.with_name(f"{name}{suffix}.png"), width)


def _picture(chromium: str, page: Path, picture: Path, width: int) -> None:
    subprocess.run(
        [
            chromium,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"),
            *(f"--window-size={width},{TALL}", f"--screenshot={picture}", page.resolve().as_uri()),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )


if __name__ == "__main__":
    main()
