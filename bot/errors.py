"""Every exception that AssistENT raises on purpose.

AssistentError
├── SettingsError              a setting is missing or wrong: the process refuses to start
├── OperationError             a step of set-up, training or start cannot be done
├── KnowledgeError             an article, a variable or a topic is not as the schema wants it
├── ModelError                 the trained model cannot be read
├── InvalidInput               what was sent cannot be taken
│   ├── InvalidField
│   ├── UnsupportedType
│   ├── TooLarge
│   ├── ImageRefused           not an image that is taken, or one that cannot be read
│   ├── UnknownChoice
│   └── UnknownProfile
├── Unauthenticated            nobody, or somebody whose proof is not good
│   └── IdentityRefused        an identity provider answered badly, or for somebody who has no account here
├── Forbidden                  somebody, but not for this
├── NotFound
├── Conflict                   the state of the thing does not allow it
├── RateLimited                too many requests, with the delay to wait
├── StorageUnavailable         the database is locked, absent or full
├── ToolError                  another team's tool did not do what it was asked
│   ├── ToolUnavailable        out, late or failing: worth asking again
│   └── ToolRefused            it understood and said no: asking again would not help
└── EngineError                the Rasa engine did not give a usable answer
    ├── EngineTimeout
    └── EngineUnavailable

`code` is stable and part of the chat API; the message is a French sentence that a person may read.
"""


class AssistentError(Exception):
    """Anything that AssistENT refuses or cannot do."""

    code = "erreur"
    sentence = "Une erreur est survenue. Réessayez dans un instant."

    def __init__(self, sentence: str | None = None) -> None:
        self.sentence = sentence or type(self).sentence
        super().__init__(self.sentence)


class SettingsError(AssistentError):
    """A setting is missing or wrong."""

    code = "configuration_invalide"


class OperationError(AssistentError):
    """A step of set-up, training or start cannot be done; the sentence says what to do."""

    code = "operation_impossible"


class KnowledgeError(AssistentError):
    """A file of the knowledge base is not as its schema wants it."""

    code = "connaissance_invalide"


class ModelError(AssistentError):
    """The trained model is missing a part, cut or misshapen."""

    code = "modele_illisible"


class InvalidInput(AssistentError):
    """What was sent cannot be taken."""

    code = "requete_invalide"
    sentence = "La demande n’est pas lisible. Rechargez la page et recommencez."


class InvalidField(InvalidInput):
    """One field of a form cannot be taken; `field` names it."""

    code = "champ_refuse"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class TooLarge(InvalidInput):
    """What was sent is over the size that is read."""

    code = "trop_long"
    sentence = "Votre message est trop long. Envoyez au plus 20 000 caractères."


class UnsupportedType(InvalidInput):
    """The body is not JSON."""

    code = "type_refuse"
    sentence = "Le corps de la requête doit être du JSON (Content-Type: application/json)."


class ImageRefused(InvalidInput):
    """What was joined is not an image that is taken, or cannot be read; the sentence says what to do."""

    code = "image_refusee"


class UnknownChoice(InvalidInput):
    """A button's value that was not offered in this conversation."""

    code = "choix_inconnu"
    sentence = "Ce choix n’est plus proposé. Écrivez votre question."


class UnknownProfile(InvalidInput):
    """A profile that is not one of the six."""

    code = "profil_inconnu"
    sentence = "Ce profil n’existe pas."


class Unauthenticated(AssistentError):
    """No token, or one that is wrong, expired or already used."""

    code = "non_authentifie"
    sentence = "Votre session n’est plus valable. Rouvrez l’assistant."


class IdentityRefused(Unauthenticated):
    """Signing in at an identity provider did not end well; `reason` is one of `people.rules.REFUSALS`."""

    sentence = "La connexion n’a pas abouti. Recommencez."

    def __init__(self, reason: str, sentence: str | None = None) -> None:
        super().__init__(sentence)
        self.reason = reason


class Forbidden(AssistentError):
    """The person is known but may not do this."""

    code = "interdit"
    sentence = "Vous n’avez pas accès à cette page."


class NotFound(AssistentError):
    """What was asked for does not exist, or not for this person."""

    code = "introuvable"
    sentence = "Ce que vous cherchez n’existe pas ou n’est pas à vous."


class Conflict(AssistentError):
    """The state of the thing does not allow what was asked."""

    code = "conflit"
    sentence = "Cela n’est plus possible dans l’état actuel."


class RateLimited(AssistentError):
    """Too many requests; `retry_after` is in seconds, rounded up."""

    code = "trop_de_messages"
    sentence = "Vous allez un peu vite. Attendez quelques instants, puis réessayez."

    def __init__(self, retry_after: int, sentence: str | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = max(1, retry_after)


class StorageUnavailable(AssistentError):
    """The database is locked, absent or full: nothing was half-written."""

    code = "stockage_indisponible"
    sentence = "L’assistant ne peut pas enregistrer votre message pour le moment. Renvoyez-le dans un instant."
    retry_after = 2


class ToolError(AssistentError):
    """Another team's tool did not do what it was asked; the sentence is read by agents."""

    code = "outil_indisponible"


class ToolUnavailable(ToolError):
    """It is out, late or failing: it is asked again later."""

    code = "outil_en_panne"


class ToolRefused(ToolError):
    """It understood and said no: asking again would not help."""

    code = "outil_refuse"


class EngineError(AssistentError):
    """The Rasa engine gave no usable answer."""

    code = "moteur_indisponible"


class EngineTimeout(EngineError):
    """The engine did not answer in time."""

    code = "moteur_lent"


class EngineUnavailable(EngineError):
    """The engine is not there, or answered with an error."""
