"""Bring what people type to a common form: lower case, no accents, shorthand spelt out.

The result feeds the classifier, the recognisers and the search. It is never shown: the text as typed is kept.
"""

from __future__ import annotations

import re
import unicodedata

# Zero-width and bidirectional marks: invisible, they would split words or reverse what a reader sees.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SPACES = re.compile(r"[^\S\n]+")
_TOKEN = re.compile(r"[a-z0-9]+(?:[+@][a-z0-9]*)?|[?!]+")
_LONG_RUN = re.compile(r"(.)\1{2,}")
_ELISION = re.compile(r"\b(qu|jusqu|lorsqu|puisqu|[cdjlmnst])['’`´](?=\w)")

# One written habit a line; values are what the person means. Words that are also ordinary French stay out.
SHORTHAND: dict[str, str] = {
    "a+": "a plus tard", "abs": "absent", "adr": "adresse", "ajd": "aujourd hui", "alr": "alors", "ap": "apres",
    "apl": "appel", "aprem": "apres midi", "as": "as", "asap": "vite", "att": "attendez", "auj": "aujourd hui",
    "av": "avec", "ac": "avec", "avc": "avec", "avk": "avec", "bcp": "beaucoup", "bj": "bonjour", "bjr": "bonjour",
    "bsr": "bonsoir", "bloker": "bloque", "cad": "c est a dire", "cb": "combien", "cdt": "cahier de textes",
    "ces": "ces", "chai": "je sais", "chais": "je sais", "chepa": "je sais pas", "chui": "je suis",
    "chuis": "je suis", "clg": "college", "cmb": "combien", "cmt": "comment", "coman": "comment",
    "comen": "comment", "coment": "comment", "koment": "comment", "komen": "comment", "koman": "comment",
    "conect": "connecte", "conecte": "connecter", "conecter": "connecter", "connect": "connecter",
    "conection": "connexion", "connection": "connexion", "conexion": "connexion", "conexio": "connexion",
    "co": "connexion", "conte": "compte", "ct": "c etait", "dc": "donc", "ddm": "demain", "dsl": "desole",
    "ds": "dans", "dan": "dans", "dr": "de rien", "dvr": "devoir", "dvrs": "devoirs", "dev": "devoirs",
    "dwar": "devoir", "educo": "educonnect", "educonect": "educonnect", "educonnecte": "educonnect",
    "edu connect": "educonnect", "edt": "emploi du temps", "emplois": "emploi", "eske": "est ce que",
    "esk": "est ce que", "esq": "est ce que", "ensuit": "ensuite", "etb": "etablissement",
    "fau": "faut", "fo": "il faut", "fodra": "il faudra", "g": "j ai", "gt": "j etais", "gar": "gar",
    "grp": "groupe", "jai": "j ai", "jaie": "j ai", "jarive": "j arrive", "jariv": "j arrive",
    "jarrive": "j arrive", "jarrivepas": "j arrive pas", "jdois": "je dois", "jdoi": "je dois",
    "jfais": "je fais", "jfai": "je fais", "jpeu": "je peux", "jpeux": "je peux", "jsais": "je sais",
    "jsuis": "je suis", "jsui": "je suis", "jtrouve": "je trouve", "jve": "je veux", "jveu": "je veux",
    "jveux": "je veux", "jvx": "je veux", "jvoi": "je vois", "jvois": "je vois", "jvoudrai": "je voudrais",
    "jvoudrais": "je voudrais", "jpp": "je n en peux plus", "kan": "quand", "kand": "quand", "ke": "que",
    "kel": "quel", "kelk1": "quelqu un", "kelkun": "quelqu un", "qqn": "quelqu un", "qq1": "quelqu un",
    "qqun": "quelqu un", "ki": "qui", "kk": "coucou", "koi": "quoi", "kwa": "quoi", "lent": "l ent",
    "leint": "l ent", "lycee": "lycee", "ls": "les", "lé": "les", "mai": "mais", "maitres": "maitresse",
    "maj": "mise a jour", "mat": "maternelle", "mdp": "mot de passe", "mdpasse": "mot de passe",
    "mp": "message prive", "mpd": "mot de passe", "mdps": "mot de passe", "msg": "message", "msgs": "messages",
    "mesage": "message", "mesages": "messages", "mot2passe": "mot de passe", "motdepasse": "mot de passe",
    "mrc": "merci", "mrci": "merci", "mci": "merci", "narive": "n arrive", "narrive": "n arrive",
    "nn": "non", "nan": "non", "nop": "non", "nrv": "enerve", "nvl": "nouvelle", "nv": "nouveau", "nvo": "nouveau",
    "ok": "ok", "oki": "ok", "okay": "ok", "okok": "ok", "oubl": "oublie", "ou": "ou", "p": "pas", "pa": "pas",
    "paske": "parce que", "pcq": "parce que", "pck": "parce que", "pb": "probleme", "pbm": "probleme",
    "pblm": "probleme", "prob": "probleme", "pk": "pourquoi", "pkoi": "pourquoi", "pq": "pourquoi",
    "pr": "pour", "pour": "pour", "profs": "profs", "pj": "piece jointe", "pjs": "pieces jointes",
    "ptdr": "rire", "mdr": "rire", "lol": "rire", "pti": "petit", "qd": "quand", "ql": "quel", "qlq": "quelque",
    "qqch": "quelque chose", "qq": "quelque", "quil": "qu il", "rdv": "rendez vous", "rv": "rendez vous",
    "rep": "repond", "rien": "rien", "sa": "ca", "salu": "salut", "slt": "salut", "slm": "salam", "cc": "coucou",
    "snif": "triste", "stp": "s il te plait", "svp": "s il vous plait", "sil": "s il", "tel": "telephone",
    "tél": "telephone", "tfk": "que fais tu", "tjr": "toujours", "tjrs": "toujours", "tjs": "toujours",
    "tkt": "ne t inquiete pas", "tlm": "tout le monde", "tlmd": "tout le monde", "tt": "tout", "tte": "toute",
    "ttes": "toutes", "ts": "tous", "vou": "vous", "vs": "vous", "vrmt": "vraiment", "vrm": "vraiment",
    "w": "week", "we": "week end", "xq": "parce que", "ya": "il y a", "yapa": "il n y a pas", "ye": "je",
    "zap": "oublie", "2m1": "demain", "dem1": "demain", "aprè": "apres", "b1": "bien", "bi1": "bien",
    "r1": "rien", "qlqn": "quelqu un", "pls": "plusieurs", "pv": "proces verbal", "resa": "reservation",
    "info": "information", "infos": "informations", "doc": "document", "docs": "documents", "appli": "application",
    "app": "application", "ordi": "ordinateur", "visu": "visualiser", "visios": "visio", "dispo": "disponible",
    "perso": "personnel", "dirlo": "directeur", "dir": "direction", "instit": "enseignant",
}  # fmt: skip


def clean(text: str) -> str:
    """Remove what nobody sees (control, zero-width and direction marks) and squeeze the spaces; keep lines."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub(" ", _INVISIBLE.sub("", text))
    return "\n".join(_SPACES.sub(" ", line).strip() for line in text.split("\n")).strip()


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, elisions opened (« l'ENT » → « l ent »)."""
    text = unicodedata.normalize("NFKD", text.lower().replace("œ", "oe").replace("æ", "ae"))
    text = "".join(character for character in text if not unicodedata.combining(character))
    return _ELISION.sub(r"\1 ", text)


def tokens(text: str) -> list[str]:
    """Return the words of `text`, folded, in order; question and exclamation marks are kept as tokens."""
    return _TOKEN.findall(_LONG_RUN.sub(r"\1\1", fold(text)))


def normalise(text: str) -> str:
    """Return `text` folded, with shorthand spelt out: « jariv pa a me co » → « j arrive pas a me connexion »."""
    return " ".join(SHORTHAND.get(token, token) for token in tokens(text))
