"""The decision, circumstance by circumstance: what was asked before, what was typed, what is decided."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue import decision as kinds
from bot.dialogue.decision import EXTRA_INTENTS, Context, Decision, Part, Ranking, Thresholds, decide
from bot.dialogue.state import FORM_STEPS, DialogueState
from bot.topics import PROFILES, load_topics

TOPICS = load_topics()
SURE = 0.95


def ranked(*pairs: tuple[str, float]) -> Ranking:
    return Ranking(pairs)


def decided(
    text: str,
    *pairs: tuple[str, float],
    profile: str | None = "parent",
    required: bool = False,
    choice=None,
    hint=None,
    **state,
) -> Decision:
    context = Context(profile, required, DialogueState(**state), choice, hint)
    return decide(ranked(*pairs), text, context, topics=TOPICS, thresholds=Thresholds())


def test_a_sure_topic_is_answered() -> None:
    found = decided("mot de passe perdu", ("connexion_mot_de_passe_oublie", SURE))
    assert (found.kind, found.topic) == (kinds.ANSWER, "connexion_mot_de_passe_oublie")


def test_a_topic_of_another_profile_is_understood_and_not_answered() -> None:
    found = decided("je veux créer un compte", ("admin_creer_compte", SURE))
    assert (found.kind, found.topic) == (kinds.OTHER_PROFILE, "admin_creer_compte")


def test_torn_between_topics_offers_them() -> None:
    found = decided("je n’arrive pas à entrer", ("connexion_erreur", 0.3), ("connexion_compte_bloque", 0.25))
    assert found.kind == kinds.CHOICES
    assert found.choices[:2] == ("connexion_erreur", "connexion_compte_bloque")


def test_an_offer_has_two_topics_at_least() -> None:
    found = decided("ça va pas", ("connexion_erreur", 0.46), ("technique_lenteur", 0.01))
    assert found.kind == kinds.CHOICES
    assert len(found.choices) >= 2


def test_lost_asks_the_search() -> None:
    assert decided("blabla", ("connexion_erreur", 0.1), ("cdt_viser", 0.05)).kind == kinds.SEARCH


def test_two_topics_in_one_message_answers_the_first_and_names_the_second() -> None:
    found = decided("mot de passe et cantine", ("connexion_mot_de_passe_oublie", 0.6), ("cantine_periscolaire", 0.35))
    assert (found.topic, found.second) == ("connexion_mot_de_passe_oublie", "cantine_periscolaire")


def test_an_urgent_topic_comes_before_a_likelier_one_when_it_is_likely_enough() -> None:
    found = decided("il me frappe", ("urgence_harcelement", 0.4), ("insulte", 0.35))
    assert (found.kind, found.topic) == (kinds.URGENT, "urgence_harcelement")


def test_words_that_sound_urgent_lower_the_bar() -> None:
    pairs = ("messagerie_signaler_contenu", 0.6), ("urgence_harcelement", 0.2)
    assert decided("il m’envoie des choses", *pairs).kind == kinds.ANSWER
    assert decided("il m’envoie des choses", *pairs, hint="urgence_harcelement").kind == kinds.URGENT


@pytest.mark.parametrize("step", FORM_STEPS)
def test_an_urgent_message_cuts_the_form_at_every_step(step: str) -> None:
    assert decided("j’ai envie de mourir", ("urgence_harcelement", SURE), asked=step).kind == kinds.URGENT


def test_an_urgent_message_comes_before_the_question_of_who_one_is() -> None:
    assert decided("ils me frappent", ("urgence_harcelement", SURE), profile=None, required=True).kind == kinds.URGENT


def test_a_thanks_after_a_question_does_not_end_the_conversation() -> None:
    found = decided("mot de passe du wifi de la maison merci", ("hors_sujet", SURE))
    assert (found.kind, found.topic) == (kinds.OUT_OF_SCOPE, "hors_sujet")


def test_a_new_question_with_thanks_is_served_when_help_was_just_given() -> None:
    found = decided("changer mon mot de passe merci", ("connexion_changer_mot_de_passe", SURE), asked="aide")
    assert (found.kind, found.topic) == (kinds.ANSWER, "connexion_changer_mot_de_passe")


def test_what_leaves_the_topic_open_is_answered_by_its_choices() -> None:
    found = decided("je n'arrive pas à me connecter", ("vague_connexion", SURE), ("connexion_erreur", 0.1))
    assert (found.kind, found.topic, found.command) == (
        kinds.CHOICES,
        "connexion_mot_de_passe_oublie",
        "vague_connexion",
    )
    assert found.choices == (
        "connexion_mot_de_passe_oublie", "connexion_identifiant_oublie", "connexion_compte_bloque", "connexion_erreur",
    )  # fmt: skip


def test_a_success_told_with_thanks_is_no_new_question() -> None:
    found = decided("C'est bon, j'ai reçu le lien, merci beaucoup !", ("connexion_adresse", SURE), asked="aide")
    assert (found.kind, found.topic) == (kinds.DIALOGUE, "remerciement")


def test_no_thanks_is_a_no() -> None:
    found = decided("non merci", ("remerciement", 0.6), ("nier", 0.3), asked="aide")
    assert found.kind != kinds.DIALOGUE


class TestProtection:
    """After an urgent message."""

    @pytest.mark.parametrize("text", ["je veux pas que mes parents sachent", "il faut que j’en parle ?", "météo ?"])
    def test_what_is_not_a_clear_question_stays_protected(self, text: str) -> None:
        found = decided(text, ("messagerie_ecrire", 0.6), protection="urgence_harcelement")
        assert found.kind == kinds.PROTECT

    def test_a_clear_question_is_served(self) -> None:
        found = decided("où sont mes devoirs", ("cdt_consulter_devoirs", SURE), protection="urgence_harcelement")
        assert found.kind == kinds.ANSWER

    def test_thanks_end_it_without_asking_whether_it_helped(self) -> None:
        found = decided("merci", ("remerciement", SURE), protection="urgence_harcelement")
        assert (found.kind, found.topic) == (kinds.DIALOGUE, "remerciement")

    def test_off_topic_is_never_said(self) -> None:
        found = decided("bla", ("hors_sujet", 0.7), protection="urgence_harcelement")
        assert found.kind == kinds.PROTECT

    def test_a_hacked_account_keeps_its_own_advice(self) -> None:
        found = decided("et après ?", ("hors_sujet", 0.2), protection="urgence_compte_pirate")
        assert found.kind == kinds.PROTECT_ACCOUNT


class TestForm:
    """While a request is being told."""

    @pytest.mark.parametrize("step", FORM_STEPS)
    @pytest.mark.parametrize("text", ["annuler", "laissez tomber", "je veux annuler la demande"])
    def test_cancel_is_honoured_at_every_step(self, step: str, text: str) -> None:
        found = decided(text, ("hors_sujet", 0.5), asked=step)
        assert (found.kind, found.command) == (kinds.FORM, kinds.DROP)

    def test_a_school_is_taken(self) -> None:
        found = decided("École Jean-Moulin, à Montreval", ("projet_calendrier_deploiement", 0.6), asked="ecole")
        assert (found.kind, found.command) == (kinds.FORM, kinds.SCHOOL)

    def test_a_question_at_the_school_is_answered_aside(self) -> None:
        found = decided("à quelle adresse est l’ENT ?", ("connexion_adresse", SURE), asked="ecole")
        assert (found.kind, found.topic, found.aside) == (kinds.ANSWER, "connexion_adresse", True)

    def test_every_message_is_the_problem_at_the_problem(self) -> None:
        found = decided("Mon compte montre une enfant inconnue", ("compte_rattacher_enfant", SURE), asked="probleme")
        assert (found.kind, found.command) == (kinds.FORM, kinds.PROBLEM)

    def test_a_question_openly_set_apart_is_answered_at_the_problem(self) -> None:
        found = decided("Attendez, comment changer mon mail ?", ("compte_modifier_coordonnees", SURE), asked="probleme")
        assert (found.kind, found.aside) == (kinds.ANSWER, True)

    @pytest.mark.parametrize(
        ("text", "command"),
        [
            ("oui", kinds.SEND),
            ("non", kinds.DROP),
            ("Non, n'envoyez pas", kinds.DROP),
            ("c’est depuis lundi", kinds.ADD),
        ],
    )
    def test_agreement(self, text: str, command: str) -> None:
        assert decided(text, ("affirmer", 0.5), asked="accord").command == command

    def test_the_name_of_a_school_is_not_taken_for_an_emergency(self) -> None:
        found = decided("Collège des Cèdres à Montbel", ("urgence_harcelement", 0.6), asked="ecole")
        assert (found.kind, found.command) == (kinds.FORM, kinds.SCHOOL)

    def test_distress_told_with_the_school_is_one(self) -> None:
        text = "au collège Les Cèdres on me frappe"
        found = decided(text, ("urgence_harcelement", 0.6), asked="ecole", hint="urgence_harcelement")
        assert found.kind == kinds.URGENT


@pytest.mark.parametrize("text", ["a", "%s %d {0}", "é ?", "1", "suıoʌǝp sǝl ʇuos no"])
def test_letters_alone_or_upside_down_are_not_understood(text: str) -> None:
    assert decided(text, ("insatisfaction", SURE)).kind == kinds.CLARIFY


def test_what_is_hardly_likely_is_no_second_try() -> None:
    found = decided(
        "devoirs", ("cdt_consulter_devoirs", 0.9), ("connexion_erreur", 0.02), ("compte_notifications", 0.001)
    )
    assert found.alternatives == ("connexion_erreur", *TOPICS["cdt_consulter_devoirs"].neighbours)[:3]


def test_where_nothing_else_is_likely_the_neighbours_that_may_be_read_of_are_left() -> None:
    found = decided("des messages sans destinataire", ("messagerie_destinataire_introuvable", SURE), profile="parent")
    assert found.alternatives == ("messagerie_ecrire",)


def test_one_plausible_topic_is_offered_beside_what_it_is_nearest_to() -> None:
    found = decided("du blog", ("blog_consulter", 0.45), ("connexion_erreur", 0.001))
    assert found.choices == ("blog_consulter", "rgpd_droit_image")


class TestHelped:
    """« Cela vous a-t-il aidé ? »"""

    def test_yes_is_taken(self) -> None:
        assert decided("oui", ("affirmer", SURE), asked="aide").topic == "affirmer"

    def test_no_tries_something_else_once(self) -> None:
        left = ("connexion_erreur", "connexion_compte_bloque")
        found = decided("non", ("nier", SURE), asked="aide", shown=("connexion_adresse",), alternatives=left)
        assert (found.kind, found.choices) == (kinds.SECOND_TRY, left)

    def test_the_same_article_is_never_shown_again(self) -> None:
        found = decided(
            "non", ("nier", SURE), asked="aide", shown=("connexion_erreur",), alternatives=("connexion_erreur", "visio")
        )
        assert (found.kind, found.choices) == (kinds.SECOND_TRY, ("visio",))

    def test_where_nothing_is_left_a_person_is_offered(self) -> None:
        found = decided("non", ("nier", SURE), asked="aide", shown=("visio",), alternatives=("visio",))
        assert found.kind == kinds.OFFER_PERSON

    def test_no_again_offers_a_person(self) -> None:
        found = decided("ça ne marche toujours pas", ("nier", SURE), asked="aide", refusals=1, alternatives=("visio",))
        assert found.kind == kinds.OFFER_PERSON

    @pytest.mark.parametrize("asked", ["choix", "personne"])
    def test_found_at_last_no_request_is_opened(self, asked: str) -> None:
        found = decided("ok c bon j’ai trouvé", ("affirmer", SURE), asked=asked, refusals=1, shown=("visio",))
        assert (found.kind, found.topic) == (kinds.DIALOGUE, "affirmer")

    def test_no_with_a_reason_is_still_no(self) -> None:
        found = decided(
            "Non, j’ai déjà essayé d’attendre le code suivant", ("connexion_double_authentification", SURE), asked="aide",
            profile="enseignant", shown=("connexion_double_authentification",), alternatives=("connexion_erreur", "visio"),
        )  # fmt: skip
        assert found.kind == kinds.SECOND_TRY

    def test_another_question_is_served(self) -> None:
        found = decided(
            "Et l’inscription à la cantine ?", ("cantine_periscolaire", SURE), asked="aide", shown=("visio",)
        )
        assert found.topic == "cantine_periscolaire"


class TestProfile:
    """A visitor whose profile is not known."""

    def test_it_is_asked_before_an_answer(self) -> None:
        found = decided("perdu mon identifiant", ("connexion_identifiant_oublie", SURE), profile=None, required=True)
        assert found.kind == kinds.ASK_PROFILE

    @pytest.mark.parametrize(
        ("text", "profile"),
        [
            ("je suis enseignante", "enseignant"), ("la maman de Léo", "parent"), ("élève en 5e", "eleve"),
            ("directrice", "directeur"), ("AESH", "personnel"), ("intervenant judo", "intervenant"),
        ],
    )  # fmt: skip
    def test_it_is_taken_in_words(self, text: str, profile: str) -> None:
        found = decided(text, ("indiquer_profil", 0.9), profile=None, required=True)
        assert (found.kind, found.profile) == (kinds.TAKE_PROFILE, profile)

    def test_a_question_told_with_it_is_kept(self) -> None:
        found = decided(
            "je suis parent et j’ai perdu mon mot de passe", ("connexion_mot_de_passe_oublie", SURE), profile=None,
            required=True,
        )  # fmt: skip
        assert (found.kind, found.profile, found.topic) == (
            kinds.TAKE_PROFILE, "parent", "connexion_mot_de_passe_oublie",
        )  # fmt: skip

    def test_a_person_is_given_without_asking(self) -> None:
        found = decided("je veux parler à quelqu’un", ("parler_humain", SURE), profile=None, required=True)
        assert (found.kind, found.command) == (kinds.FORM, kinds.OPEN)


@pytest.mark.parametrize("text", ["", "😀😀", "…", "?!", "，。"])
def test_a_message_without_words_is_not_guessed(text: str) -> None:
    assert decided(text, ("connexion_erreur", SURE)).kind in (kinds.CLARIFY, kinds.FOREIGN)


@pytest.mark.parametrize("text", ["مرحبا كيف أدخل", "як увійти в систему", "我忘记了密码"])
def test_another_alphabet_is_another_language(text: str) -> None:
    assert decided(text, ("connexion_erreur", SURE)).kind == kinds.FOREIGN


@pytest.mark.parametrize("text", ["annuler", "stop", "laissez tomber"])
def test_a_bare_cancel_without_a_request_says_that_nothing_is_on_the_way(text: str) -> None:
    assert decided(text, ("cantine_periscolaire", 0.5)).kind == kinds.DROPPED


def test_cancelling_something_else_is_a_question() -> None:
    assert decided("annuler le repas de lundi", ("cantine_periscolaire", SURE)).topic == "cantine_periscolaire"


def test_asking_whether_it_is_a_person_is_not_asking_for_one() -> None:
    assert decided("Je parle à une vraie personne ?", ("identite_bot", SURE)).topic == "identite_bot"


def test_insults_repeated_end_politely() -> None:
    assert decided("abruti", ("insulte", SURE), insults=2).kind == kinds.REPEATED_INSULT


@pytest.mark.parametrize("choice", ["sujet:rien", "profil:roi", "n’importe", "demande:", ":"])
def test_a_choice_that_means_nothing_breaks_nothing(choice: str) -> None:
    assert decided("x", choice=choice).kind in (kinds.CLARIFY, kinds.FORM)


INTENTS = [*(topic.id for topic in TOPICS), *EXTRA_INTENTS]
states = st.builds(
    DialogueState,
    asked=st.sampled_from([None, "aide", "profil", "choix", "personne", *FORM_STEPS]),
    offered=st.lists(st.sampled_from(INTENTS), max_size=4).map(tuple),
    shown=st.lists(st.sampled_from(INTENTS), max_size=3).map(tuple),
    alternatives=st.lists(st.sampled_from(INTENTS), max_size=3).map(tuple),
    refusals=st.integers(0, 3),
    protection=st.sampled_from([None, "urgence_harcelement", "urgence_compte_pirate"]),
    insults=st.integers(0, 4),
)


@given(
    text=st.text(max_size=200),
    weights=st.dictionaries(st.sampled_from(INTENTS), st.floats(0.001, 1), min_size=1, max_size=12),
    state=states,
    profile=st.sampled_from([None, *PROFILES]),
    required=st.booleans(),
    choice=st.none() | st.text(max_size=30),
)
def test_whatever_comes_one_decision_is_taken_and_travels(text, weights, state, profile, required, choice) -> None:
    total = sum(weights.values())
    ranking = Ranking(tuple(sorted(((name, w / total) for name, w in weights.items()), key=lambda pair: -pair[1])))
    found = decide(ranking, text, Context(profile, required and profile is None, state, choice), topics=TOPICS)
    assert Decision.from_json(found.to_json()) == found
    assert found.topic is None or found.topic in TOPICS
    if found.kind == kinds.ANSWER:
        assert not TOPICS[found.topic].is_dialogue
    if found.kind == kinds.CHOICES:
        assert 2 <= len(found.choices) <= 4
    if found.kind == kinds.SECOND_TRY:
        assert 1 <= len(found.choices) <= 3
    assert DialogueState.from_json(state.to_json()) == state


PASSWORD, MEAL, HOMEWORK = "connexion_mot_de_passe_oublie", "cantine_periscolaire", "cdt_consulter_devoirs"


class TestSentences:
    """A message of several sentences."""

    def said(self, whole: list[tuple[str, float]], *parts: tuple[str, str, float], profile: str = "parent") -> Decision:
        text = " ".join(part for part, *_ in parts)
        each = Part.of((part, [(topic, chance)]) for part, topic, chance in parts)
        context = Context(profile, False, DialogueState())
        return decide(ranked(*whole), text, context, topics=TOPICS, thresholds=Thresholds(), parts=each)

    @pytest.mark.parametrize("sure", [0.9, 0.3])
    def test_two_questions_answer_the_first_and_offer_the_second(self, sure: float) -> None:
        found = self.said(
            [(MEAL, sure), (PASSWORD, 0.05)], ("Comment changer un mot de passe ?", PASSWORD, SURE), ("Et où est le menu ?", MEAL, SURE)
        )  # fmt: skip
        assert (found.kind, found.topic, found.second) == (kinds.ANSWER, PASSWORD, MEAL)

    def test_a_story_before_the_point_is_offered_second(self) -> None:
        found = self.said(
            [(MEAL, 0.9), (PASSWORD, 0.05)], ("Hier il avait perdu son code.", PASSWORD, SURE), ("Où est le menu ?", MEAL, SURE)
        )  # fmt: skip
        assert (found.kind, found.topic, found.second) == (kinds.ANSWER, MEAL, PASSWORD)

    def test_an_unsure_whole_offers_what_its_sentences_are_sure_of(self) -> None:
        found = self.said(
            [(HOMEWORK, 0.3), (MEAL, 0.2), (PASSWORD, 0.2)], ("Son code est perdu.", PASSWORD, SURE), ("Le menu est vide.", MEAL, SURE)
        )  # fmt: skip
        assert (found.kind, found.choices) == (kinds.CHOICES, (PASSWORD, MEAL))

    def test_a_sentence_that_the_whole_rules_out_is_not_a_question(self) -> None:
        found = self.said(
            [(MEAL, 0.99), (PASSWORD, 0.0001)], ("Comment changer un code ?", PASSWORD, SURE), ("Où est le menu ?", MEAL, SURE)
        )  # fmt: skip
        assert (found.topic, found.second) == (MEAL, None)

    def test_another_subject_that_is_announced_is_never_ruled_out(self) -> None:
        found = self.said(
            [(MEAL, 0.99)], ("Son code est perdu", PASSWORD, SURE), ("sinon le menu est vide", MEAL, SURE)
        )
        assert (found.kind, found.topic, found.second) == (kinds.ANSWER, PASSWORD, MEAL)

    def test_a_message_out_of_scope_is_so_whatever_its_sentences_sound_like(self) -> None:
        found = self.said(
            [("hors_sujet", 0.6), (MEAL, 0.2), (PASSWORD, 0.1)], ("Son code est perdu.", PASSWORD, SURE), ("Le menu est vide.", MEAL, SURE)
        )  # fmt: skip
        assert found.kind == kinds.OUT_OF_SCOPE

    def test_what_is_not_for_the_person_is_not_a_second_question(self) -> None:
        found = self.said(
            [(MEAL, 0.7), ("admin_creer_compte", 0.2)], ("Comment créer un compte ?", "admin_creer_compte", SURE), ("Où est le menu ?", MEAL, SURE),
            profile="eleve",
        )  # fmt: skip
        assert found.topic == MEAL

    def test_an_emergency_in_one_sentence_wins(self) -> None:
        found = self.said(
            [(MEAL, 0.9), ("urgence_harcelement", 0.05)], ("Où est le menu ?", MEAL, SURE), ("On le frappe.", "urgence_harcelement", 0.92)
        )  # fmt: skip
        assert (found.kind, found.topic) == (kinds.URGENT, "urgence_harcelement")

    def test_a_sentence_out_of_its_message_must_be_surer_of_it(self) -> None:
        found = self.said(
            [(MEAL, 0.9)], ("Où est le menu ?", MEAL, SURE), ("On le frappe.", "urgence_harcelement", 0.8)
        )  # fmt: skip
        assert (found.kind, found.topic) == (kinds.ANSWER, MEAL)
