"""A self-contained page of widgets: no kernel, no request to anywhere."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from flm_edu.files import write_aside
from flm_edu.plots.style import THEMES

SHIM = Path(__file__).parent / "page.js"


class Drawable(Protocol):
    """What a page needs of a widget."""

    def script(self) -> str:
        """Return an ES module that imports nothing and defines `render`, as anywidget has it."""
        ...

    def stylesheet(self) -> str:
        """Return the CSS of what `render` makes."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what `render` draws: name -> what JSON can hold, or bytes."""
        ...


def write_page(path: str | Path, title: str, widgets: Sequence[Drawable], *, lead: str = "") -> Path:
    """Write widgets below each other into one page and return its path.

    Each widget's module runs as in a notebook, on a small model with anywidget's interface (page.js)
    that holds the embedded state. The policy in the head forbids every request.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    shim = SHIM.read_text(encoding="utf-8")
    body = []
    for number, widget in enumerate(widgets):
        name = f"widget-{number}"
        body.append(
            f'<div id="{name}"></div>\n'
            f'<script type="application/json" id="{name}-state">{_embed(widget.state())}</script>\n'
            f'<script type="module">\n{widget.script()}\n{shim}\nmount(render, "{name}");\n</script>\n'
        )
    styles = "".join(dict.fromkeys(widget.stylesheet() for widget in widgets))  # that of all of them once
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
    page = (
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
        f"<title>{html.escape(title)}</title>\n<style>\n{_page_style()}{styles}</style>\n"
        f"<main>{_heading(title, lead)}<noscript><p>This page needs JavaScript.</p></noscript>\n{''.join(body)}</main>\n</html>\n"
    )
    with write_aside(path.parent, path.name) as (aside,):
        aside.write_text(page, encoding="utf-8")
    return path


def _heading(title: str, lead: str) -> str:
    return f"<h1>{html.escape(title)}</h1><p class=lead>{html.escape(lead)}</p>\n" if lead else ""


def _page_style() -> str:
    light, dark = (f"--page: {THEMES[name]['ground']}; --text: {THEMES[name]['ink']};" for name in ("light", "dark"))
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        "body { margin: 0; padding: 12px; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }\n"
        "main { max-width: 780px; margin: 0 auto; display: grid; gap: 20px; grid-template-columns: minmax(0, 1fr); }\n"
        "h1 { font-size: 1.5rem; margin: .4em 0 0; } .lead { margin: 0; }\n"
    )


def _embed(state: dict[str, Any]) -> str:
    """Return state as JSON that cannot end its script element; bytes as {"base64": ...}."""

    def encode(value: Any) -> dict[str, str]:
        if isinstance(value, bytes):
            return {"base64": base64.b64encode(value).decode("ascii")}
        raise TypeError(f"a widget's state holds {type(value).__name__}, which no page can keep")

    return json.dumps(state, default=encode, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
