"""What Rasa needs written out from the topics' file: the rule that answers, one `or` of all its topics.

Rasa refuses a domain with `triggers`, so that a rule must name every intent; it is written here, never by hand.
"""

from __future__ import annotations

from pathlib import Path

from bot.errors import OperationError
from bot.topics import Topic, Topics

_HEAD = "# Written by `python -m bot rasa-files` from knowledge/topics.yml: change that file, not this one.\n"


def render_answer_rules(topics: Topics) -> str:
    """Return data/stories/repondre.yml: a rule for the topics that an article answers, one for the urgent ones."""
    calm = [topic for topic in topics.answerable if not topic.is_urgent]
    urgent = [topic for topic in topics.answerable if topic.is_urgent]
    return (
        _HEAD + 'version: "3.1"\n\nrules:\n'
        + _rule("répondre par l’article du sujet", calm, "utter_repondre")
        + "\n"
        + _rule("protéger avant tout", urgent, "utter_urgence")
    )  # fmt: skip


def _rule(name: str, topics: list[Topic], action: str) -> str:
    intents = "".join(f"          - intent: {topic.id}\n" for topic in topics)
    return f"  - rule: {name}\n    steps:\n      - or:\n{intents}      - action: {action}\n"


def write_rasa_files(root: Path, topics: Topics, *, check_only: bool = False) -> bool:
    """Write the generated file if it differs; return whether it did. OperationError when only checking."""
    path = root / "data" / "stories" / "repondre.yml"
    wanted = render_answer_rules(topics)
    if path.exists() and path.read_text(encoding="utf-8") == wanted:
        return False
    if check_only:
        raise OperationError("data/stories/repondre.yml ne suit pas les sujets : lancez « python -m bot rasa-files ».")
    path.write_text(wanted, encoding="utf-8")
    return True
