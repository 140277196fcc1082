"""Opening a page for its reader, where there is a browser to open it in."""

import os
import sys
import webbrowser
from pathlib import Path


def open_page(path: Path) -> str:
    """Open the page; return a line that says where it is."""
    address = path.resolve().as_uri()
    if has_display() and webbrowser.open(address):
        return f"opened: {path}"
    return f"no browser here; the page is {path.resolve()}"


def has_display() -> bool:
    """Whether a window could be seen: not over SSH, nor on a machine without a display."""
    if {"SSH_CONNECTION", "SSH_TTY"} & os.environ.keys():
        return False
    windows = sys.platform in ("darwin", "win32", "cygwin")
    displays = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}
    return windows or bool(displays & os.environ.keys())
