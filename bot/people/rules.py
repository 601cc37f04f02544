"""Schools and how to find one; roles, what each may do and where; how signing in slows down. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from rapidfuzz import fuzz, process

from bot.errors import InvalidField
from bot.language.normalise import normalise

# The last letter of a UAI is a check on its seven digits: I, O and Q are left out of the alphabet.
_UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_UAI = re.compile(r"\b(\d{7})\s?([A-Za-z])\b")
# Below this likeness (0–100) a school as typed is kept as typed, « à vérifier ».
_SURE = 88
# A second school this close to the first makes the match unsure.
_MARGIN = 4


class Named(Protocol):
    """What a school shows to whoever looks for it."""

    uai: str
    name: str
    commune: str


S = TypeVar("S", bound=Named)
G = TypeVar("G", bound="Held")


def is_uai(text: str) -> bool:
    """Tell whether `text` is a school code with the right check letter."""
    match = re.fullmatch(r"(\d{7})([A-Z])", text)
    return bool(match) and _UAI_LETTERS[int(match[1]) % 23] == match[2]


def wrong_uai(text: str) -> str | None:
    """Return the school code in `text` whose check letter is wrong: no school has it. None when there is none."""
    match = _UAI.search(text)
    uai = (match[1] + match[2]).upper() if match else ""
    return uai if uai and not is_uai(uai) else None


def find_school(text: str, schools: Iterable[S]) -> S | None:
    """Return the one school that `text` surely names, by code or by name and commune, typos allowed; else None."""
    schools = list(schools)
    match = _UAI.search(text)
    if match:
        uai = (match[1] + match[2]).upper()
        return next((school for school in schools if school.uai == uai), None)
    names = {index: normalise(f"{school.name} {school.commune}") for index, school in enumerate(schools)}
    found = process.extract(normalise(text), names, scorer=fuzz.token_sort_ratio, limit=2)
    if not found or found[0][1] < _SURE or (len(found) > 1 and found[0][1] - found[1][1] < _MARGIN):
        return None
    return schools[found[0][2]]


# --- roles and territories --------------------------------------------------------------------


class Role(StrEnum):
    """What an account is, on a territory."""

    REFERENT = "referent"
    AGENT_N2 = "agent_n2"
    AGENT_N3 = "agent_n3"
    FORMATEUR = "formateur"
    ADMINISTRATEUR = "administrateur"


class Scope(StrEnum):
    """How far a role reaches, from one school to everything."""

    ETABLISSEMENT = "etablissement"
    CIRCONSCRIPTION = "circonscription"
    DEPARTEMENT = "departement"
    ACADEMIE = "academie"
    TOUT = "tout"


class Permission(StrEnum):
    """All that a role may allow. `answer` is replying, noting, taking a conversation over and closing."""

    READ_TICKETS = "read_tickets"
    ANSWER_TICKETS = "answer_tickets"
    HANDLE_TICKETS = "handle_tickets"
    READ_CONTACTS = "read_contacts"
    MANAGE_INCIDENTS = "manage_incidents"
    KEEP_VIEWS = "keep_views"
    WRITE_CANNED = "write_canned"
    FOLLOW_EXCHANGES = "follow_exchanges"
    READ_INDICATORS = "read_indicators"
    WRITE_KNOWLEDGE = "write_knowledge"
    TRAIN_MODELS = "train_models"
    OVERRULE_MODELS = "overrule_models"
    MANAGE_WAVES = "manage_waves"
    CONFIGURE = "configure"
    MANAGE_ACCOUNTS = "manage_accounts"
    READ_AUDIT = "read_audit"


ROLE_NAMES: Mapping[Role, str] = {
    Role.REFERENT: "Référent",
    Role.AGENT_N2: "Agent de niveau 2",
    Role.AGENT_N3: "Agent de niveau 3",
    Role.FORMATEUR: "Formateur",
    Role.ADMINISTRATEUR: "Administrateur",
}
SCOPE_NAMES: Mapping[Scope, str] = {
    Scope.ETABLISSEMENT: "École ou établissement",
    Scope.CIRCONSCRIPTION: "Circonscription",
    Scope.DEPARTEMENT: "Département",
    Scope.ACADEMIE: "Académie",
    Scope.TOUT: "Tout",
}

_AGENT = frozenset(
    {Permission.READ_TICKETS, Permission.ANSWER_TICKETS, Permission.HANDLE_TICKETS, Permission.READ_CONTACTS,
     Permission.MANAGE_INCIDENTS, Permission.KEEP_VIEWS, Permission.WRITE_CANNED, Permission.FOLLOW_EXCHANGES,
     Permission.READ_INDICATORS}
)  # fmt: skip
# A référent answers and closes but handles no one's queue; contacts are for a ticket's agents alone. An administrator
# reads no one's request: he may give himself the role of an agent, and the audit log then says so.
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.REFERENT: frozenset(
        {
            Permission.READ_TICKETS,
            Permission.ANSWER_TICKETS,
            Permission.MANAGE_INCIDENTS,
            Permission.KEEP_VIEWS,
            Permission.READ_INDICATORS,
        }
    ),
    Role.AGENT_N2: _AGENT,
    Role.AGENT_N3: _AGENT,
    Role.FORMATEUR: frozenset(
        {Permission.WRITE_KNOWLEDGE, Permission.TRAIN_MODELS, Permission.MANAGE_WAVES, Permission.READ_INDICATORS}
    ),
    # Putting in service a model that the gate refused is his alone.
    Role.ADMINISTRATEUR: frozenset(
        {
            Permission.CONFIGURE,
            # Those that others shared: to remove them.
            Permission.KEEP_VIEWS,
            Permission.WRITE_CANNED,
            # Without the requests' words.
            Permission.FOLLOW_EXCHANGES,
            Permission.MANAGE_ACCOUNTS,
            Permission.READ_AUDIT,
            Permission.READ_INDICATORS,
            Permission.TRAIN_MODELS,
            Permission.OVERRULE_MODELS,
            Permission.MANAGE_WAVES,
        }
    ),
}


class Reaching(Protocol):
    """What holds for a territory: a role, an announcement."""

    scope: str
    territory: str


class Held(Reaching, Protocol):
    """A role on a territory, as stored."""

    role: str


class Placed(Protocol):
    """What a school shows of where it is."""

    uai: str
    circonscription: str | None
    departement: str | None
    academie: str | None


def covers(grant: Reaching, school: Placed) -> bool:
    """Tell whether `grant` reaches `school`: everything, the school itself, or a territory that contains it."""
    if grant.scope == Scope.TOUT:
        return True
    place = school.uai if grant.scope == Scope.ETABLISSEMENT else getattr(school, Scope(grant.scope))
    return bool(grant.territory) and place == grant.territory


def grants_for(grants: Iterable[G], permission: Permission) -> list[G]:
    """Return the grants that carry `permission`: where it holds is where they reach."""
    return [grant for grant in grants if permission in PERMISSIONS[Role(grant.role)]]


def may(grants: Iterable[Held], permission: Permission, school: Placed | None = None) -> bool:
    """Tell whether `grants` allow `permission`: somewhere, or on `school` when one is given."""
    carrying = grants_for(grants, permission)
    return any(school is None or covers(grant, school) for grant in carrying)


def check_grant(role: str, scope: str, territory: str) -> None:
    """Refuse, with a sentence, a grant that makes no sense; whether the territory exists is not known here."""
    if role not in ROLE_NAMES:
        raise InvalidField("role", "Choisissez un rôle dans la liste.")
    if scope not in SCOPE_NAMES:
        raise InvalidField("scope", "Choisissez une portée dans la liste.")
    # Whoever manages accounts could give himself any territory: a smaller one would only look like a limit.
    if role == Role.ADMINISTRATEUR and scope != Scope.TOUT:
        raise InvalidField("scope", "Un administrateur l’est pour tout : choisissez la portée « Tout ».")
    if bool(territory) == (scope == Scope.TOUT):
        raise InvalidField(
            "territory", "La portée « Tout » ne prend pas de territoire." if territory else "Indiquez le territoire."
        )


# --- accounts ---------------------------------------------------------------------------------

_EMAIL = re.compile(r"[^@\s\"<>(),;:\\]+@[^@\s\"<>(),;:\\]+\.[^@\s\"<>(),;:\\.]+")
MAX_LOGIN, MAX_NAME = 254, 120


def login_of(text: str) -> str:
    """Return the common form of an e-mail address: what makes two of them the same account."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def check_login(login: str) -> None:
    """Refuse what is not an e-mail address."""
    if len(login) > MAX_LOGIN or not _EMAIL.fullmatch(login) or not login.isprintable():
        raise InvalidField("login", "Donnez une adresse e-mail, par exemple prenom.nom@academie.fr.")


def search_form(text: str) -> str:
    """Return `text` without accents or capitals, as accounts are searched."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(sign for sign in bare if not unicodedata.combining(sign)).split())


# --- slowing down whoever guesses -------------------------------------------------------------


@dataclass(frozen=True)
class Slowdown:
    """After `free` failures, each further attempt waits: `first`, then twice as long each time, up to `longest`.

    Failures are forgotten when none came for `forget`.
    """

    free: int
    first: timedelta
    longest: timedelta
    forget: timedelta

    def wait(self, count: int, last_at: datetime, now: datetime) -> timedelta:
        """Return how long to wait still, after `count` failures, the last one at `last_at`."""
        if count < self.free:
            return timedelta(0)
        # The exponent is bounded: 2**20 minutes is already longer than any `longest`.
        delay = min(self.longest, self.first * 2 ** min(count - self.free, 20))
        return max(timedelta(0), last_at + delay - now)


# A quarter of an hour at most: who guesses gets four tries an hour, and nobody can be kept out for long by others.
ACCOUNT_SLOWDOWN = Slowdown(10, timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1))
# An address may stand for a whole académie: much is let through, then one attempt a minute.
ADDRESS_SLOWDOWN = Slowdown(100, timedelta(seconds=15), timedelta(minutes=1), timedelta(hours=1))


# --- identity providers -----------------------------------------------------------------------

# Why a sign-in at an identity provider was refused, as the audit log tells it.
REFUSALS: Mapping[str, str] = {
    "over": "connexion périmée, déjà revenue ou commencée dans un autre navigateur",
    "abandoned": "le fournisseur n’a pas confirmé l’identité",
    "unavailable": "le fournisseur n’a pas répondu",
    "invalid": "réponse du fournisseur non valable",
    "unverified": "adresse e-mail que le fournisseur n’a pas vérifiée",
    "unknown": "aucun compte à cette adresse e-mail",
    "disabled": "compte désactivé",
    "other_identity": "compte déjà lié à une autre identité",
}


# --- the audit log ----------------------------------------------------------------------------

# Each action that is written down, and its name in the log. A capability that adds one adds it here.
ACTIONS: Mapping[str, str] = {
    "sign_in": "Connexion",
    "sign_in_refused": "Connexion refusée",
    "sign_out": "Déconnexion",
    "identity_bound": "Identité liée à un compte",
    "identity_unbound": "Identité déliée d’un compte",
    "session_revoked": "Session fermée",
    "account_created": "Compte créé",
    "account_disabled": "Compte désactivé",
    "account_enabled": "Compte réactivé",
    "grant_given": "Rôle donné",
    "grant_withdrawn": "Rôle retiré",
    "password_changed": "Mot de passe changé",
    "password_link_made": "Lien de mot de passe créé",
    "ticket_handled": "Geste sur une demande",
    "delays_changed": "Délais modifiés",
    "calendar_changed": "Calendrier modifié",
    "incident_opened": "Incident ouvert",
    "incident_closed": "Incident terminé",
    "view_saved": "Vue de la file enregistrée",
    "view_changed": "Vue de la file modifiée",
    "view_removed": "Vue de la file retirée",
    "view_restored": "Vue de la file remise",
    "start_chosen": "Page d’accueil choisie",
    "canned_added": "Réponse type ajoutée",
    "canned_changed": "Réponse type modifiée",
    "canned_removed": "Réponse type retirée",
    "canned_restored": "Réponse type remise",
    "exchanges_replayed": "Envois refaits",
    "conversation_taken_over": "Conversation prise en main",
    "conversation_handed_back": "Conversation rendue à l’assistant",
    "group_added": "Groupe ajouté",
    "group_changed": "Groupe modifié",
    "group_removed": "Groupe retiré",
    "routing_changed": "Répartition modifiée",
    "school_added": "École ajoutée",
    "school_changed": "École modifiée",
    "schools_imported": "Écoles importées",
    "wave_added": "Vague ajoutée",
    "wave_changed": "Vague modifiée",
    "wave_moved": "État d’une vague changé",
    "wave_schools_placed": "Écoles inscrites dans une vague",
    "wave_school_removed": "École retirée d’une vague",
    "wave_closed": "Vague close",
    "wave_closing_undone": "Clôture d’une vague annulée",
    "model_asked": "Mise en service d’un modèle demandée",
    "model_served": "Modèle mis en service",
    "model_refused": "Modèle non mis en service",
    "training_asked": "Apprentissage lancé",
    "training_cancelled": "Apprentissage annulé",
    "training_scheduled": "Programme des apprentissages modifié",
    "model_overruled": "Refus d’un modèle levé",
    "draft_begun": "Brouillon d’article commencé",
    "draft_saved": "Brouillon d’article enregistré",
    "draft_proposed": "Brouillon d’article proposé",
    "draft_taken_back": "Brouillon d’article repris par son auteur",
    "draft_returned": "Brouillon d’article rendu à son auteur",
    "draft_dropped": "Brouillon d’article abandonné",
    "draft_scheduled": "Publication d’article prévue",
    "article_published": "Article publié",
    "article_restored": "Version d’article rétablie",
    "article_expiry_changed": "Fin de service d’article modifiée",
    "article_withdrawn": "Article retiré",
    "article_put_back": "Article remis en service",
    "topic_added": "Sujet ajouté",
    "messages_settled": "Messages rangés",
    "messages_back": "Rangement de messages annulé",
    "message_struck": "Mots masqués dans un message",
    "lesson_settled": "Demande résolue traitée pour un article",
}
