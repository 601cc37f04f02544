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
    "lai": "l ai", "tro": "trop", "6de": "cide", "sui6de": "suicide", "cest": "c est", "mais": "or", "ya": "il y a",
    "parent": "parents", "argent": "argents", "manje": "mange", "jle": "je le", "jlai": "je l ai", "jtai": "je t ai", "dont": "duquel", "honte": "honteux", "lait": "lai", "url": "adresse", "accent": "accens", "vx": "veux", "daron": "pere", "daronne": "mere",
    "reuf": "frere", "reum": "mere", "seur": "soeur", "jdors": "je dors", "jmange": "je mange", "jpense": "je pense", "jdoi": "je dois", "jcroi": "je crois", "jlui": "je lui",
}  # fmt: skip

# What is heard, not what is written: each line feeds the next one.
_SOUNDS = tuple(
    (re.compile(pattern), heard)
    for pattern, heard in (
        (r"(?<=gar)c(?=on)|(?<=men[ae])c(?=a)|(?<=ame)c(?=on)", "s"), (r"ph", "f"), (r"qu|ck|q", "k"), (r"s?c(?=[eiy])", "s"),
        (r"c(?!h)", "k"), (r"(?<![cs])h", ""), (r"y", "i"), (r"g(?=[ei])", "j"), (r"gu(?=[ei])", "g"), (r"z", "s"), (r"e?au", "o"),
        (r"[ae]in\b", "in"), (r"[ae]i(?![nlaeiou])", "e"), (r"en(?!t?\b)", "an"), (r"([a-z])\1", r"\1"),
        (r"(?<=[a-z]{3})(?:e(?:nt|ts?|s|r|z)?|ts|[stxzd])\b", ""),
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
    " mon_neveu ma_niece mon_petit_fils ma_petite_fille ma_petite_soeur mon_petit_frere mon_gosse ma_belle_fille mon_beau_fils",
    "SOMEONE": "un_autre_appareil quelqu_un inconnu inconnue inconnus des_gens personne_etrangere intrus escroc* individu je_sais_pas_qui on_ne_sait_qui",
    "PEER": "fils fille filles enfant enfants garcon garcons gamin gamine gamins gosse gosses ados adolescen* eleve eleves camarade camarades copain copine copains"
    " copines copin ami amie amis amies pote potes gars mec mecs meuf meufs frere soeur freres soeurs cousin cousine collegien* lyceen* ecolier* jeune jeunes fillette"
    " des_grands les_grands un_grand une_grande des_grandes petit_garcon petite_fille un_petit une_petite la_petite le_petit les_petits ce_petit cette_petite"
    " cp ce1 ce2 cm1 cm2 6e 5e 4e 3e sixiemes cinquiemes quatriemes troisiemes terminales moyenne_section grande_section petite_section",
    "ADULT": "pere mere papa maman beau_pere belle_mere parents mari femme conjoint conjointe compagnon compagne ex tonton oncle mamie grand_pere nounou"
    " voisin voisine voisins prof profs professeur maitresse instit* enseignan* surveillan* animateur animatrice educateur educatrice directeur directrice principal"
    " adulte adultes monsieur homme entraineur hierarchie collegue collegues aesh atsem pion stagiaire predecesseur secretaire chef superieur assistant proviseur",
    "GROUP": "toute_la_classe tout_le_college tout_le_lycee toute_l_ecole les_autres tout_le_bahut tout_le_monde",
    "AGAINST": "contre_moi contre_lui contre_elle groupe_contre contre_un contre_le_meme la_bande sa_bande leur_bande s_en_prend s_en_prennent s_en_prendre",
    # What people do to them
    "THEME": "harcelement cyberharcelement cyber_harcelement maltraitance maltraitances violence violences racket racisme suicide sextorsion inceste pedophilie homophobie",
    "HARASS": "harcel* arcel* cyberharcel* persecut* souffre_douleur bouc_emissaire tete_de_turc bizut* victimis* appels_malveillants appel_malveillant brimad* maltrait* lynch* intimid* martyris* mal_traite acharne acharnent fait_la_misere font_la_misere"
    " pourrit_la_vie pourrissent_la_vie vivre_un_enfer",
    "THREAT": "menac* manas* chantage fait_chanter faire_chanter represaille* si_tu_parle si_tu_le_dis si_tu_dis faire_la_peau",
    "EXTORT": "racket* extorqu*",
    "HIT": "defonc* tire_l_oreille tire_les_oreilles    frapp* tabass* gifl* cogne* molest* etrangl* strangul* baston* brutalis* agress* passage_a_tabac violemment casse_la_figure casse_la_gueule casser_la_figure casser_la_gueule"
    " casse_le_nez casse_le_bras casse_une_dent serre_le_cou mis_un_coup mis_une_claque mis_des_claques donne_des_coups des_coups_de coups_de_poing coup_de_poing coups_de_pied coup_de_pied coups_de_ceinture"
    " poignard* battu battue battus battues crache* crachat* croche_pied croche_patte croche_pattes par_terre des_coups  castagn* tire_les_cheveux par_les_cheveux roue_de_coups",
    "TAP": "tape bat battent battre battait pousse pousser bouscul* griffe* secoue* coince fait_tomber font_tomber faire_tomber deshabill* fait_mal font_mal fait_du_mal font_du_mal"
    " plaque baffe baffes jette jettent gueule_dessus crie_dessus hurle_dessus",
    "PESTER": "embete embeter embetent emmerde* ennuient enquiquin* les_noises",
    "LOCK": "enferm* dans_le_noir dans_un_placard dans_le_placard attache_a_une attache_a_un attachent_a tete_dans baisse_le_pantalon baisse_son_pantalon jete_mes jete_ses attendent_a_la_sortie attendent_a_la_recre m_attendent m_attend dans_la_poubelle",
    "INJURY": "des_bleus un_bleu bleus_sur avec_des_bleus hematome* ecchymos* des_traces traces_aux des_marques marques_sur traces_sur traces_de_coup trace_de_coup brulure* cicatrice* coupures_sur coupures_aux ceinture"
    " ceinturon bras_coupe oeil_au_beurre saigne saignait",
    "MOCK": "moquer moqu* insul* humili* rabaiss* ridiculis* denigr* injuri* ricane* se_fout_de se_foutent se_fichent_de rigolent_de rigole_de rit_de riant_de traite_de traitent_de traiter_de"
    " me_traite me_traitent le_traite la_traite traitant_de la_traitant le_traitant surnomment rumeur* calomni* mtraite degradant* la_risee ficha m_affiche m_affichent m_appelle_la m_appellent_la m_appellent_le m_appelle_le",
    "SLUR": "merde_humaine une_merde bon_a_rien clochard pute salope pd tapette gouine negre cassos batard encule mongol bouffon moche grosse gros_porc grosse_vache sale_gros sale_grosse pue laideron",
    "HATE": "sale_noir sale_arabe sale_juif sale_race sale_blanc sale_chinois sale_gitan raciste racistes homophob* grossophob* antisemit* retourne_dans_ton_pays rentre_dans_ton_pays negro bougnoul*",
    "SHOUT": "crie crient crier cris hurle hurlent hurler",
    "HATED": "je_me_deteste me_degoute me_deteste me_detestent le_deteste la_deteste le_detestent",
    "EXCLUDE": "laisse_jamais_jouer laisse_pas_jouer laissent_pas_jouer rejete* l_ecart mange_seul mange_seule mange_tout_seul ostracis* laisse_de_cote souffre souffrance souffrir",
    "LONELY": "invisible reste_seul reste_seule isole isolee exclu exclue exclus tout_seul toute_seule seul seule",
    "WONT": "veut_jouer veulent_jouer joue_avec veut_s_asseoir veut_etre veut_me_parler me_parle lui_parle veut_de_moi veut_de_lui veut_se_mettre veut_manger",
    "ANON": "anonym*",
    "FIGHT": "bagarre bagarres bagarr* se_sont_battus se_battent",
    "HIDE": "en_cachette cache_ses_bras cacher_ses_bras cache_mes cache_les_vetements caches_mes pour_pas_qu_ils me_cache me_planque me_retrouvent",
    # Danger of death
    "SUICIDE": "suicid* scarif* automutil* mutil* en_finir fin_a_ses_jours fin_a_mes_jours se_pendre me_pendre te_pendre se_tuer te_tuer se_tue idees_noires pensees_noires lettre_d_adieu dit_adieu dire_adieu tue_toi"
    " foutre_en_l_air foutre_en_lair se_jeter_du se_jeter_sous se_jeter_par se_jeter_dans me_jeter_sous me_jeter_du me_jeter_par sauter_par sauter_du saute_par_la ouvrir_les_veines taillad* ses_veines mes_veines les_veines"
    " se_coupe_les je_me_coupe se_fait_du_mal me_fais_du_mal me_faire_du_mal se_faire_du_mal en_finit",
    "DIE": "mourir creve crever mort tuer tue tues",
    "VANISH": "disparaitre",
    "DRUG": "des_cachets de_cachets plein_de_medicaments de_medicaments medoc medocs comprimes somniferes doliprane ",
    "NOLIFE": "a_quoi_ca_sert_de_vivre sert_de_vivre  vouloir_vivre vaut_la_peine_de_vivre raison_d_etre_la serait_plus_la sera_plus_la  envie_de_vivre gout_a_rien gout_de_vivre gout_a_la_vie force_de_vivre raison_de_vivre envie_de_rien plus_vivre pas_vivre j_etais_plus_la  mieux_sans_moi me_hais deteste_ma_vie"
    " jamais_me_reveiller plus_me_reveiller pas_me_reveiller ouvrir_les_yeux plus_etre_la etre_plus_la vie_ne_vaut marre_de_vivre vie_est_nulle vie_est_foutue personne_m_aime mieux_mort mieux_morte me_sens_de_trop je_sers_a_rien",
    # Body
    "SEX": "attouch* viol viole violeur incest* pedophil* pedo nude nudes obscene* porn* sexuel* sexe pervers exhibition* culotte seins zizi vagin soutif soutien_gorge parties_intimes masturb* predateur photo_intime"
    " photos_intimes image_intime tout_nu toute_nue denude* main_aux_fesses les_fesses mes_fesses a_poil degueulasses",
    "TOUCH": "touche toucher touchait caresse* bisous embrasse",
    "IMAGE": "photo photos video videos image images capture captures filme filment montage deepfake",
    "ONLINE": "snap insta tiktok instagram snapchat whatsapp discord messenger roblox reseaux_sociaux",
    "SPREAD": "diffus* partout leak* circule circulent fait_le_tour publie publier partage",
    "WEAPON": "couteau couteaux arme armes armee cutter pistolet flingue machette gazeuse bombe_lacrymo bruler_l_ecole attentat revolver lame_de_rasoir rasoir compas fusil tirer_dans_le tirer_sur mis_le_feu mis_du_feu mettre_le_feu planter_a me_planter le_planter va_planter allait_planter me_plante",
    # How it feels
    "FEAR": "peur peurs terroris* terrifi* angoiss* trembl* cauchemar* sursaut* effraye apeur* phobi* boule_au_ventre mal_au_coeur respirer se_cache",
    "CRY": "fait_que_pleurer en_larmes pleur* larmes sanglot* desespere mal_etre va_tres_mal vais_tres_mal perdu_du_poids depressi* deprim*",
    "SICK": "vomi* mal_au_ventre mange_plus dort_plus dors_plus veut_plus_manger",
    "NOGO": "veut_plus_aller veut_plus_venir veut_plus_retourner veux_plus_aller veux_plus_retourner veux_plus_y_aller refuse_d_aller refuse_de_retourner laisse_pas_aller"
    " peur_d_aller refus_scolaire veut_plus_y_aller ose_plus_aller n_ose_plus peur_de_venir peur_de_rentrer peur_de_retourner veut_plus_mettre_les_pieds veux_plus_venir refuse_de_venir",
    "SECRET": "rien_dire ose_pas_le_dire un_secret le_repeter fait_jurer faut_pas_le_dire pas_le_dire parler_a_personne si_j_en_parle si_je_parle le_dire_a_qui honte_d_en_parler",
    "HURTPLACE": "au_portail devant_le_portail toilettes chiottes vestiaire vestiaires douche couloir poubelle escalier cave chambre parking dans_son_lit dans_mon_lit sous_le_lit",
    "HARM": "dormir_dans tuerie fusillade dehors_la_nuit seule_depuis seul_depuis se_pendre_dans met_dehors mis_dehors jete_dehors mise_dehors laisse_dehors  en_danger mise_en_danger information_preoccupante marier_de_force mariage_force fugu* neglig* en_detresse detresse affame sans_manger rien_a_manger pas_a_manger dort_dehors a_la_rue dort_dans_une_voiture drogu* prostitu* ivre alcoolique temoin_de_violence emprise",
    "STRANGER": "on_se_voit me_rejoindre venir_chez_moi jusque_chez_moi vieux bonbons derriere_le_grillage derriere_la_grille suivi_par_un_homme suivie_par_un_homme suivie_par_un_monsieur en_voiture rode rodent suit_jusque monter_dans_sa me_voir_seul rencontre_en_ligne rencontre_sur connais_pas connait_pas",
    "HELP": "au_secours aidez aide aide_moi sauvez que_faire qui_appeler a_qui_parler signaler signalement alerter conduite_a_tenir protocole procedure prevenir reagir victime victimes",
    "NUMBER": "3018 119 3114 3020 phare",
    "OFTEN": "tous_les_jours tous_les_soirs tous_les_matins tous_les_midis tous_les_dimanches chaque_jour chaque_soir chaque_matin chaque_dimanche tout_le_temps sans_arret quotidien* longueur_de_journee a_chaque_fois"
    " a_chaque_cours en_permanence chaque_nuit toutes_les_nuits chaque_recre toutes_les_recres arretent_pas arrete_pas arretent_jamais depuis_des_mois depuis_des_semaines",
    "NIGHT": "la_nuit",
    "DAMAGE": "dechire dechires casse_ses casse_mes casse_sa casse_mon casse_ma lunettes_cassees",
    "STEAL": "vole volee volees voler voles pique mes_affaires ses_affaires son_gouter mon_gouter son_argent mon_argent de_l_argent mon_fric argent_de_poche m_a_pris m_ont_pris",
    "DEFORCE": "de_force",
    "FORCE": "force forcent forcer oblige obligent mforce",
    # Words of suffering, hostility and fear too various for a concept each: one is a hint in a message about people only.
    "WOE": "un_enfer me_poursuit crise crises  mechante fouille_dans_les_poubelles    creve_les_pneus plaquee plaque_contre chantage honteux inquietant  haineux  sang_partout porte_plainte porter_plainte abus* affol* aneanti*  atroce barbar* blessure blessures brule calvaire chagrin cruel* cruaute degout* degueul* denonc* derape desespoir destructeur detest* detruit detruite detruits"
    " devaste diffam* discrimin* douleur ecras* effondr* empoign* en_pleurs  epuise_moralement etouff* evanou* exhib* gratuitement  haineu* honte horreur horrible   insecur* insomn* isolement"
    " jalous* laisser_aller malais* malheureu* marginalis* mauvais_traitement mechan* mefi* mepris* misere mutique nargu* odieu* oppress* otage pervers* pipi_au_lit poignet poignets  prostr* provoc* "
    " punissent railler* rabaiss* rage rejet repli* rhabill* salir sang se_taire seule_au_monde soumi* sournois* stigmat* stress* subi subit subissent suspicion terreur tortur* trauma* trist* vengeance se_venger"
    " victime victimes violent violents vulner* ecchymose bagarr* baston* bete_noire bouboule capuche charrie charrient danger dispute disputes effrayant"
    " embrouille embrouilles ennemi* etat_de_choc gueule intolerable inacceptable isoler kidnapp* laxatif maigr* maltrait* me_regarde meurtr* morb* obsed* ont_peur perdu_connaissance "
    " pression rode sans_defense se_defendre seins_nus sequestr* suffoqu* taquin* tabou temoin traque* vermine voyeur",
    "SCHOOL": "ecole college lycee classe cour recre recreation cours cantine bus maternelle creche self gymnase",
    "ENOUGH": "en_peux_plus en_peut_plus arrete_pas_de arretent_pas_de",
    # Accounts
    "ACC": "compte comptes session sessions profil boite_mail boite_d_envoi identite mon_adresse son_adresse mon_pseudo",
    "CODE": "identifiant identifiants code codes mot_de_passe mots_de_passe mot_passe login acces mes_id",
    "CARD": "carte_bleue carte_bancaire numero_de_carte code_de_carte",
    "PLACE": "messagerie espace educonnect pronote boite mon_ent",
    "HACK": "pirat* hack hacke hacker hackes haker hake hacks usurp* phish* hamecon* arnaqu* frauduleu* malveillan* malware compromis compromise falsifi* cheval_de_troie spyware logiciel_espion escroqu* espionn* piegee piege",
    "LEAK": "divulgue divulgues detourne detournes fuite leake leak virus infecte* intrusion",
    "ODD": "louche louches chelou suspect suspecte suspects douteux douteuse bizarre bizarres bizard bizarrement etrange etranges anormal* inhabituel* l_air_vrai pas_vrai ressemble_a_celui"
    " vraiment_l_ecole vraiment_vous vraiment_le autre_pays un_pays jamais_vu pas_net pas_le_vrai malsain fiable arnaqueur",
    "FAKE": "faux fausse soi_disant pretendu* imite",
    "UNASKED": "pas_demande jamais_demande rien_demande",
    "MSG": "mail mails courriel* message messages sms texto textos lien liens piece_jointe pieces_jointes email emails",
    "WEB": "site page formulaire fenetre notification pub alerte appel appele telephone conseille support technicien conseiller agent service fichier",
    "LOGON": "connexion connexions",
    "LURE": "cartes_cadeaux carte_cadeau acheter_des cliquez_ici cliquer_ici boite_pleine boite_saturee bourse_de payer paiement paye amende bourse gagner robux skin skins credits virement euros crypto colis avant_minuit 24_heures sera_supprime va_etre_supprime allait_etre_supprime supprimer_mon_compte va_expirer va_etre_bloque va_etre_desactive sera_bloque sera_desactive sera_ferme",
    "CLICK": "clique cliquer repondu telecharge rempli ouvert ouverte ouvertes ouvrir installe installer rentre_mes tape_mes tape_mon mis_mon mis_mes",
    "GIVE": "donne donner saisi communique transmis dit_mon file",
    "LEND": "prete preter vendu vend vendent file_son file_mon partage_mon partage_son   divulgu*",
    "HOLD": "photograph* trouve note_mon enregistre possede connait connaissait connaissent sait_mon garde devine vu recuper*",
    "INTRUDE": "consulte_encore detourn* dessus_mon utilis* sert servi servie connecte entre rentre introduit lit lu fouill* ouvre consult* accede accedent profite va_sur vont_sur trafiqu* trifouill* joue_avec",
    "CHANGE": "modifi* change changer efface remplac* bouge bougent annul* justifi*",
    "SEND": "coche signe mis_une_photo ecrit ecrire ecrivent ecri envoie envoye envoyer poste publient repond reponds spam spamm* redige supprime",
    "IMPOSTOR": "a_mon_insu en_mon_nom en_son_nom sous_mon_identite fait_passer_pour font_passer_pour faire_passer_pour fesant_passer_pour venant_de_moi portait_ma_signature avec_ma_signature signe_de_mon_nom",
    "MYNAME": "sous_mon_nom avec_mon_nom sous_son_nom au_nom_de_l_ecole avec_le_nom_de",
    "NOTME": "jamais_de_la_vie n_est_plus_la_mienne pas_la_mienne il_dormait elle_dormait c_est_pas_moi ce_n_est_pas_moi est_pas_moi c_etait_pas_moi c_pas_moi ni_moi sans_moi a_ma_place suis_pour_rien rien_touche rien_fait n_etait_pas_moi etait_pas_moi je_dormais je_dors sans_ma_permission sans_me_demander n_y_peux_rien en_mon_absence"
    " pendant_mon_absence pendant_que_j_etais sans_mon_accord",
    # What makes the same words harmless
    "FRAME": "proces coup_de_main coup_de_crayon coups_de_crayon coup_d_oeil coup_de_fil coup_de_pouce coup_de_telephone on_se_moque_de_nous on_se_moque_de_moi un_livre mon_livre livre_sur le_livre expose exposes redaction dissertation un_film le_film bon_film ce_film du_film film_sur films_sur roman romans chanson poeme episode serie heros personnage definition synonyme une_affiche mon_affiche l_affiche charte reglement formation"
    " formations stage conference campagne prevention sensibilis* quiz sequence seance_sur seances_sur emc article documentaire oral theatre tragedie resume slogan depliant debat en_histoire une_histoire modele ressources_sur mediacentre"
    " dictee chapitre guerre pirates_des reportage intervention_sur plan_d_action assurance antivirus loi atelier_sur cours_sur portait_sur c_est_quoi_un video_de_notre programme_emc bandeau machine   a_pleurer redoublement publicitaire journee_contre lutte_contre lutter_contre semaine_contre protege",
    "PLAY": "jeu jeux minecraft fortnite zelda match console manette partie_de combat record psg om",
    "LAUGH": "rire de_faim de_soif de_fatigue mort_fatigue tuer_le_temps de_honte d_ennui de_chaud de_froid mort_de",
    "ENTW": "dossier dossiers document documents annuaire import importe tableau_de_bord blog avatar prenom prenoms tutoriel tuto affichage portail ordinateur tablette navigateur rubrique outil en_ligne internet lecon enonce moderer informations donnees daltonisme zombies planning devoir devoirs cahier bouton ecran emploi_du_temps note notes visio application menu livret bulletin moyenne micro notifications appreciations appli ent serveur barre clavier adresse",
}  # fmt: skip

# --- combinations --------------------------------------------------------------------------------------------------

# In a rule: CAPITALS a concept, small letters a word, « / » one or the other, « .. » up to four words between (never past the
# end of a sentence, « je » or « peut »: another thing is being told), « & » in the message in any order, « & ! » not in it.
_SHORTCUTS = {
    "KID": "OWN/PEER",
    "WHO": "OWN/PEER/ADULT/GROUP/SOMEONE/il/ils/elle/elles/on/qui/y",
    "THEY": "PEER/ADULT/GROUP/SOMEONE/il/ils/elle/elles/on/qui/y",
    "OTHER": "PEER/ADULT/SOMEONE",
    "ME": "me/m/ma/mon/nous/moi/mes",
    "HIM": "le/la/l/les/lui/leur/se/s",
    "HAS": "a/ont/est/as/ait/avait/aurait/avoir/ete/fait/font/faire/fais/va/vont/allait/veut",
    "BLOW": "HIT/TAP/HARASS/MOCK/THREAT/EXTORT/HATE/PESTER",
    "MY": "mon/ma/mes/notre/nos",
    "KEY": "ACC/CODE",
    "ANY": "ACC/CODE/PLACE",
    "DO": "INTRUDE/CHANGE/SEND/HOLD",
    "WISH": "veux/veut/voulait/voudrais/vouloir/voulais",
}

# Told of a person: sure. In a harmless frame (a lesson, a film, a joke) it is still a hint.
_TOLD = (
    "ME HIT/HARASS/EXTORT & !ENTW/MSG", "ME/HIM HAS .. HIT/HARASS/EXTORT/MOCK & !ANY", "ME MOCK", "HIM HIT/HARASS/EXTORT & KID", "ME HAS/TAP TAP/KID/ADULT", "WHO me TAP & !ANY", "ME/se/s fait/fais/font/faire .. BLOW",
    "KID .. HIT/HARASS/EXTORT", "KID .. HAS .. MOCK/HATE", "HIT/HARASS/EXTORT .. KID/ADULT/moi", "TAP OWN", "WHO TAP .. OWN", "ADULT .. TAP/LOCK .. me/m/OWN/PEER & !ANY", "MOCK .. OWN", "OWN .. MOCK & !ANY",
    "ME/lui/le/la/l/les THREAT", "ME/lui HAS .. THREAT", "KID/SOMEONE/ADULT/il/ils/elle .. THREAT", "THREAT .. DIE/KID/ADULT/WEAPON", "me/m EXTORT", "OWN .. FORCE .. par",
    "je/j/me/m/KID/il/elle .. SUICIDE", "WISH/va/allait/envie/pense/parle/parler .. SUICIDE", "je/il/elle/KID WISH .. DIE/VANISH", "envie de DIE/VANISH", "WISH DIE", "veux/envie/vais .. me DIE",
    "plus/pas/ni/jamais/aucune .. NOLIFE", "je NOLIFE", "avale .. DRUG", "pris/STEAL .. DRUG", "dit/disent/dire/ecrit .. de .. SUICIDE/DIE", "lui/m dit DIE",
    "KID/ADULT/SOMEONE .. ME/lui TOUCH", "ADULT .. TOUCH .. KID/SEX", "WHO .. SEX & ME/KID", "SEX .. KID/moi", "ADULT/SOMEONE .. demande .. IMAGE/SEX", "IMAGE .. moi/d_elle & SPREAD",
    "FORCE .. STEAL/voler", "KID .. WEAPON", "WEAPON .. KID/PEER", "FEAR .. SCHOOL/eux", "FEAR de INTRUDE che/chez", "NOGO & OWN", "je NOGO", "INJURY & KID & ADULT", "HATE & OWN", "me/moi SLUR",
    "LOCK .. HURTPLACE", "ADULT .. me/m/nous TAP", "va/vont/allait WEAPON", "ME/lui LOCK", "THEY .. me/m/ma/lui TAP & OFTEN", "IMAGE & HURTPLACE & THEY & me/m/mon/ma", "WHO STEAL & OFTEN", "personne .. EXCLUDE/WONT & moi/lui/elle/OWN", "CRY & OFTEN & SCHOOL",
    "MOCK & OFTEN & KID", "MOCK & SLUR & me/m/lui/on", "PESTER & OFTEN & ME/KID", "WHO .. WEAPON & me",
)  # fmt: skip

# A theme with no harmless frame around it: sure enough to be shown at once.
_THEMES = ("THEME", "HARASS & !ENTW", "SUICIDE", "EXTORT", "THREAT .. DIE", "SEX & KID", "HIT & KID & !ANY", "HIT & ADULT", "PEER HARM", "HARM & HELP", "HARM & KID", "NOGO & PEER", "NUMBER & HELP", "THREAT & SCHOOL")

# Enough to ask the engine, and to be shown when it is dead.
_HINTS = (
    "THREAT", "HIT", "HATE & KID/ME", "NOLIFE", "WEAPON & KID/me/m/moi/ADULT", "WEAPON .. SCHOOL", "NUMBER", "HARM", "SEX & ME/KID/ADULT", "MOCK & KID/OFTEN", "TAP KID", "lui/m SLUR", "WHO .. SLUR & OWN", "SLUR & OFTEN",
    "IMAGE .. moi/elle/lui & SPREAD", "IMAGE & HURTPLACE & ME/KID", "envie/WISH .. DIE/VANISH", "comment .. DIE", "FEAR & OFTEN", "NOGO", "FEAR .. FEAR", "personne .. EXCLUDE/WONT", "traite/traitent/traiter .. KID/me/m .. de", "traite/traitent .. sale/SLUR", "DEFORCE & KID/me/m", "ADULT me/m/lui/nous .. ODD", "me/m/lui/nous .. prend/prennent .. STEAL", "dit/disent .. suis SLUR", "FEAR .. chez moi/lui/elle", "lui/m .. dit DIE", "PEER .. va faire une betise", "FIGHT & KID/IMAGE/SCHOOL/ADULT", "SPREAD nos/mes/ma IMAGE & si", "IMAGE/MOCK/SLUR & ONLINE", "ACC & ONLINE & KID/ADULT", "MSG/lettre ANON", "ADULT/SOMEONE que je STRANGER & me/m", "voir LONELY", "INJURY & KID", "AGAINST", "a/m/aurait TOUCH .. KID", "LOCK .. KID",
    "savent ou .. habit", "ENOUGH & HELP", "KID .. DRUG", "OTHER .. STRANGER", "si tu/t .. IMAGE", "HURTPLACE .. OFTEN/NIGHT", "nous TAP", "m a baisse", "PEER va mal", "fait une WEB sur moi", "je me HATED", "fait disparaitre/mourir",
)  # fmt: skip
# Words so common that they count only in a message without a word of the portal.
_FAINT = (
    "ils me/m/nous", "on lui TAP/STEAL/jette/crache/dit/fait/interdit", "PEER & on lui", "GROUP .. me/m/moi", "SOMEONE .. me/m/lui", "KID .. se fait", "OWN .. plus", "OWN .. a FEAR", "PEER .. veut plus", "me/m/lui & OFTEN", "OFTEN & il/elle/ils", "ONLINE & THEY/me/m", "KID .. HURTPLACE",
    "OWN & GROUP/OFTEN", "contre OWN/moi/lui/elle", "veut plus & KID/SCHOOL", "veux plus & SCHOOL", "des PEER .. me/m", "un/une PEER .. me/m",
    "ME .. MOCK", "MOCK", "THEY .. me/m/ma/mon/se/lui/le/l/la/les TAP", "THEY .. TAP .. moi/dessus/KID", "KID .. TAP", "TAP .. KID", "FEAR & SCHOOL/KID/ADULT", "CRY & SCHOOL/KID/OFTEN", "EXCLUDE & PEER/OWN", "TOUCH & ADULT & ME/KID",
    "STEAL & OFTEN", "SECRET", "THEY .. me/m/nous/lui FORCE", "ils/on/des .. DAMAGE", "lui/me/m STEAL", "OTHER .. va/veut/vont me DIE", "SHOUT & KID & OFTEN/NIGHT/HIT", "j ai FEAR", "LOCK & ME/KID", "THEY .. me/m/l/le/la PESTER", "PESTER OWN", "IMAGE & GROUP & moi/m/l", "recre & HURTPLACE", "SICK & OFTEN", "je .. EXCLUDE", "on/ils .. couper/coupe .. cheveux", "FORCE & SEX/TOUCH", "comment VANISH", "pour VANISH",
)  # fmt: skip
_PORTAL = frozenset("ENTW ACC CODE PLACE WEB MSG".split())
# Signs that prove nothing alone; two different ones, about people, make a hint, if one is of the first kind.
_SOFT = frozenset(
    "FEAR CRY SHOUT HATED DAMAGE HIDE SICK INJURY SLUR MOCK EXCLUDE SECRET STEAL TAP FORCE LOCK DIE TOUCH ENOUGH PESTER WOE".split()
)
_GRAVE = frozenset("CRY SHOUT HATED DAMAGE HIDE INJURY MOCK SECRET WOE".split())
_SOFTER = frozenset("ONLINE NIGHT LONELY GROUP HURTPLACE OFTEN SPREAD".split())
_SOFT_NEEDED = 2
_PEOPLE = frozenset("OWN PEER ADULT SOMEONE il ele ils on me m moi je j".split())

_HACKED_TOLD = (
    "ANY .. HACK", "HACK .. ANY", "ME HACK", "ME HAS .. HACK", "HACK .. moi", "SOMEONE .. DO .. MY ANY", "SOMEONE .. DO .. KEY", "SOMEONE .. CHANGE/SEND & ACC/IMPOSTOR/NOTME", "PEER/ADULT .. STEAL/HOLD .. MY CODE", "SOMEONE .. sur/dans MY ANY & !PEER", "OTHER .. STEAL/pris MY KEY", "FAKE ACC", "MYNAME & INTRUDE & on/OTHER", "SOMEONE/PEER .. MYNAME",
    "PEER/ADULT .. INTRUDE/CHANGE .. MY KEY", "PEER/ADULT a/ont MY CODE", "OTHER .. avec MY KEY & SEND/CHANGE/INTRUDE", "KEY .. DO par OTHER", "on s est INTRUDE .. ANY", "on s est INTRUDE .. IMPOSTOR/MYNAME", "on m STEAL CODE/ANY", "on/m/ma .. STEAL MY KEY",
    "IMPOSTOR & SEND/INTRUDE/MSG/moi/me", "SEND .. NOTME & ME", "GIVE .. CODE .. a/au .. SOMEONE/ODD/FAKE", "CLICK .. MSG/WEB ODD/HACK", "ODD/FAKE MSG/WEB & CODE/CLICK/GIVE", "MSG ODD & CODE/CLICK/LURE", "MSG HACK", "HACK MSG", "NOTME .. ai/a SEND", "MSG .. que j ai pas/jamais SEND",
)  # fmt: skip
_HACKED_THEMES = ("HACK & ANY/MSG/WEB/HELP/SCHOOL/KID/ADULT/me/m/je", "HACK & SEND", "LEAK .. KEY", "KEY .. LEAK")
_HACKED_HINTS = (
    "HACK", "LEAK & ANY/MSG", "IMPOSTOR", "INTRUDE .. MY ANY", "SOMEONE/ADULT/PEER INTRUDE mes MSG/echanges", "s est INTRUDE .. MY ANY", "SEND .. avec MY ANY", "que NOTDONE", "LOGON .. SOMEONE", "SOMEONE .. dessus", "SOMEONE/on .. SEND .. ENTW de OWN", "LEAK & ACC", "CODE LEAK", "ADULT/PEER .. INTRUDE .. PLACE", "des PEER .. leur/leurs ACC", "on a mis/mi .. sur MY ACC", "ADULT/PEER a SEND .. avec", "il/elle/ADULT/PEER a eu CODE", "SCHOOL .. HOLD MY CODE", "nos CODE & INTRUDE", "ACC .. SEND .. PEER/ADULT", "OTHER a SEND .. avec PLACE", "CODE de validation/verification & OFTEN", "tout GIVE .. WEB", "un/une ADULT les INTRUDE", "MSG & reconnait/ressemble pas", "list PEER SPREAD", "NOTDONE & MSG", "LURE & MSG", "OTHER .. HOLD .. CODE", "ACC .. SEND .. MSG/GROUP/PEER", "SOMEONE .. MY ANY/ENTW", "NOTME & SEND/CHANGE/INTRUDE", "NOTME & MSG", "ACC .. NOTME", "ODD/FAKE .. MSG", "MSG .. ODD/FAKE", "FAKE WEB", "LOGON .. ODD/NOTME", "ODD WEB & ANY/CLICK/GIVE", "WEB .. ODD & CODE", "UNASKED & CODE/MSG", "HELP de LOGON", "MSG & ODD & CLICK",
    "MSG .. demande/reclame/demandant/reclamant .. CODE/ANY", "MSG & confirmer/verifier .. ANY", "MSG & LURE & CLICK/ODD/GIVE", "CLICK .. LURE", "CODE & LURE & GIVE/CLICK", "demande/reclame/demandant/donne .. CARD", "CARD & MSG", "reclame & LURE & MSG", "pour avoir MY CODE", "FORCE .. GIVE MY CODE", "met/mets ton CODE", "j ai tes CODE", "MYNAME & MSG/LURE/FAKE",
    "OTHER .. INTRUDE/HOLD .. MY KEY", "OTHER/il/elle a/ont MY CODE", "OTHER .. CLICK MY KEY", "OTHER .. avec MY ACC", "SOMEONE .. avec MY KEY", "un autre avec MY KEY", "LOGON sur/avec MY ANY & il/elle/OTHER", "qui .. INTRUDE .. MY KEY", "KEY a/ont/avait/avaient ete INTRUDE/CHANGE", "KEY .. s est INTRUDE", "KEY a/ont/avait/avaient INTRUDE/CHANGE",
    "ACC SEND/SPREAD/MOCK un/des/de/les/tout", "ACC SEND", "ACC .. OWN/PEER/ADULT SEND/SPREAD/MOCK", "ACC il SEND", "STEAL MY/HIS KEY", "SOMEONE .. INTRUDE mes/nos/mon MSG", "MSG .. est vrai/officiel/normal/fiable", "MY PLACE/ACC SEND des/un/de/tout", "GROUP/OTHER .. HOLD .. MY CODE", "ODD sur/dans MY ANY", "on m/ma .. CHANGE .. CODE", "OTHER .. INTRUDE .. MY ANY", "OTHER .. HOLD .. CODE d un/une", "CODE ODD", "CODE & ONLINE", "PEER .. IMAGE MY CODE", "OTHER/il/ils/elle .. trouve MY CODE", "WEB .. pas l ENTW & CODE/CLICK", "m a fait CLICK", "soupconne & ANY/LOGON", "KEY STEAL", "KEY a/est/sont/ont ete STEAL", "SEND depuis MY ANY & !j", "pris .. controle/main .. ACC", "OTHER/il .. regarde MY CODE", "OWN .. GIVE son/ses CODE .. PEER", "me l a/ont STEAL & CODE", "MSG/ENTW/IMAGE .. que j/je .. ai pas/jamais SEND/GIVE/fait/pris", "que j/je .. ai jamais fait/posee/pose/SEND", "en .. que je n ai pas SEND", "LEND .. CODE", "LEND .. MY KEY", "GIVE MY CODE .. OTHER", "CODE & SOMEONE .. s en INTRUDE", "PEER a/ont CHANGE .. ENTW", "PEER CHANGE ENTW", "INTRUDE par .. OTHER", "KEY .. CLICK par", "laisse MY/HIS ACC & OTHER .. SEND/INTRUDE/CHANGE", "OTHER/il/elle .. HOLD MY CODE", "droits .. INTRUDE", "OTHER .. INTRUDE .. KEY d un/une", "OTHER .. profit .. ACC", "PEER/m .. HOLD .. TAP/CODE & me/m/mon",
    "CLICK .. MSG & depuis/maintenant", "CLICK .. pas du", "WEB .. CLICK .. main", "MY KEY & OTHER .. dedans",
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
    elided = _WHOLE.get(word[1:]) if word[0] in "ldjmtsn" and len(word) > 5 else None
    if elided and elided not in _HARMLESS:
        return elided, 1  # an elision written in one word: « lenfan », « mforce »
    for length in range(len(word), _SHORTEST_BEGINNING - 1, -1):
        if word[:length] in _BEGINNINGS:
            return _BEGINNINGS[word[:length]], 1
    return word, 1


_HARMLESS = frozenset(("FRAME", "PLAY", "LAUGH", "ENTW"))
_SENTENCE_END = re.compile(r"[.;:?!\n…]+")
# A made-up word carries the end of a sentence through the normalisation, which drops punctuation.
_BREAK = "jdj"
# « pas harcelé », « plus de menaces », « jamais été piraté »: the word is there to be denied.
_DENIED = re.compile(
    r"\b(?:pas|plu|jam|okun|san|ni) (?:(?:ete|etr|de|d|un|me|m|se|s|l|le|la|du) ){0,2}"
    r"(?:HARASS|THEME|HIT|THREAT|MOCK|HACK|EXTORT)\b"
)

# « que je n'ai jamais écrit », « j'ai rien envoyé »: done, but not by the person who writes.
_NOT_DONE = re.compile(
    r"\b(?:je|j) (?:(?:ne|n|lui|leur|i|l|les|la|le) )*(?:e|ave) (?:bien sur )?(?:pas|jam|rien) (?:SEND|GIVE|CHANGE|INTRUDE|fet|pos|pri|adres|NOTME) "
)
# What the writer does, wants or asks how to do: « je change mon code », « pour entrer », « comment modifier ».
_SELF = re.compile(
    r"\b((?:je|j|nou|vou|kom|pour|de|d|san|fot|fo|peu|pui|doi|pouv\w*|doiv|voudr|WISH|emer|ou|aler|fer|savoir|oubli|possibl|a koi|votr) "
    r"(?:(?:ne|n|me|m|i|le|la|l|les|lui|nou|vou|e|ave|ete|sui|veu|peu|doi|ves|pas|plu|bien|deja|pouv|me|du|de|fer|etr|se|s|t on|on|jam|mem|just|encore|ankor|tou|toujour|ariv|ariv pas|ariv plu|a) ){0,5})"
    r"(?:INTRUDE|CHANGE|SEND|HOLD) "
)


def _concepts(text: str) -> str:
    """Return `text` as a string of concepts and words, « | » between sentences, a space at the end."""
    words = _sound(_SENTENCE_END.sub(f" {_BREAK} ", text)).split()
    line, position = [], 0
    while position < len(words):
        concept, length = _concept(words, position)
        line.append("|" if concept == _BREAK else concept)
        position += length
    concepts = _DENIED.sub("DENIED", " ".join(line)) + " "
    return _SELF.sub(r"\1SELF ", _NOT_DONE.sub("NOTDONE ", concepts))


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


_GAP = r"(?:(?!j |je |peu |pouvoir )[^ |]+ ){0,4}?"


def _expand(slot: str) -> list[str]:
    """Return the concepts and heard words that may stand in `slot`."""
    names = [name for written in slot.split("/") for name in _SHORTCUTS.get(written, written).split("/")]
    names = [final for name in names for final in _SHORTCUTS.get(name, name).split("/")]
    return list(dict.fromkeys(name if name in _WORDS or name in ("DENIED", "NOTDONE", "SELF") else _sound(name) for name in names))


def _rule(line: str) -> _Rule:
    needs, patterns, none_of = [], [], set()
    for part in line.split(" & "):
        if part.startswith("!"):
            none_of.update(_expand(part[1:]))
            continue
        pieces = [r"(?<!\S)"]
        slots = part.split()
        for slot in slots:
            if slot == "..":
                pieces.append(_GAP)
                continue
            names = _expand(slot)
            needs.append(frozenset(names))
            pieces.append(f"(?:{'|'.join(names)}) ")
        if len(slots) > 1:
            patterns.append(re.compile("".join(pieces)))
    return _Rule(line, tuple(needs), tuple(patterns), frozenset(none_of))


_RULES = {
    HARASSMENT: tuple(tuple(map(_rule, lines)) for lines in (_TOLD, _THEMES, _HINTS, _FAINT)),
    HACKED: tuple(tuple(map(_rule, lines)) for lines in (_HACKED_TOLD, _HACKED_THEMES, _HACKED_HINTS, ())),
}


def recognise_urgent(text: str) -> UrgentSigns:
    """Read `text` (as typed) for harassment, danger, distress or a hacked account."""
    if len(text) > 2 * _READ_EACH_END:
        text = f"{text[:_READ_EACH_END]}\n{text[-_READ_EACH_END:]}"
    concepts = _concepts(text)
    present = frozenset(concepts.split())
    best, best_rank = UrgentSigns(), 0
    for topic, (told, themes, hints, faint) in _RULES.items():
        framed = not present.isdisjoint(("FRAME", "LAUGH") if topic == HACKED else ("FRAME", "LAUGH", "PLAY"))
        sure = [rule.name for rule in told if rule.matches(concepts, present)]
        theme = [] if framed else [rule.name for rule in themes if rule.matches(concepts, present)]
        if framed and present.isdisjoint(("OWN", "me", "m")):
            sure = []  # the child of a novel, not the person's own
        hint = [] if framed else [rule.name for rule in hints if rule.matches(concepts, present)]
        if not framed and present.isdisjoint(_PORTAL):
            hint += [rule.name for rule in faint if rule.matches(concepts, present)]
            soft = sorted((_SOFT | _SOFTER) & present) if topic == HARASSMENT and not _PEOPLE.isdisjoint(present) else []
            if (len(soft) >= _SOFT_NEEDED and not _SOFT.isdisjoint(soft)) or not _GRAVE.isdisjoint(soft):
                hint.append("+".join(soft))
        certain = bool((sure and not framed) or theme)
        rank = 2 * certain + bool(sure or theme or hint)
        if rank > best_rank or rank == best_rank == 1:
            best, best_rank = UrgentSigns(topic, certain, (*sure, *theme, *hint)), rank
    return best
