"""Links of an article that cannot lead anywhere, by their form alone: nothing is asked of the network. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_MARKDOWN = re.compile(r"\[[^\]\n]*\]\(([^)\n]*)\)")
_ANGLED = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]*:[^>\n]*)>")
_BARE = re.compile(r"(?<![<(\w])(https?://[^\s<>()\[\]]*)", re.IGNORECASE)
_VARIABLE = re.compile(r"\{\w+\}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,}}|xn--[a-z0-9-]+)")
# What a telephone or a mail program opens: no address of a site, and good all the same.
_OTHERS = ("mailto:", "tel:", "sms:")


def find_broken_links(text: str) -> list[tuple[str, str]]:
    """Return the links whose form is wrong, each with what is wrong in it."""
    angled = _MARKDOWN.sub(" ", text)
    bare = _ANGLED.sub(" ", angled)
    found = [*_MARKDOWN.findall(text), *_ANGLED.findall(angled)]
    found += [address.rstrip(".,;:!?»’'\"*") for address in _BARE.findall(bare)]
    return [(address, fault) for address in dict.fromkeys(found) if (fault := _fault_of(address.strip()))]


def _fault_of(address: str) -> str:
    """Return what is wrong with an address, "" when nothing is. A variable stands for an address, or for a part of one."""
    if not address:
        return "l’adresse est vide"
    if address.startswith("{") or address.lower().startswith(_OTHERS):
        return ""
    try:
        parts = urlsplit(_VARIABLE.sub("x", address))
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "l’adresse est mal écrite"
    if parts.scheme not in ("http", "https"):
        return "l’adresse ne commence pas par https://"
    if re.search(r"\s", address):
        return "l’adresse contient une espace"
    if re.match(r"https?://\{", address, re.IGNORECASE):
        return ""
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:
        ascii_host = ""
    return "" if _DOMAIN.fullmatch(ascii_host) else "le nom du site n’existe pas sous cette forme"
