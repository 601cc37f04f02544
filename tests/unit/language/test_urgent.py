"""The recogniser of emergencies: what it must catch, what it must leave alone, and at what price."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.language import urgent
from bot.language.urgent import HACKED, HARASSMENT, UrgentSigns, recognise_urgent

NLU = Path(__file__).parents[3] / "data" / "nlu"

# Written for this test: none is an utterance of data/nlu (a test below holds that).
HARASSMENT_PHRASES = (
    "Depuis la rentrée, deux filles de sa classe s'en prennent à ma fille tous les midis",
    "Mon fils de CE1 rentre avec des bleus et refuse de dire qui lui a fait ça",
    "On m'a dit de me suicider sur le groupe de la classe",
    "ils arrete pas de me taper a la recre",
    "ma fille se fai arselé par des 4eme",
    "jai envi de mourrir",
    "Un élève de ma classe m'a confié que son père le bat",
    "Je veux plus vivre, personne m'aime",
    "mon fil a peur daller a lecole a cause d'un grand",
    "Il m'oblige à lui envoyer des photos de moi toute nue",
    "on me prend mon argent à la sortie du collège",
    "Un groupe Snapchat a été créé pour se moquer de ma fille",
    "Ils ont baissé le pantalon de mon fils dans la cour et tout le monde a filmé",
    "Ma fille se scarifie, je viens de le découvrir",
    "Un adulte inconnu demande à mon fils de 10 ans des vidéos de lui sous la douche",
    "le prof de sport ma touché les fesse",
    "Comment signaler un enfant maltraité par sa famille ?",
    "Je suis professeure et un élève m'a menacée de mort ce matin",
    "suissidé aide moi",
    "jme fai raketé tt les matin dans le bus",
    "Mon camarade a un couteau dans son sac",
    "Des élèves traitent mon fils de sale handicapé",
    "Ma mère me frappe avec une ceinture quand elle boit",
    "Ils m'ont enfermée dans le placard du gymnase",
    "une fille de 5e menace ma soeur de la frapper demain",
    "il m'a frappé à la porte du collège",
    "Mon beau-père vient dans ma chambre le soir et je dois rien dire à maman",
    "un garçon de ma classe a fait tourner une photo intime de moi",
    "Personne ne veut s'asseoir avec mon fils à la cantine et on lui jette de la nourriture",
    "on me pousse dans les escalier et tt le monde rigole",
    "Élève en danger à la maison, qui prévenir ?",
    "Je crois qu'un enfant de maternelle subit des attouchements",
    "jen peu plu de ce college jveu en finir",
    "Mon élève arrive affamé et sale chaque lundi, avec des marques au cou",
    "Papa tape maman et j'ai peur qu'il la tue",
    "Ils me suivent dans la rue après les cours et me crachent dessus",
    "une élève a parlé de se jeter sous un bus",
    "Le chauffeur du car a frappé mon garçon",
    "il ma dit jvai te planter si tu parle",
    "Un collègue me rabaisse sans cesse et je ne tiens plus",
    "Des messages racistes visent ma fille sur le groupe des 3e",
)
HACKED_PHRASES = (
    "Quelqu'un se connecte à mon compte sans que je le sache",
    "mon compte a etait hacké",
    "on ma pirater ma messagerie",
    "J'ai cliqué sur un lien bizarre et j'ai donné mon mot de passe",
    "Un mail soi-disant du collège me demande mes codes, est-ce normal ?",
    "Des messages ont été envoyés depuis mon compte alors que je n'ai rien fait",
    "un pote a mon mdp et il envoie des messages a ma place",
    "kelkun utilise mon conte pour ecrire des gros mot",
    "Mon ancien mari se sert de mon identifiant pour lire les messages de la maîtresse",
    "Ma fille a donné son code à une copine qui s'en sert pour insulter les autres",
    "arnaque sms educonnect",
    "Quelqu'un a changé mon mot de passe sans me prévenir",
    "Un élève s'est connecté avec les identifiants d'un professeur et a modifié les notes",
    "J'ai reçu un faux message de l'académie qui demande de confirmer mon compte",
    "usurpation d'identité sur l'ENT",
    "jai mi mon code sur un faux site",
    "Un camarade s'est fait passer pour moi auprès du prof",
    "mon frère a regardé mon mot de passe et maintenant il lit tout",
    "Tous mes contacts reçoivent un lien frauduleux depuis mon compte",
    "je crois que kk1 va sur ma session quand jsuis pas la",
)
HARMLESS_PHRASES = (
    "votre robot est nul, autant aller frapper à la porte de la directrice",
    "Je dois préparer une affiche contre le harcèlement pour vendredi",
    "Où est le règlement intérieur sur les violences ?",
    "Je ne suis pas harcelé, je fais juste un exposé",
    "mdr jsui mort de rire avec ce prof",
    "C'est quoi la définition du mot menace",
    "Comment tuer le temps pendant les vacances ?",
    "Le prof de maths est malade, il y a cours ?",
    "Mon compte n'est pas piraté, j'ai seulement oublié mon mot de passe",
    "Je tape mon mot de passe et rien ne se passe",
    "L'application me harcèle de notifications",
    "Y a-t-il une formation sur la lutte contre le harcèlement ?",
    "jveu mourir ya encore 2h de maths mdr",
    "Mon fils veut changer son mot de passe par précaution",
    "Ma fille a partagé son document avec la classe",
    "Quelqu'un peut m'aider à me connecter ?",
    "Je n'arrive pas à ouvrir la pièce jointe du mail de la maîtresse",
    "Mon mari et moi voulons chacun un accès",
    "Le site me demande mon code, où le trouver ?",
    "Mon enfant est malade et ne viendra pas à l'école demain",
    "On tape quoi dans la barre d'adresse ?",
    "La page s'affiche bizarrement sur mon téléphone",
    "Un élève a oublié son mot de passe, comment le réinitialiser ?",
    "J'ai peur de me tromper en remplissant le cahier de textes",
    "Ma fille pleure parce qu'elle n'arrive pas à rendre son devoir en ligne",
    "Le roman parle d'un enfant battu, je cherche un résumé",
    "Comment battre le boss de fin dans Zelda",
    "Quand a lieu la journée contre le harcèlement ?",
    "Mon ordinateur est mort, puis-je utiliser la tablette ?",
    "Je me bats avec votre site depuis une heure",
    "Votre site est à se tirer une balle",
    "Comment partager une vidéo de la fête avec les parents ?",
    "On m'a envoyé un code par courrier mais je l'ai perdu",
    "Je veux supprimer le compte d'un élève parti",
    "J'ai changé de téléphone et je ne reçois plus le code",
    "Mon compte est bloqué après trop d'essais",
    "Le message d'erreur dit identifiant inconnu",
    "Ma collègue me remplace, comment lui donner un accès ?",
    "Comment bloquer les messages grossiers des élèves dans la messagerie ?",
    "Je voudrais écrire à la CPE",
    "Un parent n'a jamais reçu ses identifiants",
    "La cour de récréation sera fermée pour travaux",
    "Je cherche la vidéo de sensibilisation au cyberharcèlement pour ma classe",
    "Faites-moi un quiz sur les dangers d'internet",
    "Comment dire à la maîtresse que mon fils a mal au ventre aujourd'hui",
    "Le livret affiche un bulletin vide",
    "Ce logiciel me tue",
    "La connexion coupe sans arrêt",
    "Mon garçon veut jouer au foot, où s'inscrire à l'association sportive ?",
    "J'en ai marre de ce site qui plante",
    "Est-ce que l'ENT protège contre le piratage ?",
    "Quel est le lien officiel pour EduConnect ?",
    "Je ne reçois pas les mails de l'école",
    "J'ai donné mon adresse mail à l'école mais elle est fausse dans mon profil",
    "mon frere a plus acces a son compte il a oublié le code",
    "Il faut deux photos d'identité pour le dossier",
    "Qui a accès aux données de mon enfant ?",
    "tro la haine jai perdu mon match",
    "Un élève arrive demain, comment créer son compte ?",
    "Je voudrais que les parents puissent lire les documents partagés",
    "Peut-on déposer une vidéo sur la Seconde Guerre mondiale ?",
)

# What the recogniser is held to on data/nlu, where new utterances keep coming: a little below what is aimed at (recall
# 0.95 and 0.6, false alarms 1 % and 0.1 %), so that a handful of new voices does not stop somebody else's work.
# On writers whom it never saw its recall is 0.58 to 0.65: the reader, which learnt from them, completes it in the web
# process (docs/understanding.md, § Without Rasa).
WORDS_WRITTEN_FOR = ("a", "b")
RECALL_FLOOR = 0.90
CERTAIN_RECALL_FLOOR = 0.58
FALSE_ALARMS_CEILING = 0.012
CERTAIN_FALSE_ALARMS_CEILING = 0.0015
LOOK_ALIKES_CEILING = 0.10


def _utterances() -> Iterator[tuple[str, str, str]]:
    """Yield (file, intent, utterance) for what two of the writers wrote; the others' words are the reader's to recognise."""
    for path in sorted(NLU.glob("*/*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            if entry["metadata"]["main"] not in WORDS_WRITTEN_FOR:
                continue
            for line in entry.get("examples", "").splitlines():
                if line.startswith("- "):
                    yield path.name, entry.get("intent", ""), line[2:].strip()


@pytest.fixture(scope="module")
def read_data() -> list[tuple[str, str, UrgentSigns]]:
    return [(file, intent, recognise_urgent(text)) for file, intent, text in _utterances()]


@pytest.mark.parametrize("phrase", HARASSMENT_PHRASES)
def test_harassment_told_in_any_spelling_is_recognised(phrase: str) -> None:
    assert recognise_urgent(phrase).topic == HARASSMENT


@pytest.mark.parametrize("phrase", HACKED_PHRASES)
def test_a_hacked_account_told_in_any_spelling_is_recognised(phrase: str) -> None:
    assert recognise_urgent(phrase).topic == HACKED


@pytest.mark.parametrize("phrase", HARMLESS_PHRASES)
def test_what_only_looks_urgent_is_left_alone(phrase: str) -> None:
    assert recognise_urgent(phrase) == UrgentSigns()


@pytest.mark.parametrize(
    ("phrase", "topic"),
    [
        ("Je suis harcelé", HARASSMENT),
        ("je veux mourir", HARASSMENT),
        ("on me frappe", HARASSMENT),
        ("Mon père m'a violée", HARASSMENT),
        ("arselement que fair", HARASSMENT),
        ("il me menasse de mort", HARASSMENT),
        ("Ils ont dit qu'ils vont me casser la gueule demain", HARASSMENT),
        ("Mon compte a été piraté", HACKED),
        ("jme suis fai pirater", HACKED),
        ("Quelqu'un est entré dans mon compte", HACKED),
    ],
)
def test_plain_words_need_no_engine(phrase: str, topic: str) -> None:
    signs = recognise_urgent(phrase)

    assert (signs.topic, signs.certain) == (topic, True)


@pytest.mark.parametrize(
    "phrase",
    [
        "je ne suis pas harcelé",
        "il n'a jamais été frappé",
        "mon compte n'est pas piraté",
        "il n'y a plus de menaces",
        "ce n'est pas du harcèlement",
    ],
)
def test_what_is_denied_is_not_urgent(phrase: str) -> None:
    assert recognise_urgent(phrase).topic is None


@pytest.mark.parametrize(
    "phrase", ["il arrête pas de me frapper", "ils n'arrêtent pas de m'insulter", "je n'en peux plus d'être harcelée"]
)
def test_a_negation_that_denies_nothing_hides_nothing(phrase: str) -> None:
    assert recognise_urgent(phrase).topic == HARASSMENT


def test_distress_at_the_end_of_a_long_message_is_seen() -> None:
    signs = recognise_urgent("Bonjour, je voudrais voir les devoirs. " * 1000 + "On me frappe tous les jours.")

    assert signs.topic == HARASSMENT


def test_a_lesson_makes_a_personal_account_a_hint_and_not_nothing() -> None:
    signs = recognise_urgent("Depuis mon exposé, des élèves me frappent")

    assert (signs.topic, signs.certain) == (HARASSMENT, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "\x00\x01\x02",
        "😀" * 50,
        "👍",
        "؟مرحبا",
        "\u202eabc\u202c",
        "\u200b",
        "?!…",
        "<b></b>",
        "/restart",
    ],
)
def test_what_is_not_a_sentence_says_nothing(text: str) -> None:
    assert recognise_urgent(text) == UrgentSigns()


def test_marks_that_nobody_sees_do_not_hide_the_words() -> None:
    assert recognise_urgent("on me fr\u200bappe 😭\x00 tous les\tjours").topic == HARASSMENT


def test_signs_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        UrgentSigns().topic = HACKED  # type: ignore[misc]


def test_reasons_never_repeat_the_words_of_the_message() -> None:
    signs = recognise_urgent("Zacharie Montclair frappe ma fille à Villedaigne")

    assert signs.reasons
    assert not any(
        word in reason.lower() for reason in signs.reasons for word in ("zacharie", "montclair", "villedaigne")
    )


def test_nothing_here_was_copied_from_the_training_data() -> None:
    known = {text.casefold() for _, _, text in _utterances()}

    assert not known.intersection(map(str.casefold, HARASSMENT_PHRASES + HACKED_PHRASES + HARMLESS_PHRASES))


def test_urgent_utterances_are_caught_without_the_engine(read_data: list[tuple[str, str, UrgentSigns]]) -> None:
    signs = [signs for _, intent, signs in read_data if intent in (HARASSMENT, HACKED)]

    assert sum(each.topic is not None for each in signs) / len(signs) >= RECALL_FLOOR
    assert sum(each.certain for each in signs) / len(signs) >= CERTAIN_RECALL_FLOOR


def test_the_topic_is_the_right_one(read_data: list[tuple[str, str, UrgentSigns]]) -> None:
    caught = [(intent, signs) for _, intent, signs in read_data if intent in (HARASSMENT, HACKED) and signs.topic]

    assert sum(signs.topic == intent for intent, signs in caught) / len(caught) >= 0.95


def test_other_utterances_rarely_raise_an_alarm(read_data: list[tuple[str, str, UrgentSigns]]) -> None:
    signs = [signs for _, intent, signs in read_data if intent not in (HARASSMENT, HACKED)]

    assert sum(each.topic is not None for each in signs) / len(signs) <= FALSE_ALARMS_CEILING
    assert sum(each.certain for each in signs) / len(signs) <= CERTAIN_FALSE_ALARMS_CEILING


def test_look_alikes_mostly_pass(read_data: list[tuple[str, str, UrgentSigns]]) -> None:
    signs = [signs for file, _, signs in read_data if file == "ressemblances.yml"]

    assert sum(each.topic is not None for each in signs) / len(signs) <= LOOK_ALIKES_CEILING


def test_a_message_takes_well_under_a_few_milliseconds() -> None:
    phrases = (HARASSMENT_PHRASES + HACKED_PHRASES + HARMLESS_PHRASES) * 5
    begun = time.process_time()
    for phrase in phrases:
        recognise_urgent(phrase)

    # About 0.15 ms on the machine where it was written; the bound allows for a slow and busy one.
    assert (time.process_time() - begun) / len(phrases) < 0.003


@pytest.mark.parametrize(
    "piece",
    [
        "on me frappe ",
        "a",
        "a ",
        "je ne ",
        "je n ai pas ",
        "que je n'ai jamais ",
        "mon code ",
        "ils me ",
        "é",
        "!",
        "12 ",
        "d'",
    ],
)
@pytest.mark.parametrize("length", [20_000, 500_000])
def test_time_stays_bounded_on_very_long_messages(piece: str, length: int) -> None:
    text = (piece * (length // len(piece) + 1))[:length]
    begun = time.process_time()
    recognise_urgent(text)

    assert time.process_time() - begun < 1


def test_no_rule_waits_for_a_word_that_the_lexicon_takes_away() -> None:
    dead = {
        (rule.name, word)
        for rule in urgent._RULES
        for need in rule.needs
        for word in need - urgent._CONCEPTS
        if urgent._concept([word], 0)[0] != word
    }

    assert not dead
