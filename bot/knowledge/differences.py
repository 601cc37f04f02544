"""What two texts have different, line by line. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

ADDED, REMOVED, SAME, SKIPPED = "ajout", "retrait", "commun", "saut"
# Lines shown around each difference.
_AROUND = 2


@dataclass(frozen=True)
class Line:
    """A line that was added, removed or left, or (SKIPPED) lines left out that are the same."""

    kind: str
    text: str = ""


def compare(before: str, after: str) -> list[Line]:
    """Return the lines that differ with a few around them; nothing when the texts are the same."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_AROUND):
        if lines or group[0][1]:
            lines.append(Line(SKIPPED))
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                lines += [Line(SAME, text) for text in old[start:end]]
            else:
                lines += [Line(REMOVED, text) for text in old[start:end]]
                lines += [Line(ADDED, text) for text in new[new_start:new_end]]
    return lines
