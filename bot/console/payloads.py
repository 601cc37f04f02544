"""What the console's forms hold and how a few things are told: plain text in, plain text out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlsplit

from bot.escalation.rules import PARIS
from bot.people.rules import REFUSALS, ROLE_NAMES, SCOPE_NAMES

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip
# What the audit log's details are called, and those of their values that have a name.
_DETAILS = {
    "address": "adresse",
    "provider": "fournisseur d’identité",
    "reason": "motif",
    "login": "adresse e-mail",
    "role": "rôle",
    "scope": "portée",
    "territory": "territoire",
    "before": "avant",
    "after": "après",
    "name": "nom",
    "level": "niveau",
    "degree": "degré",
    "departement": "département",
    "academie": "académie",
    "new": "nouvelles",
    "changed": "modifiées",
    "same": "inchangées",
    "refused": "refusées",
    "file": "fichier",
    "finished": "demandes terminées",
    "topic": "sujet",
    "theme": "thème",
    "profile": "profil",
    "group": "groupe",
    "gesture": "geste",
    "count": "nombre",
    "to": "à",
    "starts_on": "ouverture",
    "ends_on": "fin",
    "state": "état",
    "added": "inscrites",
    "moved": "déplacées",
    "opened": "ouvre",
    "uai": "UAI",
    "draft": "brouillon",
    "version": "version",
    "when": "date",
    "messages": "messages",
}
_VALUES = {**ROLE_NAMES, **SCOPE_NAMES, **REFUSALS}


def clean_field(text: str) -> str:
    """Return `text` composed (NFC), its ends of line alike, without what no keyboard types and no database takes."""
    return unicodedata.normalize("NFC", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def local_path(text: str, *prefixes: str) -> str:
    """Return `text` if it is a path of ours below one of `prefixes`, else the first of them: nobody is led elsewhere."""
    home = f"{prefixes[0]}/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return home
    inside = text.startswith(tuple(f"{prefix}/" for prefix in prefixes)) and not parts.scheme and not parts.netloc
    return text if inside and text.isprintable() and "\\" not in text else home


def describe_browser(agent: str) -> str:
    """Return « Firefox, Linux » for a User-Agent, as much of it as is known."""
    known = [next((name for mark, name in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return ", ".join(part for part in known if part) or "Navigateur inconnu"


def describe_details(details: Mapping[str, object]) -> str:
    """Return the details of an entry of the audit log as a person reads them."""
    told = {_DETAILS.get(name, name): _describe_value(value) for name, value in details.items() if value != ""}
    return ", ".join(f"{name} : {value}" for name, value in told.items())


def _describe_value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({describe_details(value)})"
    if isinstance(value, list):
        return " ; ".join(map(_describe_value, value)) or "rien"
    return "rien" if value is None else str(_VALUES.get(value, value))


def read_day(text: str) -> date | None:
    """Return the day that a date field holds, None when it holds none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def start_of(day: date | None, *, days_later: int = 0) -> datetime | None:
    """Return the instant when a day begins in Paris, some days later if asked; None when no database has such an instant."""
    try:
        return day and datetime.combine(day + timedelta(days=days_later), time(), PARIS).astimezone(UTC)
    except OverflowError:
        return None
