"""Recognise harassment, distress and hacked accounts by their words, in the web process, on every message.

A message becomes a string of concepts (« kelkun ma tapé » → « SOMEONE ma TAP »), in which short rules look for
combinations: who, what, to whom. No model and no list of sentences: what must hold is other people's words, spelt
their own way. The trained reader (bot.language.reader) and the engine complete it; before there is a model, this alone
decides.
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

    `certain`: shown at once, without the engine. A topic that is not certain is a hint: the engine or the reader
    decides, with a lowered threshold; before there is a model the message is treated as urgent. `reasons`: the rules
    that matched, never the words of the message, so that they may be logged.
    """

    topic: str | None = None
    certain: bool = False
    reasons: tuple[str, ...] = ()


# --- spelling ------------------------------------------------------------------------------------------------------

# Typed shorthand that matters here and that the shared list leaves alone (there it would be ambiguous), and words
# that would be heard as another one (« parent » as « par », « mais » as « mes »).
_SHORT = {
    "jme": "je me", "jmen": "je m en", "jm": "je m", "jen": "j en", "jve": "je veux", "jvai": "je vais", "jvais": "je vais",
    "jfe": "je fais", "jpeut": "je peux", "jna": "je n ai", "jle": "je le", "jlai": "je l ai", "jtai": "je t ai",
    "jdors": "je dors", "jmange": "je mange", "jpense": "je pense", "jdoi": "je dois", "jcroi": "je crois", "jlui": "je lui",
    "kil": "qu il", "kils": "qu ils", "kel": "qu elle", "kon": "qu on", "kk1": "quelqu un", "di": "dit", "dise": "disent",
    "fe": "fait", "fai": "fait", "ve": "veut", "vx": "veux", "mn": "mon", "mi": "mis", "tlj": "tous les jours", "jr": "jour",
    "jrs": "jours", "lecol": "l ecole", "lecole": "l ecole", "decole": "d ecole", "mtn": "maintenant", "garson": "garcon",
    "garsons": "garcons", "mo": "mot", "pass": "passe", "comte": "compte", "otre": "autre", "lai": "l ai", "tro": "trop",
    "sui6de": "suicide", "cest": "c est", "ya": "il y a", "manje": "mange", "id": "identifiant", "ids": "identifiants",
    "daron": "pere", "daronne": "mere", "reuf": "frere", "reum": "mere", "seur": "soeur", "yakelkun": "il y a quelqu un",
    "mais": "or", "parent": "parents", "argent": "argents", "dont": "duquel", "url": "adresse", "accent": "accens",
    "honte": "honteux", "lait": "lai",
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

# Concept: words and runs of words, as they are heard; « x* » with any ending. A word has one concept, the first that
# names it.
_LEXICON = """
# People
OWN: mon fils, ma fille, mes filles, mon enfant, mes enfants, mon garcon, mon petit, ma petite, mon gamin, ma gamine,
  mon ado, mon aine, ma cadette, mon cadet, mon neveu, ma niece, mon petit fils, ma petite fille, ma petite soeur,
  mon petit frere, mon gosse, ma belle fille, mon beau fils
SOMEONE: un autre appareil, quelqu un, inconnu, des gens, personne etrangere, intrus, escroc*, individu,
  je sais pas qui, on ne sait qui
PEER: fils, enfant, garcon, gamin, gosse, ados, adolescen*, eleve, camarade, copain, copains, ami, pote, gars, mec,
  meuf, frere, soeur, cousin, collegien*, lyceen*, ecolier*, jeune, fillette, des grands, les grands, un grand,
  une grande, petit garcon, petite fille, un petit, une petite, la petite, le petit, les petits, ce petit,
  cette petite, cp, ce1, ce2, cm1, cm2, 6e, 5e, 4e, 3e, sixiemes, cinquiemes, quatriemes, troisiemes, terminales,
  moyenne section, grande section, petite section
ADULT: pere, mere, papa, maman, beau pere, belle mere, parents, mari, femme, conjoint, conjointe, compagnon, compagne,
  ex, tonton, oncle, mamie, grand pere, nounou, voisin, prof, professeur, maitresse, instit*, enseignan*, surveillan*,
  animateur, animatrice, educateur, educatrice, directeur, directrice, principal, adulte, monsieur, homme, entraineur,
  hierarchie, collegue, aesh, atsem, pion, stagiaire, predecesseur, secretaire, chef, superieur, assistant, proviseur
GROUP: toute la classe, tout le college, tout le lycee, toute l ecole, les autres, tout le bahut, tout le monde
# What people do to them
AGAINST: contre moi, contre lui, contre elle, groupe contre, contre un, contre le meme, la bande, sa bande, leur bande,
  s en prend, s en prendre
THEME: harcelement, cyberharcelement, cyber harcelement, maltraitance, violence, racket, racisme, suicide, sextorsion,
  inceste, pedophilie, homophobie
ENOUGH: en peux plus, arrete pas de
HARASS: s acharne sur, s acharne contre, harcel*, cyberharcel*, persecut*, souffre douleur, bouc emissaire,
  tete de turc, bizut*, victimis*, appels malveillants, brimad*, maltrait*, lynch*, intimid*, martyris*, mal traite,
  acharnent, fait la misere, font la misere, pourrit la vie, pourrissent la vie, vivre un enfer
THREAT: regler mon compte, regler son compte, menac*, chantage, fait chanter, faire chanter, represaille*, si tu parle,
  si tu le dis, si tu dis, faire la peau
EXTORT: racket*, extorqu*
BREAK: casse le bras, casse le nez, casse une dent, casse la jambe, casse les dents, casse un bras
HIT: fracass*, massacre*, pete la gueule, pete le nez, gifle*, mis une tarte, met des claques, deglingue*, defonc*,
  tire l oreille, tire les oreilles, frapp*, tabass*, cogne*, molest*, etrangl*, strangul*, baston*, brutalis*,
  agress*, passage a tabac, violemment, casse la figure, casse la gueule, serre le cou, mis un coup, mis une claque,
  mis des claques, donne des coups, des coups de, coups de poing, coups de pied, coups de ceinture, poignard*, battu,
  crache*, crachat*, croche pied, croche patte, par terre, des coups, castagn*, tire les cheveux, par les cheveux,
  roue de coups
TAP: la bousculer, jete des, tape, bat, battre, pousse, bouscul*, griffe*, secoue*, coince, fait tomber, font tomber,
  faire tomber, deshabill*, fait mal, font mal, fait du mal, font du mal, plaque, baffe, jette, gueule dessus
PESTER: embete, emmerde*, ennuient, enquiquin*, les noises
LOCK: enferm*, dans le noir, dans un placard, dans le placard, attache a une, attache a un, attachent a, tete dans,
  baisse le pantalon, baisse son pantalon, jete mes, jete ses, attendent a la sortie, attendent a la recre,
  m attendent, m attend, dans la poubelle
INJURY: coupures profondes, bras lacere, des bleus, un bleu, bleus sur, avec des bleus, hematome*, ecchymos*,
  des traces, traces aux, des marques, marques sur, traces sur, traces de coup, brulure*, cicatrice*, coupures sur,
  coupures aux, ceinture, ceinturon, bras coupe, oeil au beurre, saigne
MOCK: imitent, se bouchent le nez, rit avec eux, moqu*, insul*, humili*, rabaiss*, ridiculis*, denigr*, injuri*,
  ricane*, se fout de, se foutent, se fichent de, rigolent de, rit de, riant de, traite de, me traite, le traite,
  la traite, traitant de, la traitant, le traitant, rumeur*, calomni*, mtraite, degradant*, la risee, ficha,
  m appelle la, m appellent le
SLUR: merde humaine, une merde, bon a rien, clochard, pute, salope, pd, tapette, gouine, negre, cassos, batard, encule,
  mongol, bouffon, moche, grosse, gros porc, grosse vache, sale gros, sale grosse, pue, laideron
HATE: sale noir, sale arabe, sale juif, sale race, sale blanc, sale chinois, sale gitan, raciste, homophob*,
  grossophob*, antisemit*, retourne dans ton pays, rentre dans ton pays, negro, bougnoul*
SHOUT: crie dessus, hurle dessus, crie, hurle
HATED: je me deteste, me degoute, me deteste, le deteste
EXCLUDE: laisse jamais jouer, laisse pas jouer, rejete*, l ecart, mange seul, mange tout seul, ostracis*,
  laisse de cote, souffre, souffrance, souffrir
LONELY: invisible, reste seul, isole, exclu, tout seul, toute seule, seul
WONT: veut jouer, veulent jouer, joue avec, veut s asseoir, veut etre, veut me parler, me parle, lui parle,
  veut de moi, veut de lui, veut se mettre, veut manger
ANON: anonym*
FIGHT: bagarr*, se sont battus, se battent
HIDE: en cachette, cache ses bras, cache mes, cache les vetements, pour pas qu ils, me cache, me planque, me retrouvent
# Danger of death
SUICIDE: coupe les bras, coupe les veines, coupe le poignet, coupe les poignets, suicid*, scarif*, automutil*, mutil*,
  en finir, fin a ses jours, fin a mes jours, se pendre, me pendre, te pendre, se tuer, te tuer, se tue, idees noires,
  pensees noires, lettre d adieu, dit adieu, dire adieu, tue toi, foutre en l air, foutre en lair, se jeter du,
  se jeter sous, se jeter par, se jeter dans, me jeter sous, me jeter du, me jeter par, sauter par, sauter du,
  saute par la, ouvrir les veines, taillad*, ses veines, mes veines, les veines, se coupe les, je me coupe,
  se fait du mal, me fais du mal, me faire du mal, se faire du mal, en finit
DIE: mourir, creve, mort, tuer, tue
VANISH: disparaitre
DRUG: des cachets, de cachets, plein de medicaments, de medicaments, medoc, comprimes, somniferes, doliprane
NOLIFE: plus de vivre, marre de la vie, a quoi ca sert de vivre, sert de vivre, vouloir vivre, vaut la peine de vivre,
  raison d etre la, serait plus la, sera plus la, envie de vivre, gout a rien, gout de vivre, gout a la vie,
  force de vivre, raison de vivre, envie de rien, plus vivre, pas vivre, j etais plus la, mieux sans moi, me hais,
  deteste ma vie, jamais me reveiller, plus me reveiller, pas me reveiller, ouvrir les yeux, plus etre la,
  etre plus la, vie ne vaut, marre de vivre, vie est nulle, vie est foutue, personne m aime, mieux mort, mieux morte,
  me sens de trop, je sers a rien
# Body and images
SEX: me fait des choses, lui fait des choses, fait des choses le soir, nue, attouch*, viol, violeur, incest*,
  pedophil*, pedo, nude, obscene*, porn*, sexuel*, sexe, pervers, exhibition*, culotte, seins, zizi, vagin, soutif,
  soutien gorge, parties intimes, masturb*, predateur, photo intime, image intime, tout nu, toute nue, denude*,
  main aux fesses, les fesses, mes fesses, a poil, degueulasses
TOUCH: touche, caresse*, bisous, embrasse
IMAGE: photo, video, image, capture, filme, montage, deepfake
ONLINE: snap, insta, tiktok, instagram, snapchat, whatsapp, discord, messenger, roblox, reseaux sociaux
SPREAD: diffus*, partout, leak*, circule, fait le tour, publie, partage
WEAPON: couteau, arme, cutter, pistolet, flingue, machette, gazeuse, bombe lacrymo, bruler l ecole, attentat, revolver,
  lame de rasoir, rasoir, compas, fusil, tirer dans le, tirer sur, mis le feu, mis du feu, mettre le feu, planter a,
  me planter, le planter, va planter, allait planter
# How it feels
FEAR: peur, terroris*, terrifi*, angoiss*, trembl*, cauchemar*, sursaut*, effraye, apeur*, phobi*, boule au ventre,
  mal au coeur, respirer, se cache
CRY: fait que pleurer, en larmes, pleur*, larmes, sanglot*, desespere, mal etre, va tres mal, vais tres mal,
  perdu du poids, depressi*, deprim*
SICK: vomi*, mal au ventre, mange plus, dort plus, veut plus manger
NOGO: envie de venir, envie d aller, envie d y aller, descendre de la voiture, veut plus aller, veut plus venir,
  veut plus retourner, veux plus y aller, refuse d aller, refuse de retourner, laisse pas aller, peur d aller,
  refus scolaire, ose plus aller, n ose plus, peur de venir, peur de rentrer, peur de retourner,
  veut plus mettre les pieds, refuse de venir
# What surrounds it
SECRET: rien dire, ose pas le dire, un secret, le repeter, fait jurer, faut pas le dire, pas le dire,
  parler a personne, si j en parle, si je parle, le dire a qui, honte d en parler
HURTPLACE: au portail, devant le portail, toilettes, chiottes, vestiaire, douche, couloir, poubelle, escalier, cave,
  chambre, parking, dans son lit, dans mon lit, sous le lit
HARM: fugue, fugueur, dormir dans, tuerie, fusillade, dehors la nuit, seule depuis, se pendre dans, met dehors,
  mis dehors, jete dehors, laisse dehors, en danger, mise en danger, information preoccupante, marier de force,
  mariage force, neglig*, en detresse, detresse, affame, sans manger, rien a manger, pas a manger, dort dehors,
  a la rue, dort dans une voiture, drogu*, prostitu*, ivre, alcoolique, temoin de violence, emprise
STRANGER: photographie les enfants, photographie des enfants, on se voit, me rejoindre, venir chez moi,
  jusque chez moi, vieux, bonbons, derriere le grillage, derriere la grille, suivi par un homme,
  suivie par un monsieur, en voiture, rode, suit jusque, monter dans sa, me voir seul, rencontre en ligne,
  rencontre sur, connais pas
HELP: au secours, aidez, aide moi, sauvez, que faire, qui appeler, a qui parler, signaler, signalement, alerter,
  conduite a tenir, protocole, procedure, prevenir, reagir, victime
NUMBER: 3018, 119, 3114, 3020, phare
OFTEN: tous les jours, tous les soirs, tous les matins, tous les midis, tous les dimanches, chaque jour, chaque soir,
  chaque matin, chaque dimanche, tout le temps, sans arret, quotidien*, longueur de journee, a chaque fois,
  a chaque cours, en permanence, chaque nuit, toutes les nuits, chaque recre, toutes les recres, arretent pas,
  arretent jamais, depuis des mois, depuis des semaines
NIGHT: la nuit
DAMAGE: arrache, dechire, casse ses, casse mes, casse sa, casse mon, casse ma, lunettes cassees
STEAL: derobe, vole, pique, mes affaires, ses affaires, son gouter, mon gouter, son argent, mon argent, de l argent,
  mon fric, argent de poche, m a pris, m ont pris
DEFORCE: de force
FORCE: force, oblige, mforce
# Words of suffering and hostility too various for a concept each
WOE: me brule, l a brule, se fait griffer, inquietants, craindre le pire, deperit, un enfer, me poursuit, crise,
  fouille dans les poubelles, creve les pneus, plaque contre, sang partout, porte plainte, abus*, affol*, aneanti*,
  atroce, barbar*, blessure, calvaire, chagrin, cruel*, cruaute, degout*, degueul*, denonc*, derape, desespoir,
  destructeur, detruit, detruite, devaste, diffam*, discrimin*, effondr*, empoign*, en pleurs, epuise moralement,
  etouff*, evanou*, exhib*, gratuitement, haineu*, honte, horreur, horrible, insecur*, insomn*, isolement,
  laisser aller, malais*, malheureu*, marginalis*, mauvais traitement, mechan*, mefi*, mepris*, misere, mutique,
  nargu*, odieu*, otage, pervers*, pipi au lit, poignets, prostr*, provoc*, punissent, railler*, salir, sang, se taire,
  seule au monde, soumi*, sournois*, stigmat*, stress*, suspicion, terreur, tortur*, trauma*, trist*, vengeance,
  se venger, violents, vulner*, ecchymose, bete noire, bouboule, capuche, charrie, danger, dispute, effrayant,
  embrouille, ennemi*, etat de choc, kidnapp*, laxatif, maigr*, me regarde, meurtr*, morb*, obsed*, ont peur,
  perdu connaissance, pression, sans defense, se defendre, seins nus, sequestr*, suffoqu*, taquin*, vermine, voyeur
SCHOOL: ecole, college, lycee, classe, cour, recre, recreation, cantine, bus, maternelle, creche, self, gymnase
# Accounts
mon PLACE: mon ent
mon ACC: mon adresse, mon pseudo
son ACC: son adresse
ACC: compte, session, profil, boite mail, boite d envoi, identite
CARD: carte bleue, carte bancaire, numero de carte, code de carte
CODE: identifiant, code, mot de passe, mot passe, login, acces
PLACE: messagerie, espace, educonnect, pronote, boite
# Tricks
HACK: pirat*, hack, hacke, hacker, usurp*, phish*, hamecon*, arnaqu*, frauduleu*, malveillan*, malware, compromis,
  compromise, falsifi*, cheval de troie, spyware, logiciel espion, escroqu*, espionn*, piegee
LEAK: divulgue, detourne, fuite, leake, virus, infecte*, intrusion
ODD: louche, chelou, suspect, suspecte, douteux, douteuse, bizarre, bizarrement, etrange, anormal*, inhabituel*,
  l air vrai, pas vrai, ressemble a celui, vraiment l ecole, vraiment vous, vraiment le, autre pays, un pays,
  jamais vu, pas net, pas le vrai, malsain, fiable, arnaqueur
FAKE: imite notre, imite le, imite la, faux, fausse, soi disant, pretendu*
UNASKED: pas demande, jamais demande, rien demande
MSG: mel, mail, courriel*, message, sms, texto, lien, liens, piece jointe, email
WEB: site, page, formulaire, fenetre, notification, pub, appel, telephone, conseille, support, technicien, agent,
  service, fichier
LOGON: historique, connexion
LURE: rancon, clic ici, va fermer, allait etre desactive, allait fermer, etre desactivee, cartes cadeaux, acheter des,
  boite pleine, boite saturee, bourse de, payer, paiement, amende, bourse, gagner, robux, skin, credits, virement,
  euros, crypto, colis, avant minuit, 24 heures, sera supprime, va etre supprime, allait etre supprime,
  supprimer mon compte, va expirer, va etre bloque, va etre desactive, sera bloque, sera desactive, sera ferme
# What is done with an account
CLICK: clique, repondu, telecharge, rempli, ouvert, ouverte, ouvrir, installe, rentre mes, mis mon, mis mes
GIVE: donne, saisi, communique, transmis, dit mon
LEND: prete, vendu, vend, vendent, file son, file mon, partage mon, partage son, divulgu*
HOLD: photograph*, trouve, note mon, enregistre, possede, connait, connaissait, sait mon, garde, devine, vu, recuper*
INTRUDE: consulte encore, detourn*, dessus mon, utilis*, sert, servi, connecte, entre, rentre, introduit, lit, lu,
  fouill*, ouvre, consult*, accede, profite, va sur, vont sur, trafiqu*, trifouill*
CHANGE: modifi*, change, efface, remplac*, bouge, annul*, justifi*
SEND: valide, coche, signe, mis une photo, ecrit, ecrire, ecrivent, envoie, poste, repond, reponds, spamm*, redige,
  supprime
IMPOSTOR: a mon insu, en mon nom, en son nom, sous mon identite, fait passer pour, font passer pour, faire passer pour,
  fesant passer pour, venant de moi, portait ma signature, avec ma signature, signe de mon nom
MYNAME: sous le nom de, sous mon nom, avec mon nom, sous son nom, au nom de l ecole, avec le nom de
NOTME: jamais de la vie, n est plus la mienne, pas la mienne, il dormait, elle dormait, c est pas moi,
  ce n est pas moi, est pas moi, c etait pas moi, c pas moi, ni moi, sans moi, a ma place, suis pour rien, rien touche,
  rien fait, n etait pas moi, etait pas moi, je dormais, je dors, sans ma permission, sans me demander, n y peux rien,
  en mon absence, pendant mon absence, pendant que j etais, sans mon accord
# What makes the same words harmless
FRAME: classe virtuelle, sur le harcelement, sur la violence, sur les violences, sur le cyberharcelement,
  sur le suicide, contre le harcelement, contre la violence, contre les violences, anti harcelement,
  non au harcelement, au harcelement, faute de frappe, aller frapper a la porte,
  aller frapper a une autre porte, aller frapper a votre porte, stage sur, stage de, concours, proces, coup de main,
  coup de crayon, coup d oeil, coup de fil, coup de pouce, coup de telephone, on se moque de nous, on se moque de moi,
  un livre, mon livre, livre sur, le livre, expose, redaction, dissertation, un film, le film, bon film, ce film,
  du film, film sur, roman, chanson, poeme, episode, serie, heros, personnage, definition, synonyme, une affiche,
  mon affiche, l affiche, charte, reglement, formation, conference, campagne, prevention, sensibilis*, quiz, sequence,
  seance sur, emc, article, documentaire, oral, theatre, tragedie, resume, slogan, depliant, debat, en histoire,
  une histoire, modele, ressources sur, mediacentre, dictee, chapitre, guerre, pirates des, reportage,
  intervention sur, plan d action, assurance, antivirus, loi, atelier sur, cours sur, portait sur, c est quoi un,
  video de notre, programme emc, bandeau, machine, a pleurer, redoublement, publicitaire, journee contre, lutte contre,
  semaine contre, protege
PLAY: un jeu, ce jeu, mon jeu, au jeu, jeu video, la console, minecraft, fortnite, zelda, manette, combat, record, psg,
  om
LAUGH: rire, de faim, de soif, de fatigue, mort fatigue, tuer le temps, de honte, d ennui, de chaud, de froid, mort de
ENTW: dossier, dossiers, document, documents, annuaire, import, importe, tableau de bord, blog, avatar, prenom,
  tutoriel, tuto, affichage, portail, ordinateur, tablette, navigateur, rubrique, outil, en ligne, internet, lecon,
  enonce, moderer, informations, daltonisme, zombies, planning, devoir, cahier, bouton, ecran, emploi du temps, note,
  visio, application, menu, livret, bulletin, moyenne, micro, appreciations, ent, serveur, barre, clavier, adresse
"""

# --- combinations --------------------------------------------------------------------------------------------------

# In a rule: CAPITALS a concept, small letters a word, « / » one or the other, « .. » up to four words between (never
# past the end of a sentence, nor past « je » or « peut »: another thing is being told), « & » both in the message in
# any order, « & ! » not in it; a « ; » ends a rule.
_SHORTCUTS = {
    "KID": "OWN/PEER",
    "OTHER": "PEER/ADULT/SOMEONE",
    "THEY": "PEER/ADULT/GROUP/SOMEONE/il/ils/elle/elles/on/qui/y",
    "WHO": "OWN/PEER/ADULT/GROUP/SOMEONE/il/ils/elle/elles/on/qui/y",
    "ME": "me/m/ma/mon/nous/moi/mes",
    "HIM": "le/la/l/les/lui/leur/se/s",
    "HAS": "a/ont/est/as/ait/avait/aurait/avoir/ete/fait/font/faire/fais/va/vont/allait/veut",
    "WISH": "veux/veut/voulait/voudrais/vouloir/voulais",
    "BLOW": "HIT/TAP/HARASS/MOCK/THREAT/EXTORT/HATE/PESTER/BREAK",
    "MY": "mon/ma/mes/notre/nos",
    "HIS": "son/sa/ses/leur/leurs/le/la/du/de/d/un/une",
    "KEY": "ACC/CODE",
    "ANY": "ACC/CODE/PLACE",
    "DO": "INTRUDE/CHANGE/SEND/HOLD",
}

# Told of a person: sure. Within a harmless frame (a lesson, a film, a joke) it is still a hint, if it is told of
# oneself or of one's child.
_TOLD = """
ME HIT/HARASS/EXTORT & !ENTW/MSG; ME/HIM HAS .. HIT/HARASS/EXTORT/MOCK/BREAK & !ANY; ME MOCK & !ANY;
ME/se/s fait/fais/font/faire .. BLOW; HIM HIT/HARASS/EXTORT & KID; KID .. HIT/HARASS/EXTORT; KID .. HAS .. MOCK/HATE;
HIT/HARASS/EXTORT .. KID/ADULT/moi; WHO me TAP & !ANY; ADULT .. me/m/nous TAP; TAP OWN; WHO TAP .. OWN;
ADULT .. TAP/LOCK .. me/m/OWN/PEER & !ANY; THEY .. me/m/ma/lui TAP & OFTEN; ils/ADULT .. BREAK; MOCK .. OWN & !ENTW;
OWN .. MOCK & !ANY; MOCK & OFTEN & KID; MOCK/traite & SLUR & me/m/lui/on; HATE & OWN;
personne .. WONT & moi/lui/elle/OWN; ME/lui/le/la/l/les THREAT; ME/lui HAS .. THREAT;
KID/SOMEONE/ADULT/il/ils/elle .. THREAT; THREAT .. DIE/KID/ADULT/WEAPON; je/j/me/m/KID/il/elle .. SUICIDE;
WISH/va/allait/envie/pense/parle/parler .. SUICIDE; je/il/elle/KID WISH .. DIE/VANISH;
WISH/envie .. DIE/VANISH & !LAUGH; plus/pas/ni/jamais/aucune .. NOLIFE; je NOLIFE; avale/pris/STEAL .. DRUG;
dit/disent/dire/SEND .. de .. SUICIDE/DIE; lui/m .. dit DIE; merite .. DIE; KID/ADULT/SOMEONE .. ME/lui TOUCH;
ADULT .. TOUCH .. KID/SEX; WHO .. SEX & ME/KID; SEX .. KID/moi; ADULT/SOMEONE .. demande .. IMAGE/SEX;
IMAGE .. moi & SPREAD/ONLINE; IMAGE & HURTPLACE & THEY & me/m/mon/ma; STEAL & IMAGE & montrer; FORCE .. STEAL;
KID .. WEAPON; WEAPON .. KID; va/vont/allait WEAPON; INJURY & KID; LOCK .. HURTPLACE; ME/lui LOCK & !ENTW;
NOGO .. SCHOOL & !ENTW/IMAGE; FEAR d .. SCHOOL; FEAR .. eux; CRY & OFTEN & SCHOOL
"""

# A theme with no harmless frame around it: sure enough to be shown at once.
_THEMES = """
THEME & !ENTW/MSG/WEB/SPREAD/IMAGE; HARASS & !ENTW/MSG/WEB; SUICIDE & !ENTW/WEB; EXTORT; SEX & KID/ME/ADULT; NOLIFE;
HIT & KID/ADULT & !ANY/ENTW; HARM & KID/ADULT/HELP; NUMBER & HELP & !ENTW/SPREAD; THREAT & SCHOOL
"""

# Enough to ask the engine, and to be shown when it is dead.
_HINTS = """
THREAT; THEME par/sur MSG/ONLINE; HIT & !KEY; HARM; HATE & KID/ME; WEAPON & KID/me/m/moi/ADULT/SCHOOL;
MOCK & KID/OFTEN & !ENTW; TAP KID; WHO .. SLUR & OWN; SLUR & OFTEN; IMAGE .. moi/elle/lui & SPREAD & KID/me/m;
group .. IMAGE de moi/lui/elle; IMAGE & HURTPLACE & ME/KID; comment .. DIE; FEAR & OFTEN; NOGO; FEAR j ai FEAR;
FEAR .. chez moi/lui/elle; personne .. EXCLUDE/WONT; DEFORCE & KID/me/m; traite/traitent/traiter .. KID/me/m .. de;
traite/traitent .. sale/SLUR; ADULT me/m/lui/nous .. ODD; me/m/lui/nous .. prend/prennent .. STEAL;
dit/disent que je suis .. SLUR; PEER .. va faire une betise; il/ils/on .. SEX; PEER .. SEX; SUICIDE;
SOMEONE/on .. lui SEND .. SUICIDE; SPREAD MY IMAGE & si; IMAGE/MOCK/SLUR & ONLINE; ACC & ONLINE & KID/ADULT;
MSG/lettre ANON; ADULT/SOMEONE que je STRANGER & me/m; AGAINST; a/m/aurait TOUCH .. KID; ENOUGH & HELP;
ENOUGH de vivre; KID .. DRUG; OTHER .. STRANGER; si tu/t .. IMAGE; HURTPLACE .. OFTEN/NIGHT; nous TAP; CRY & SICK;
WEAPON & FIGHT; IMAGE .. SEX; on lui TAP & OWN; m a baisse; baissent .. pantalon; PEER va mal; fait une WEB sur moi;
savent ou j habite
"""

# Words so common that they count only in a message without a word of the portal.
_FAINT = """
ils me/m/nous; on lui TAP/STEAL/HIT/dit/fait/interdit; GROUP .. me/m/moi; SOMEONE .. me/m/lui; KID .. se fait;
un/une/des PEER .. me/m; OWN .. parle/mange/dort/rit/joue/sort plus; OWN .. a FEAR; me/m/lui & OFTEN; OFTEN & ils;
ONLINE & THEY/me/m; KID .. HURTPLACE; OWN & GROUP/OFTEN; contre OWN/moi/lui/elle; veut plus & KID/SCHOOL; ME .. MOCK;
MOCK; THEY .. me/m/ma/mon/se/lui/le/l/la/les TAP; THEY .. TAP .. moi/dessus/KID; KID .. TAP; TAP .. KID;
FEAR & SCHOOL/KID/ADULT; CRY & SCHOOL/KID/OFTEN; EXCLUDE & KID; TOUCH & ADULT & ME/KID; STEAL & OFTEN; SECRET;
THEY .. me/m/nous/lui FORCE; ils/on/des .. DAMAGE; lui/me/m STEAL; OTHER .. va/veut/vont me DIE;
SHOUT & KID & OFTEN/NIGHT/HIT; j ai FEAR; LOCK & ME/KID; IMAGE & GROUP & moi/m/l; NUMBER;
FIGHT & KID/IMAGE/SCHOOL/ADULT; SICK & OFTEN; on/ils .. couper/coupe .. cheveux; FORCE & SEX/TOUCH; pour VANISH
"""
_PORTAL = frozenset("ENTW ACC CODE PLACE WEB MSG".split())

# Signs that prove nothing alone; in a message about people and without a word of the portal, a grave one is a hint,
# or two different ones of which one is not a mere circumstance.
_GRAVE = frozenset("CRY SHOUT HATED DAMAGE HIDE INJURY MOCK SECRET WOE".split())
_SOFT = _GRAVE | frozenset("FEAR SLUR EXCLUDE STEAL TAP FORCE LOCK DIE TOUCH ENOUGH PESTER".split())
_CIRCUMSTANCES = frozenset("ONLINE NIGHT LONELY GROUP HURTPLACE OFTEN SPREAD".split())
_PEOPLE = frozenset("OWN PEER ADULT SOMEONE il ele ils on me m moi je j".split())

_HACKED_TOLD = """
ANY .. HACK; HACK .. ANY; ME HACK; ME HAS .. HACK; MSG HACK; HACK MSG; IMPOSTOR; SOMEONE .. DO/STEAL .. MY ANY;
SOMEONE .. DO .. KEY & !BLOCK; SOMEONE a/est/s .. CHANGE/SEND & ACC/NOTME; SOMEONE .. sur/dans MY ANY & !PEER;
OTHER .. STEAL/HOLD .. MY CODE; PEER/ADULT a/ont MY CODE; OTHER .. STEAL/pris MY KEY; on/m/ma .. STEAL/pris/pri MY KEY;
KEY STEAL; PEER/ADULT .. INTRUDE/HOLD .. MY KEY; s est INTRUDE .. MY ANY; OTHER .. avec MY KEY & SEND/CHANGE/INTRUDE;
KEY .. DO/CLICK par .. OTHER; on s est INTRUDE .. ANY/MYNAME; FAKE ACC; SEND .. NOTME & ME; NOTME .. ai/a SEND;
que NOTDONE; GIVE .. CODE .. a/au/sur .. SOMEONE/ODD/FAKE; CLICK .. MSG/WEB ODD/HACK/FAKE;
ODD/FAKE MSG/WEB & CODE/CLICK/GIVE & !famille/SPREAD; MSG ODD & CODE/CLICK/LURE; MSG & LURE & CLICK/ODD/GIVE;
MSG .. demande/reclame/demandant/reclamant .. CODE/CARD; LOGON ODD; SOMEONE l a/ai CHANGE/INTRUDE/STEAL & ANY
"""
_HACKED_THEMES = """
HACK & ANY/MSG/WEB/HELP/SCHOOL/KID/ADULT/me/m/je; HACK & SEND; LEAK .. KEY; KEY .. LEAK
"""
_HACKED_HINTS = """
HACK; LEAK & ACC/CODE/MSG; INTRUDE .. MY ANY; SOMEONE .. INTRUDE; SOMEONE/ADULT/PEER INTRUDE mes MSG/echanges;
SEND .. avec MY ANY; SOMEONE .. MY ANY/ENTW; SOMEONE & avec MY KEY; personne .. dans MY ANY;
LOGON .. SOMEONE/ODD/NOTME/appareil; NOTDONE & MSG; LURE & MSG & !SCHOOL; SOMEONE .. NOTME;
NOTME & SEND/CHANGE/INTRUDE; NOTME & MSG/PLACE/MOCK/accuse & !peut; ACC .. NOTME; LOGON .. INTRUDE & MYNAME/matin;
PEER/ADULT .. HOLD son CODE & OWN; WEB FAKE; parti/partis de chez moi; partis de mon nom; MYNAME & LURE/FAKE/SOMEONE;
PEER/on/SOMEONE .. SEND/INTRUDE/CLICK .. MYNAME; ODD/FAKE .. MSG & !famille/ADULT/mon; MSG .. ODD/FAKE & !mon/format;
FAKE WEB; WEB .. ODD & CODE; ODD WEB & ANY/CLICK/GIVE; UNASKED & CODE/MSG; HELP de LOGON;
LOGON & reconnais pas; CODE SPREAD/LEND; CODE non autorise .. ACC; personne non autorise; a eu CODE .. ACC;
un/une/des/de FAKE & MSG; me/m/nous demande .. CODE .. par/dans MSG; demande .. CODE .. par/dans .. MSG;
MSG & ODD & CLICK; ACC .. fait .. ODD/LONELY; ACC .. SEND .. MSG/GROUP/PEER/ADULT;
ACC SEND/SPREAD/MOCK un/des/de/les/tout; ACC .. KID/ADULT SEND/SPREAD/MOCK; ACC il SEND;
MY PLACE/ACC SEND des/un/de/tout; SEND depuis MY ANY & !j; KEY a/ont/avait/avaient ete INTRUDE/CHANGE;
KEY .. s est INTRUDE; KEY a/ont/avait/avaient INTRUDE/CHANGE; on/ils a/ont CHANGE .. MY ACC/CODE;
on m/ma .. CHANGE .. CODE; pris .. controle/main .. ACC; MSG & confirmer/verifier .. ANY; CLICK .. LURE;
CODE & LURE & GIVE/CLICK; demande/reclame/demandant/GIVE .. CARD; reclame & LURE & MSG; pour avoir MY CODE;
FORCE .. GIVE MY CODE; met/mets ton CODE; j ai tes CODE; MSG .. est vrai/officiel/normal/ODD;
WEB .. pas l ENTW & CODE/CLICK; m a fait CLICK; CLICK .. MSG & maintenant; CLICK .. pas du; tout GIVE .. WEB;
OTHER .. INTRUDE .. MY ANY; OTHER/il/elle a/ont MY CODE; OTHER .. CLICK MY KEY; OTHER .. avec MY ACC;
un autre avec MY KEY; OTHER/il/elle .. HOLD MY CODE; LOGON sur/avec MY ANY & il/elle/OTHER; qui .. INTRUDE .. MY KEY;
GROUP/SCHOOL .. HOLD .. MY CODE; HOLD MY CODE; OTHER .. HOLD .. CODE d un/une; STEAL MY/HIS KEY; KEY .. STEAL;
me l a/ont STEAL & CODE; LEND .. CODE; GIVE MY CODE .. OTHER; OWN .. GIVE son/ses CODE .. PEER;
CODE & SOMEONE .. s en INTRUDE; PEER .. IMAGE MY CODE; OTHER/il .. regarde MY CODE;
PEER/m .. HOLD .. TAP/CODE & me/m/mon; CODE ODD; CODE & ONLINE; ODD sur/dans MY ANY; PEER CHANGE ENTW;
OTHER/ils .. INTRUDE tout dedans; OTHER .. s en INTRUDE & ANY; ENTW ont/a ete CHANGE & NOTME/nuit/vacances;
lui e GIVE & CODE/WEB; NOTDONE & PLACE/ENTW & OWN; laisse MY/HIS ACC & OTHER .. SEND/INTRUDE/CHANGE;
des PEER .. leur/leurs ACC; soupconne & ANY/LOGON; OTHER .. INTRUDE .. KEY d un/une; nos CODE & INTRUDE
"""


def _read_lexicon() -> tuple[dict[str, str], dict[str, str]]:
    """Return {heard words: concept} and {heard beginning: concept}."""
    whole: dict[str, str] = {}
    beginnings: dict[str, str] = {}
    for line in _LEXICON.replace("\n  ", " ").strip().splitlines():
        if line.startswith("#"):
            continue
        concept, _, words = line.partition(": ")
        for word in words.split(", "):
            if word.endswith("*"):
                # A beginning has no silent ending to drop: a vowel shields its last letter while it is sounded.
                shield = "ero" if word[-2] in "ce" else "o"
                beginnings.setdefault(_sound(word[:-1] + shield)[: -len(shield)], concept)
            else:
                whole.setdefault(_sound(word), concept)
    return whole, beginnings


_WHOLE, _BEGINNINGS = _read_lexicon()
_CONCEPTS = frozenset(_WHOLE.values()) | frozenset(_BEGINNINGS.values()) | {"NOTDONE"}
_LONGEST_BEGINNING = max(map(len, _BEGINNINGS))
_LONGEST_RUN = max(words.count(" ") + 1 for words in _WHOLE)
_RUN_STARTS = frozenset(words.split()[0] for words in _WHOLE if " " in words)
_SHORTEST_BEGINNING = min(map(len, _BEGINNINGS))
_HARMLESS = frozenset(("FRAME", "PLAY", "LAUGH", "ENTW"))


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
    for length in range(min(len(word), _LONGEST_BEGINNING), _SHORTEST_BEGINNING - 1, -1):
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
# « que je n'ai jamais écrit », « il n'a rien envoyé »: done, but not by the person who is accused of it. What one has
# not received, found or managed to do is an ordinary complaint.
_NOT_DONE = re.compile(
    r"\b(ke )?(?:(?:je|j) (?:(?:ne|n|lui|leur|i|l|les|la|le) )*(?:e|ave)|(?:il|ele|OWN) (?:(?:ne|n|lui|leur|l) )*a|n avoir)"
    r" (?:bien sur )?(?:pas|jam|rien) (?:SEND|GIVE|CHANGE|fet|pos|pri|adres|kre) "
)
# What the writer does, wants or asks how to do: « je change mon code », « pour entrer », « comment modifier ».
_SELF = re.compile(
    r"\b((?:je|j|nou|vou|kom|pour|de|d|san|fot|peu|pui|doi|pouv\w*|doiv|voudr|voul|veu|emer|ou|aler|fer|savoir|oubli|"
    r"posibl|votr) (?:(?:ne|n|me|m|i|le|la|l|les|lui|nou|vou|e|ave|ete|sui|veu|peu|doi|ves|pas|plu|bien|deja|pouv|du|de|"
    r"fer|etr|se|s|on|jam|mem|just|ankor|tou|toujour|ariv|a) ){0,5})(?:INTRUDE|CHANGE|SEND|HOLD) "
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
    return _SELF.sub(r"\1SELF ", _NOT_DONE.sub(r"\1NOTDONE ", concepts))


@dataclass(frozen=True)
class _Rule:
    topic: str
    strength: str
    name: str
    # Words and concepts of which the message must hold one of each set: cheap to check, it spares most of the patterns.
    needs: tuple[frozenset[str], ...]
    patterns: tuple[re.Pattern[str], ...]
    unless: frozenset[str]

    def matches(self, concepts: str, present: frozenset[str]) -> bool:
        return (
            self.unless.isdisjoint(present)
            and not any(need.isdisjoint(present) for need in self.needs)
            and all(pattern.search(concepts) for pattern in self.patterns)
        )


_GAP = r"(?:(?!j |je |peu |pouvoir )[^ |]+ ){0,4}?"


def _expand(slot: str) -> list[str]:
    """Return the concepts and heard words that may stand in `slot`."""
    names = [slot]
    for _ in range(3):  # a shortcut may name another one
        names = [name for written in names for name in _SHORTCUTS.get(written, written).split("/")]
    return list(dict.fromkeys(name if name in _CONCEPTS else _sound(name) for name in names))


def _rule(topic: str, strength: str, line: str) -> _Rule:
    needs: list[frozenset[str]] = []
    patterns: list[re.Pattern[str]] = []
    unless: set[str] = set()
    for part in line.split(" & "):
        if part.startswith("!"):
            unless.update(name for slot in part[1:].split("/") for name in _expand(slot))
            continue
        pieces = [r"(?<!\S)"]
        for slot in part.split():
            if slot == "..":
                pieces.append(_GAP)
                continue
            names = [name for written in slot.split("/") for name in _expand(written)]
            needs.append(frozenset(names))
            pieces.append(f"(?:{'|'.join(dict.fromkeys(names))}) ")
        if len(pieces) > 2:
            patterns.append(re.compile("".join(pieces)))
    # What a message holds most seldom first: concepts before everyday words, few before many.
    needs.sort(key=lambda need: (len(need - _CONCEPTS), len(need)))
    return _Rule(topic, strength, line, tuple(needs), tuple(patterns), frozenset(unless))


_RULES = tuple(
    _rule(topic, strength, " ".join(line.split()))
    for topic, strength, block in (
        (HARASSMENT, "told", _TOLD),
        (HARASSMENT, "theme", _THEMES),
        (HARASSMENT, "hint", _HINTS),
        (HARASSMENT, "faint", _FAINT),
        (HACKED, "told", _HACKED_TOLD),
        (HACKED, "theme", _HACKED_THEMES),
        (HACKED, "hint", _HACKED_HINTS),
    )
    for line in block.split(";")
)
# The rules that a word or a concept may set off: of some 300 rules, a message tries about ten.
_SET_OFF: dict[str, list[int]] = {}
for _number, _each in enumerate(_RULES):
    for _name in _each.needs[0]:
        _SET_OFF.setdefault(_name, []).append(_number)

_FRAMES = {HARASSMENT: frozenset(("FRAME", "LAUGH", "PLAY")), HACKED: frozenset(("FRAME",))}


def _soft_signs(present: frozenset[str]) -> list[str]:
    signs = sorted((_SOFT | _CIRCUMSTANCES) & present)
    enough = len(signs) > 1 and not _SOFT.isdisjoint(signs)
    return ["+".join(signs)] if (enough or not _GRAVE.isdisjoint(signs)) and not _PEOPLE.isdisjoint(present) else []


def recognise_urgent(text: str) -> UrgentSigns:
    """Read `text` (as typed) for harassment, danger, distress or a hacked account."""
    if len(text) > 2 * _READ_EACH_END:
        text = f"{text[:_READ_EACH_END]}\n{text[-_READ_EACH_END:]}"
    concepts = _concepts(text)
    present = frozenset(concepts.split())
    tried = sorted({number for name in present for number in _SET_OFF.get(name, ())})
    rules = [_RULES[number] for number in tried if _RULES[number].matches(concepts, present)]
    about_portal = not present.isdisjoint(_PORTAL)
    best, best_rank = UrgentSigns(), 0
    for topic, frames in _FRAMES.items():
        framed = not present.isdisjoint(frames)
        allowed = (
            {"told"} if framed else {"told", "theme", "hint"} if about_portal else {"told", "theme", "hint", "faint"}
        )
        if framed and present.isdisjoint(("OWN", "me", "m")):
            allowed = set()  # the child of a novel, not the person's own
        found = [rule for rule in rules if rule.topic == topic and rule.strength in allowed]
        reasons = [rule.name for rule in found]
        if topic == HARASSMENT and not framed and not about_portal:
            reasons += _soft_signs(present)
        certain = not framed and any(rule.strength in ("told", "theme") for rule in found)
        rank = 2 * certain + bool(reasons)
        # Equally strong hints: words about accounts are the rarer ones. Both certain: a person comes first.
        if rank > best_rank or rank == best_rank == 1:
            best, best_rank = UrgentSigns(topic, certain, tuple(reasons)), rank
    return best
