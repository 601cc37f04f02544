"""A table of figures drawn as bars, in SVG, on the server.

pygal lays the bars out; its styles and scripts are left out, for the pages allow none: `console.css` gives the colours, light and
dark. What the chart says is in the table beside it, so a screen reader is told its title and where to read the rest.
"""

from __future__ import annotations

import sys

import pygal
from markupsafe import Markup
from pygal.etree import etree
from pygal.style import Style

from bot.rollout.sheets import Sheet

# pygal leaves a finder for its maps, of a kind that Python warns of at every import that follows: we draw no map.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

# More bars are not read; the table has them all.
MAX_BARS = 10
_WIDTH, _HEAD, _BAR = 760, 84, 30
_LABEL = 42
_KEPT = {"svg", "g", "rect", "text", "path", "line", "circle"}
_ATTRIBUTES = {
    "x",
    "y",
    "width",
    "height",
    "rx",
    "ry",
    "cx",
    "cy",
    "r",
    "d",
    "transform",
    "class",
    "viewBox",
    "text-anchor",
}
_STYLE = Style(
    font_family="sans-serif", label_font_size=13, major_label_font_size=13, value_font_size=13, legend_font_size=14
)


def draw(sheet: Sheet) -> Markup:
    """Return the chart of a sheet, nothing when it has no number to draw."""
    rows = [row for row in sheet.rows if any(isinstance(row[place], int) for place in sheet.bars)][:MAX_BARS]
    if not rows:
        return Markup()
    height = _HEAD + _BAR * len(rows) * len(sheet.bars)
    chart = pygal.HorizontalBar(
        style=_STYLE, css=(), js=(), no_prefix=True, width=_WIDTH, height=height, print_values=True, print_values_position="top",
        legend_at_bottom=True, show_y_guides=True, show_x_guides=False, margin=8, spacing=14, include_x_axis=True,
        value_formatter=lambda value: f"{value:.0f}",
    )  # fmt: skip
    # pygal draws from the bottom up.
    chart.x_labels = [_cut(str(row[0])) for row in reversed(rows)]
    for place in sheet.bars:
        chart.add(sheet.columns[place], [row[place] if isinstance(row[place], int) else None for row in reversed(rows)])
    tree = chart.render_tree()
    _strip(tree)
    tree.attrib.clear()
    name = f"graphique-{sheet.id}"
    tree.attrib.update(
        {"class": "chart", "viewBox": f"0 0 {_WIDTH} {height}", "role": "img", "aria-labelledby": f"{name}-t {name}-d"}
    )
    described = f"Barres : {', '.join(sheet.columns[place] for place in sheet.bars)}. Les nombres sont dans le tableau qui suit."
    for place, (tag, text) in enumerate((("title", sheet.title), ("desc", described))):
        told = etree.Element(tag)
        told.attrib["id"] = f"{name}-{tag[0]}"
        told.text = text
        tree.insert(place, told)
    return Markup(etree.tostring(tree, encoding="unicode"))  # noqa: S704 - every text in it was escaped as it was written


def _strip(node) -> None:
    """Keep shapes and words: no style, script, comment or handler."""
    for child in list(node):
        tag = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        if tag not in _KEPT or child.get("class") == "tooltip":
            node.remove(child)
            continue
        for name in list(child.attrib):
            if name not in _ATTRIBUTES:
                del child.attrib[name]
        _strip(child)


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
