"""Recognise harassment, distress and hacked accounts by their words, in the web process, on every message.

A message becomes a string of concepts (« kelkun ma tapé » → « SOMEONE ma TAP »), in which short rules look for
combinations: who, what, to whom. No model and no list of sentences: what must hold is other people's words, spelt
their own way. The engine's classifier completes it; when the engine is dead, this alone decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.language.normalise import normalise

HARASSMENT = "urgence_harcelement"
HACKED = "urgence_compte_pirate"

# A longer text is read at both ends: distress is told at the start or at the very end, and time stays bounded.
_READ_EACH_END = 5_000


@dataclass(frozen=True)
class UrgentSigns:
    """What the words of a message say of an emergency.

    `certain`: shown at once, without the engine. A topic that is not certain is a hint: the engine decides, with a
    lowered threshold; without the engine the message is treated as urgent. `reasons`: the rules that matched, never
    the words of the message, so that they may be logged.
    """

    topic: str | None = None
    certain: bool = False
    reasons: tuple[str, ...] = ()


# --- spelling ------------------------------------------------------------------------------------------------------

# Typed shorthand that matters here and that the shared list leaves alone (there it would be ambiguous), and words
# that would be heard as another one (« parent » as « par », « mais » as « mes »).
_SHORT = {
    "jme": "je me", "jmen": "je m en", "jm": "je m", "jen": "j en", "jve": "je veux", "jvai": "je vais", "jvais": "je vais",
    "jfe": "je fais", "jpeut": "je peux", "jete": "j etais", "jna": "je n ai", "kil": "qu il", "kils": "qu ils", "kel": "qu elle",
    "kon": "qu on", "kk1": "quelqu un", "di": "dit", "dise": "disent", "fe": "fait", "fai": "fait", "ve": "veut", "mn": "mon",
    "tlj": "tous les jours", "jr": "jour", "jrs": "jours", "lecol": "l ecole", "lecole": "l ecole", "decole": "d ecole",
    "mtn": "maintenant", "garson": "garcon", "garsons": "garcons", "mo": "mot", "pass": "passe", "comte": "compte", "otre": "autre",
    "lai": "l ai", "tro": "trop", "y": "ils", "6de": "cide", "sui6de": "suicide", "cest": "c est", "mais": "or", "ya": "il y a",
    "parent": "parents", "argent": "argents", "manje": "mange", "jle": "je le", "jlai": "je l ai", "jtai": "je t ai",
}  # fmt: skip

# What is heard, not what is written: each line feeds the next one.
_SOUNDS = tuple(
    (re.compile(pattern), heard)
    for pattern, heard in (
        (r"(?<=gar)c(?=on)|(?<=men[ae])c(?=a)|(?<=ame)c(?=on)", "s"), (r"ph", "f"), (r"qu|ck|q", "k"), (r"s?c(?=[eiy])", "s"),
        (r"c(?!h)", "k"), (r"(?<![cs])h", ""), (r"y", "i"), (r"gu(?=[ei])", "g"), (r"g(?=[ei])", "j"), (r"z", "s"), (r"e?au", "o"),
        (r"[ae]in\b", "in"), (r"[ae]i(?=[^nlaeiou])", "e"), (r"en(?!t?\b)", "an"), (r"([a-z])\1", r"\1"),
        (r"(?<=[a-z]{3})(?:e(?:nt|s|r|z|t)?|[stxzd])\b", ""),
    )
)  # fmt: skip


def _sound(text: str) -> str:
    """Return `text` as it is heard, silent endings dropped: « menasse », « menacé » → « menas »."""
    text = " ".join(_SHORT.get(word, word) for word in normalise(text).split())
    for pattern, heard in _SOUNDS:
        text = pattern.sub(heard, text)
    return text


# --- words ---------------------------------------------------------------------------------------------------------

# Concept → words: « x* » with any ending, « a_b » in a row. A word belongs to one concept, the first that names it.
_WORDS = {
    # People
    "OWN": "mon_fils ma_fille mes_filles mon_enfant mes_enfants mon_garcon mon_petit ma_petite mon_gamin ma_gamine mon_ado mon_aine ma_cadette mon_cadet"
    " mon_neveu ma_niece mon_petit_fils ma_petite_fille ma_petite_soeur mon_petit_frere mon_gosse ma_belle_fille mon_beau_fils fils",
    "SOMEONE": "quelqu_un inconnu inconnue inconnus des_gens personne_etrangere intrus escroc* individu je_sais_pas_qui on_ne_sait_qui pirate_informatique",
    "PEER": "fille filles enfant enfants garcon garcons gamin gamine gamins gosse gosses ados adolescent* eleve eleves camarade camarades copain copine copains"
    " copines copin ami amie amis amies pote potes gars mec mecs meuf meufs frere soeur freres soeurs cousin cousine collegien* lyceen* ecolier* jeune jeunes fillette"
    " mome momes grands les_grandes des_grandes petit_garcon petite_fille cp ce1 ce2 cm1 cm2 6e 5e 4e 3e sixiemes cinquiemes quatriemes troisiemes terminale terminales",
    "ADULT": "pere mere papa maman beau_pere belle_mere parents mari femme conjoint conjointe compagnon compagne ex tonton oncle tante papi mamie grand_pere nounou"
    " voisin voisine voisins prof profs professeur maitresse instit* enseignant* surveillant* animateur animatrice educateur educatrice directeur directrice principal"
    " adulte adultes monsieur homme entraineur hierarchie collegue collegues aesh atsem pion stagiaire predecesseur secretaire chef superieur assistant proviseur",
    "GROUP": "bande contre_moi contre_lui contre_elle groupe_contre toute_la_classe tout_le_college tout_le_lycee toute_l_ecole les_autres a_plusieurs contre_un contre_le_meme"
    " tout_le_bahut tout_le_monde",
    # What people do to them
    "THEME": "harcelement cyberharcelement cyber_harcelement maltraitance maltraitances violence violences racket racisme suicide sextorsion inceste pedophilie homophobie",
    "HARASS": "harcel* arcel* persecut* souffre_douleur bouc_emissaire tete_de_turc bizut* brimad* maltrait* lynch* intimid* martyris* mal_traite acharne acharnent fait_la_misere font_la_misere",
    "THREAT": "menace* menacant* chantage fait_chanter faire_chanter represaille* si_tu_parle si_tu_le_dis si_tu_dis faire_la_peau regler_mon_compte",
    "EXTORT": "racket* extorqu*",
    "HIT": "frapp* tabass* gifl* cogne* molest* etrangl* strangul* baston* brutalis* agress* passage_a_tabac violente violemment casse_la_figure casse_la_gueule casser_la_figure casser_la_gueule"
    " casse_le_nez casse_le_bras serre_le_cou mis_un_coup mis_une_claque mis_des_claques donne_des_coups des_coups_de coups_de_poing coup_de_poing coups_de_pied coup_de_pied coups_de_ceinture"
    " poignard* battu battue battus battues crache* crachat* croche_pied castagn* balayette tire_les_cheveux roue_de",
    "TAP": "tape bat battent battre battait pousse pousser bouscul* griffe* mordu mord secoue* coince poursuit fait_tomber font_tomber faire_tomber deshabill* fait_mal font_mal fait_du_mal"
    " faire_du_mal plaque baffe baffes embete embeter embetent emmerde* gueule_dessus",
    "LOCK": "enferme enfermee enferment attache_a attachent tete_dans la_poubelle baisse_le_pantalon baisse_son_pantalon couper_les_cheveux jete_mes jete_ses renverse* attendent_a_la_sortie m_attend",
    "INJURY": "des_bleus un_bleu bleus_sur avec_des_bleus des_bleu hematome* ecchymos* traces_de_coup traces_de marques_de trace_de marque_de trace_aux traces_aux brulure* cicatrice* coupures ceinture"
    " ceinturon bras_coupe oeil_au_beurre saigne saignait",
    "MOCK": "moque* moqu* insult* humili* rabaiss* ridiculis* denigr* injuri* ricane* se_fout_de se_foutent se_fichent_de rigolent_de rigole_de rient_de rit_de riant_de traite_de traitent_de traiter_de"
    " me_traite me_traitent le_traite la_traite traitant_de la_traitant le_traitant surnomm* rumeur* calomni* mtraite degradant* m_appelle_la m_appellent_la m_appellent_le l_appelle_la l_appellent",
    "SLUR": "pute salope pd tapette gouine negre cassos batard encule mongol bouffon moche grosse gros_porc grosse_vache sale_gros sale_grosse pue laideron intello_de",
    "HATE": "sale_noir sale_arabe sale_juif sale_race sale_blanc sale_chinois sale_gitan raciste racistes homophob* grossophob* antisemit* retourne_dans_ton_pays rentre_dans_ton_pays negro bougnoul*",
    "EXCLUDE": "rejete* exclu exclue exclus l_ecart mange_seul mange_seule mange_tout_seul reste_seul reste_seule isole isolee tout_seul toute_seule veut_jouer veulent_jouer veut_s_asseoir veut_etre veut_me_parler"
    " me_parle me_parlent lui_parle veut_de_moi veut_de_lui ostracis* laisse_de_cote souffre souffrance",
    # Danger of death
    "SUICIDE": "suicid* scarif* automutil* mutil* en_finir fin_a_ses_jours fin_a_mes_jours se_pendre me_pendre te_pendre me_tuer se_tuer te_tuer se_tue idees_noires pensees_noires adieu tue_toi"
    " foutre_en_l_air se_jeter_du se_jeter_sous se_jeter_par se_jeter_dans me_jeter_sous me_jeter_du me_jeter_par sauter_par sauter_du saute_par_la sauter_d ouvrir_les_veines taillad* ses_veines mes_veines"
    " se_coupe_les je_me_coupe bras_coupe_avec se_fait_du_mal me_fais_du_mal me_faire_du_mal se_faire_du_mal",
    "DIE": "mourir creve crever disparaitre mort tuer tue tues",
    "DRUG": "medoc medocs comprimes cachets somniferes doliprane medicaments",
    "NOLIFE": "envie_de_vivre gout_a_rien gout_de_vivre gout_a_la_vie force_de_vivre raison_de_vivre envie_de_rien plus_vivre pas_vivre j_etais_plus_la j_etais_pas_la mieux_sans_moi me_hais deteste_ma_vie"
    " jamais_me_reveiller plus_me_reveiller pas_me_reveiller ouvrir_les_yeux personne_m_aime servir_a_rien mieux_mort mieux_morte me_sens_de_trop",
    # Body
    "SEX": "attouch* viol viole violeur incest* pedophil* pedo nude nudes obscene* porn* sexuel* pervers exhibition* culotte seins zizi vagin soutif soutien_gorge parties_intimes masturb* predateur photo_intime"
    " photos_intimes tout_nu toute_nue nu denude* main_aux_fesses les_fesses mes_fesses a_poil degueulasses cul",
    "TOUCH": "touche toucher touchait caresse* bisous embrasse",
    "IMAGE": "photo photos video videos image images capture captures filme filment montage deepfake",
    "SPREAD": "diffus* circul* partout leak* fait_le_tour sur_snap sur_insta sur_tiktok sur_instagram sur_snapchat sur_whatsapp publie publier partage",
    "WEAPON": "couteau couteaux arme armes armee cutter pistolet flingue machette gazeuse bombe_lacrymo marteau bruler_l_ecole attentat revolver planter_a me_planter le_planter va_planter allait_planter me_plante",
    # How it feels
    "FEAR": "peur peurs terroris* terrifi* angoiss* trembl* cauchemar* sursaut* effraye apeur* phobi* boule_au_ventre mal_au_ventre mal_au_coeur se_cache me_cache cache_des",
    "CRY": "pleur* larmes sanglot* vomi* mange_plus dort_plus dors_plus depri* desespere mal_etre va_tres_mal vais_tres_mal perdu_du_poids renferme craque",
    "NOGO": "veut_plus_aller veut_plus_venir veut_plus_retourner veux_plus_aller veux_plus_retourner veux_plus_y_aller veut_pas_aller veux_pas_aller refuse_d_aller refuse_de_retourner laisse_pas_aller"
    " peur_d_aller refus_scolaire veut_plus_y_aller ose_plus_aller ose_plus peur_de_venir peur_de_rentrer peur_de_retourner veut_plus_mettre_les_pieds veux_plus_venir refuse_de_venir",
    "SECRET": "rien_dire n_ose_pas ose_pas_le_dire un_secret le_repeter fait_jurer faut_pas_le_dire pas_le_dire parler_a_personne en_parler_a_personne si_j_en_parle si_je_parle le_dire_a_qui honte_d_en_parler",
    "HURTPLACE": "toilettes chiottes vestiaire vestiaires douche couloir poubelle escalier portail cave chambre parking lit sous_le_lit",
    "HARM": "en_danger mise_en_danger information_preoccupante marier_de_force mariage_force fugue fugu* neglig* en_detresse detresse affame sans_manger rien_a_manger ivre alcoolique temoin_de emprise faire_une_betise",
    "HELP": "au_secours aidez aide_moi aider sauvez que_faire qui_appeler a_qui_parler signaler signalement alerter conduite_a_tenir numero protocole procedure prevenir reagir victime victimes contacter",
    "NUMBER": "3018 119 3114 3020",
    "OFTEN": "tous_les_jours tous_les_soirs tous_les_matins tous_les_midis tous_les_dimanches chaque_jour chaque_soir chaque_matin tout_le_temps sans_arret sans_cesse quotidien* longueur_de_journee a_chaque_fois"
    " a_chaque_cours en_permanence la_nuit chaque_nuit toutes_les_nuits chaque_recre toutes_les_recres arretent_pas arrete_pas arretent_jamais depuis_des_mois depuis_des_semaines",
    "STEAL": "vole volee volees voler voles pique prennent_mon prend_mon prend_son mes_affaires ses_affaires son_gouter mon_gouter son_argent mon_argent de_l_argent mon_fric argent_de_poche a_pris pris",
    "FORCE": "force forcent forcer oblige obligent mforce",
    "SCHOOL": "ecole college lycee classe cour recre recreation cours cantine bus maternelle creche self gymnase",
    "ENOUGH": "en_peux_plus en_peut_plus peux_plus marre arrete_pas_de arretent_pas_de",
    # Accounts
    "ACCOUNT": "compte comptes session sessions profil messagerie espace identifiant identifiants code codes mot_de_passe mots_de_passe mot_passe login acces educonnect pronote carte_bleue carte_bancaire"
    " numero_de_carte boite_mail boite_d_envoi boite identite mon_pseudo mes_id mon_ent",
    "HACK": "pirat* hack hacke hacker hackes haker hake hacks usurp* phish* hamecon* arnaqu* frauduleu* malveillan* malware compromis compromise fuite leake virus infecte* intrusion falsifi* cheval_de_troie spyware"
    " logiciel_espion escroqu* espionn* piegee piege",
    "ODD": "louche louches chelou suspect suspecte suspects douteux douteuse bizarre bizarres bizard bizarrement etrange etranges anormal* inhabituel* faux fausse soi_disant pretendu* imite ressemble l_air_vrai pas_vrai"
    " vraiment_l_ecole vraiment_vous vraiment_le pas_demande autre_pays pays jamais_vu pas_net connais_pas",
    "MAIL": "mail mails courriel* message messages sms texto textos lien liens piece_jointe pieces_jointes formulaire site page appel fenetre notification pub email alerte appele telephone connexion connexions reponse",
    "LURE": "payer paiement paye amende bourse gagner robux skin skins credits virement euros crypto gratuit iphone colis avant_minuit 24_heures sous_24 sera_supprime va_etre_supprime supprimer_mon_compte ferme_demain",
    "GIVE": "clique donne donner saisi rempli ouvert repondu communique telecharge installe transmis rentre_mes mis_mon mis_mes mis_ma tape_mon tape_mes dit_mon prete file vendu vend vendent file_son",
    "USE": "utilis* sert servi servie connecte entre rentre introduit lit lu fouille ouvre consult* regarde profite recuper* possede va_sur vont_sur connait connaissait sait_mon garde devine vu trafiqu* modifi* change changer"
    " efface* supprim* ecrit ecrire ecrivent envoie envoye envoi poste publient repond justifi* remplac* disparu",
    "NOTME": "c_est_pas_moi ce_n_est_pas_moi est_pas_moi ni_moi sans_moi a_ma_place a_mon_insu en_mon_nom a_mon_nom sous_mon_nom avec_mon_nom de_mon_nom sous_mon_identite sous_son_nom passer_pour passe_pour suis_pour_rien"
    " rien_touche je_dormais je_dors sans_ma_permission sans_me_demander sans_mon_accord venant_de_moi de_chez_moi signe_de ma_signature n_y_peux_rien",
    # What makes the same words harmless
    "FRAME": "expose exposes redaction dissertation film films livre roman romans chanson poeme jeu jeux minecraft fortnite zelda episode serie heros personnage definition synonyme affiche affiches charte reglement formation"
    " formations stage conference campagne prevention sensibilis* quiz sequence seance emc programme article documentaire oral theatre tragedie resume slogan depliant debat histoire modele match ressource ressources mediacentre"
    " dictee chapitre guerre pirates_des reportage intervention plan_d_action combat boxe assurance judo escrime antivirus exercice loi atelier",
    "LAUGH": "rire de_faim de_soif de_fatigue mort_fatigue de_honte d_ennui de_chaud de_froid",
    "ENTW": "devoir devoirs cahier bouton fichier ecran emploi_du_temps note notes visio application menu livret bulletin moyenne micro notifications appreciations appli ent serveur barre clavier",
}  # fmt: skip

# --- combinations --------------------------------------------------------------------------------------------------

# In a rule: CAPITALS a concept, small letters a word, « / » one or the other, « .. » up to four words between, « ... » up
# to nine (never past the end of a sentence, nor past « je »: another thing is being told), « & » in the message in any
# order, « & ! » not in it.
_SHORTCUTS = {
    "KID": "OWN/PEER",
    "WHO": "OWN/PEER/ADULT/GROUP/SOMEONE/il/ils/elle/elles/on/qui/personne/des",
    "THEY": "PEER/ADULT/GROUP/SOMEONE/il/ils/elle/elles/on/qui",
    "ME": "me/m/ma/mon/nous/moi/mes",
    "HIM": "le/la/l/les/lui/leur/se/s",
    "HAS": "a/ont/est/as/ait/avait/aurait/avoir/ete/fait/font/faire/fais/va/vont/allait/veut",
    "BLOW": "HIT/TAP/HARASS/MOCK/THREAT/EXTORT/HATE",
    "MY": "mon/ma/mes/notre/nos",
    "HIS": "son/sa/ses/leur/leurs/le/la/du/de/d/un/une",
}

# Told of a person: sure. In a harmless frame (a lesson, a film, a joke) it is still a hint.
_TOLD = (
    "ME HIT/HARASS/EXTORT", "ME/HIM HAS .. HIT/HARASS/EXTORT/MOCK", "ME MOCK", "HIM HIT/HARASS/EXTORT & KID", "ME HAS/TAP TAP/KID/ADULT", "WHO ME TAP", "ME/se/s fait/fais/font/faire .. BLOW",
    "KID .. HIT/HARASS/EXTORT", "KID .. HAS .. MOCK/HATE", "HIT/HARASS/EXTORT .. KID/ADULT/moi", "TAP KID", "WHO TAP .. OWN", "ADULT .. TAP/LOCK .. me/m/le/la/les/l/OWN/PEER", "MOCK .. OWN/moi", "OWN .. MOCK",
    "ME/lui/le/la/l/les THREAT", "ME/lui HAS .. THREAT", "KID/SOMEONE/ADULT/il/ils/elle .. THREAT", "THREAT .. DIE/KID/ADULT/WEAPON", "me/m EXTORT",
    "je/j/me/m/KID/il/elle .. SUICIDE", "veux/voulait/voudrais/vouloir/va/allait/envie/pense/parle/parler .. SUICIDE", "je/il/elle/KID veux/voulait/voudrais/vouloir .. DIE", "envie de DIE", "dit/KID .. veut/voulait DIE",
    "plus/pas/ni/jamais/aucune .. NOLIFE", "je NOLIFE", "me NOLIFE", "avale .. DRUG", "pris/STEAL .. DRUG", "dit/disent/dire/ecrit .. de .. SUICIDE/DIE", "lui/m dit DIE",
    "KID/ADULT/SOMEONE .. ME/lui TOUCH", "ADULT .. TOUCH .. KID/SEX", "KID .. TOUCH .. KID", "WHO .. SEX & ME/KID", "SEX .. KID/moi", "ADULT/SOMEONE .. demande .. IMAGE/SEX", "IMAGE .. OWN/moi/d_elle & SPREAD",
    "FORCE .. donner/argent/STEAL/GIVE", "KID .. WEAPON", "WEAPON .. KID/SCHOOL/PEER", "FEAR .. SCHOOL/eux/lui", "FEAR de USE che/chez", "NOGO & OWN", "je NOGO", "INJURY & KID & ADULT", "HATE & OWN", "me/moi SLUR",
)  # fmt: skip

# A theme with no harmless frame around it: sure enough to be shown at once.
_THEMES = ("THEME", "HARASS", "SUICIDE", "EXTORT", "THREAT .. DIE", "SEX & KID", "HIT & KID", "HIT & ADULT", "PEER HARM", "PEER .. HARM & HELP", "NOGO & PEER")

# Enough to ask the engine, and to be shown when it is dead.
_HINTS = (
    "THREAT", "HIT", "HATE", "NOLIFE", "WEAPON", "NUMBER", "HARM", "SEX & ME/KID/ADULT", "MOCK & KID/OFTEN/SCHOOL", "ME .. MOCK", "TAP .. KID", "THEY .. me/m/ma/mon/se/lui/le/l TAP", "THEY .. TAP .. moi/dessus", "THEY .. le/la/les TAP",
    "lui/m SLUR", "WHO .. SLUR & KID", "SLUR & OFTEN", "IMAGE .. moi/elle/lui & SPREAD", "IMAGE & HURTPLACE & ME/KID", "envie/veux/voulu .. DIE", "comment .. DIE", "FEAR & SCHOOL/KID", "CRY & SCHOOL/KID/OFTEN", "NOGO", "peur .. peur",
    "EXCLUDE & PEER/OWN", "personne EXCLUDE", "INJURY & KID", "GROUP & ME/lui", "TOUCH & ADULT & ME/KID", "LOCK & ME/KID", "STEAL & OFTEN", "FORCE & ME/KID", "savent ou .. habit", "SECRET & KID/ADULT", "a DIE", "ENOUGH & HELP",
    "KID .. DRUG", "ADULT/SOMEONE .. HURTPLACE & OFTEN", "ADULT .. voir EXCLUDE", "OFTEN & KID & EXCLUDE", "suit/suis jusque .. moi/elle/lui",
)  # fmt: skip

# Signs that prove nothing alone; two different ones, about people and not about the portal, make a hint.
_SOFT = frozenset("FEAR CRY INJURY SLUR MOCK EXCLUDE SECRET GROUP STEAL HURTPLACE OFTEN TAP FORCE LOCK DIE TOUCH ENOUGH HELP".split())
_SOFT_NEEDED = 2
_PEOPLE = frozenset("OWN PEER ADULT SOMEONE il elle ils elles on".split())

_HACKED_TOLD = (
    "ACCOUNT .. HACK", "HACK .. ACCOUNT", "ME HACK", "ME HAS .. HACK", "HACK .. moi", "SOMEONE .. USE .. ACCOUNT", "KID/ADULT/SOMEONE .. STEAL .. MY ACCOUNT", "SOMEONE .. MY ACCOUNT", "PEER/ADULT .. USE .. MY ACCOUNT",
    "PEER/ADULT/SOMEONE .. avec MY ACCOUNT", "ACCOUNT .. USE .. par .. KID/SOMEONE", "on s est USE .. ACCOUNT", "on ME STEAL .. ACCOUNT", "USE .. sous/en .. NOTME", "NOTME .. USE/MAIL", "passer pour moi", "NOTME moi/lui",
    "GIVE .. ACCOUNT .. ODD", "CLICK .. MAIL ODD/HACK", "GIVE .. MAIL ODD/HACK", "ODD/HACK MAIL & ACCOUNT/GIVE", "MAIL HACK", "HACK MAIL",
)  # fmt: skip
_HACKED_THEMES = ("HACK",)
_HACKED_HINTS = (
    "NOTME & ACCOUNT/MAIL/USE", "GIVE .. MAIL ODD", "ODD MAIL", "MAIL ODD", "MAIL .. ODD", "ODD .. MAIL", "MAIL .. demande .. ACCOUNT", "demandant/demande/reclame/veut/confirmer/verifier .. ACCOUNT & MAIL", "MAIL & LURE & GIVE/ODD", "GIVE .. LURE",
    "PEER/ADULT/SOMEONE/il/elle a/ont/USE .. MY ACCOUNT", "ACCOUNT USE/SPREAD/MOCK", "ACCOUNT .. HAS .. USE & !OWN", "ACCOUNT STEAL", "STEAL .. ACCOUNT", "MAIL/ENTW .. que j/je .. pas/jamais", "GIVE .. ACCOUNT .. PEER/SOMEONE/ODD",
    "PEER/ADULT/SOMEONE .. USE .. ACCOUNT & ME", "avec MY ACCOUNT & il/elle/PEER/SOMEONE/a", "qui .. USE .. MY ACCOUNT", "GIVE .. MAIL & depuis/maintenant/du",
)  # fmt: skip


def _build_lexicon() -> tuple[dict[str, str], dict[str, str], int, int]:
    """Return {heard words: concept}, {heard beginning: concept}, the longest run of words and the shortest beginning."""
    whole: dict[str, str] = {}
    beginnings: dict[str, str] = {}
    for concept, words in _WORDS.items():
        for word in words.split():
            if word.endswith("*"):
                # A beginning has no silent ending to drop: a vowel shields its last letters while it is sounded.
                heard = _sound(word[:-1] + "o")[:-1] if word[-2] not in "ce" else _sound(word[:-1] + "ero")[:-3]
                beginnings.setdefault(heard, concept)
            else:
                whole.setdefault(_sound(word.replace("_", " ")), concept)
    return whole, beginnings, max(words.count(" ") + 1 for words in whole), min(map(len, beginnings))


_WHOLE, _BEGINNINGS, _LONGEST_RUN, _SHORTEST_BEGINNING = _build_lexicon()
_RUN_STARTS = frozenset(words.split()[0] for words in _WHOLE if " " in words)


def _concept(words: list[str], start: int) -> tuple[str, int]:
    """Return the concept that begins at `start` (else the word itself) and how many words it takes."""
    word = words[start]
    if word in _RUN_STARTS:
        for length in range(min(_LONGEST_RUN, len(words) - start), 1, -1):
            concept = _WHOLE.get(" ".join(words[start : start + length]))
            if concept:
                return concept, length
    if word in _WHOLE:
        return _WHOLE[word], 1
    for length in range(len(word), _SHORTEST_BEGINNING - 1, -1):
        if word[:length] in _BEGINNINGS:
            return _BEGINNINGS[word[:length]], 1
    return word, 1


_SENTENCE_END = re.compile(r"[.;:?!\n…]+")
# A made-up word carries the end of a sentence through the normalisation, which drops punctuation.
_BREAK = "jdj"
# « pas harcelé », « plus de menaces », « jamais été piraté »: the word is there to be denied.
_DENIED = re.compile(
    r"\b(?:pas|plu|jam|okun|san|ni) (?:(?:ete|etr|de|d|un|me|m|se|s|l|le|la|du) ){0,2}"
    r"(?:HARASS|THEME|HIT|THREAT|MOCK|HACK|EXTORT)\b"
)


def _concepts(text: str) -> str:
    """Return `text` as a string of concepts and words, « | » between sentences, a space at the end."""
    words = _sound(_SENTENCE_END.sub(f" {_BREAK} ", text)).split()
    line, position = [], 0
    while position < len(words):
        concept, length = _concept(words, position)
        line.append("|" if concept == _BREAK else concept)
        position += length
    return _DENIED.sub("DENIED", " ".join(line)) + " "


@dataclass(frozen=True)
class _Rule:
    name: str
    # Concepts of which the message must hold one of each set: cheap to check, it spares most of the patterns.
    needs: tuple[frozenset[str], ...]
    all_of: tuple[re.Pattern[str], ...]
    none_of: frozenset[str]

    def matches(self, concepts: str, present: frozenset[str]) -> bool:
        return (
            not any(present.isdisjoint(need) for need in self.needs)
            and self.none_of.isdisjoint(present)
            and all(part.search(concepts) for part in self.all_of)
        )


_GAPS = {"..": r"(?:(?!j |je )[^ |]+ ){0,4}?", "...": r"(?:(?!j |je )[^ |]+ ){0,9}?"}


def _expand(slot: str) -> list[str]:
    """Return the concepts and heard words that may stand in `slot`."""
    names = [name for written in slot.split("/") for name in _SHORTCUTS.get(written, written).split("/")]
    names = [final for name in names for final in _SHORTCUTS.get(name, name).split("/")]
    return list(dict.fromkeys(name if name in _WORDS or name == "DENIED" else _sound(name) for name in names))


def _rule(line: str) -> _Rule:
    needs, patterns, none_of = [], [], set()
    for part in line.split(" & "):
        if part.startswith("!"):
            none_of.update(_expand(part[1:]))
            continue
        pieces = [r"(?<!\S)"]
        slots = part.split()
        for slot in slots:
            if slot in _GAPS:
                pieces.append(_GAPS[slot])
                continue
            names = _expand(slot)
            needs.append(frozenset(names))
            pieces.append(f"(?:{'|'.join(names)}) ")
        if len(slots) > 1:
            patterns.append(re.compile("".join(pieces)))
    return _Rule(line, tuple(needs), tuple(patterns), frozenset(none_of))


_RULES = {
    HARASSMENT: tuple(tuple(map(_rule, lines)) for lines in (_TOLD, _THEMES, _HINTS)),
    HACKED: tuple(tuple(map(_rule, lines)) for lines in (_HACKED_TOLD, _HACKED_THEMES, _HACKED_HINTS)),
}


def recognise_urgent(text: str) -> UrgentSigns:
    """Read `text` (as typed) for harassment, danger, distress or a hacked account."""
    if len(text) > 2 * _READ_EACH_END:
        text = f"{text[:_READ_EACH_END]}\n{text[-_READ_EACH_END:]}"
    concepts = _concepts(text)
    present = frozenset(concepts.split())
    framed = not present.isdisjoint(("FRAME", "LAUGH"))
    best, best_rank = UrgentSigns(), 0
    for topic, (told, themes, hints) in _RULES.items():
        sure = [rule.name for rule in told if rule.matches(concepts, present)]
        theme = [] if framed else [rule.name for rule in themes if rule.matches(concepts, present)]
        hint = [] if framed else [rule.name for rule in hints if rule.matches(concepts, present)]
        if topic == HARASSMENT and not framed and not hint and present.isdisjoint(("ENTW", "ACCOUNT")):
            soft = sorted(_SOFT & present)
            if len(soft) >= _SOFT_NEEDED and not _PEOPLE.isdisjoint(present):
                hint = ["+".join(soft)]
        certain = bool((sure and not framed) or theme)
        rank = 2 * certain + bool(sure or theme or hint)
        if rank > best_rank:
            best, best_rank = UrgentSigns(topic, certain, (*sure, *theme, *hint)), rank
    return best
