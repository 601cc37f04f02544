"""Messages with something to mask, by combining sentences and values, and messages without: classes, years, rooms, prices.

The sentences are what parents, pupils and teachers write; the values are made up.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from bot.privacy.masking import CODE, EMAIL, IBAN, INE, NIR, PASSWORD, PHONE


@dataclass(frozen=True)
class Case:
    """A message, the value in it that must not be kept, and the mark that may replace it."""

    text: str
    value: str
    kinds: tuple[str, ...]


PHONES = [
    "06 12 34 56 78", "0612345678", "06.12.34.56.78", "06-12-34-56-78", "06/12/34/56/78", "06_12_34_56_78",
    "07 98 76 54 32", "01 45 67 89 10", "04.91.22.33.44", "+33 6 12 34 56 78", "+33612345678", "+33 (0)6 12 34 56 78",
    "+33(0)612345678", "(+33) 6 12 34 56 78", "0033 6 12 34 56 78", "0033612345678", "+33.6.12.34.56.78", "06 12345678",
    "061 234 5678", "0612 345 678", "06  12  34  56  78", "O6 12 34 56 78", "0262 41 23 45", "0692 12 34 56", "+262 692 12 34 56",
    "0590 82 12 34", "+590 690 12 34 56", "+689 87 12 34 56", "+32 470 12 34 56", "0032 470 12 34 56", "+212 6 12 34 56 78",
    "+44 7700 900123", "06 12.34 56-78", "09 72 12 34 56", "0 612 345 678", "zéro six douze trente-quatre cinquante-six soixante-dix-huit",
]  # fmt: skip
PHONE_SENTENCES = [
    "Vous pouvez me joindre au {} après 18h", "mon numéro est le {}", "tel : {}", "Tél.{}", "appelez moi au {} svp",
    "je n'arrive pas à me connecter, mon portable {}, merci", "{} c'est le portable de la maman de Léa en CM2",
    "Bonjour, M. Durand ({}), je voudrais qu'on me rappelle.", "rappelez-moi : {}.", "portable:{} ou par mail",
]  # fmt: skip

EMAILS = [
    "marie.durand@exemple.fr", "MARIE.DURAND@EXEMPLE.FR", "m-durand_75@ac-valmont.fr", "durand+ecole@mail.exemple.com",
    "marie.durand @ exemple.fr", "marie.durand(at)exemple.fr", "marie.durand [at] exemple.fr", "marie.durand@exemple.co.uk",
    "élodie.lefèvre@exemple.fr", "marie.durand arobase exemple point fr", "marie75@exemple.education", "a@b.fr",
]  # fmt: skip
EMAIL_SENTENCES = [
    "mon adresse est {}", "Écrivez-moi à {}.", "mail: {}", "je ne reçois rien sur {} depuis lundi", "({})",
    "répondez à {} ou appelez", "mon mail c'est {} merci", "j'ai mis {} dans mes coordonnées et ça bloque",
]  # fmt: skip

INES = [
    "0123456789A",
    "1234567890B",
    "123456789AB",
    "987654321CD",
    "012345678HK",
    "0123456789 A",
    "123 456 789 AB",
    "0 123 456 789 J",
    "0123456789a",
]
INE_SENTENCES = [
    "l'INE de mon fils est {}", "INE : {}", "son numéro INE {} n'est pas reconnu", "voici l'ine de ma fille {} svp",
    "elle a pour INE {} et le site dit élève inconnu",
]  # fmt: skip

NIRS = [
    "2 85 05 78 006 084 91", "285057800608491", "2850578006084", "1 84 12 2A 123 456 78", "1-84-12-75-123-456-78",
    "1.84.12.75.123.456.78", "1 84 12 75 123 456", "184127512345678", "1 99 12 99 123 456 21", "2 02 07 971 23 456 10",
]  # fmt: skip
NIR_SENTENCES = [
    "mon numéro de sécu est {}", "n° de sécurité sociale : {}", "NIR {}", "la cantine demande {} je le mets où ?",
    "j'ai mis {} comme numéro de sécurité sociale",
]  # fmt: skip

IBANS = [
    "FR76 3000 6000 0112 3456 7890 189", "FR7630006000011234567890189", "fr76 3000 6000 0112 3456 7890 189",
    "FR76-3000-6000-0112-3456-7890-189", "DE89 3704 0044 0532 0130 00", "BE68 5390 0754 7034", "FR76 3000 6000 0112 3456 7890 188",
]  # fmt: skip
IBAN_SENTENCES = ["mon IBAN : {}", "pour la cantine voici le RIB {} merci", "le prélèvement sur {} ne passe pas"]

PASSWORDS = [
    "Azerty12!", "soleil2012", "Tr0ub4dor&3", "kHj7-9Lm", "P@ssword", "MaPuce75!", "bonjour123", "leo2014", "Xy12ab34", "chien_2024",
    "Valmont2026", "Qwerty#99", "j0y3us3s", "motdepasse1", "AZERTY1234", "l3s-Tilleuls", "C4tt3!n0", "Ent2026!", "abc123", "1234abcd",
]  # fmt: skip
PASSWORD_SENTENCES = [
    "mon mot de passe est {}", "mdp : {}", "mdp:{}", "mdp={}", "le mot de passe c'est {} et ça marche pas", "Mot de passe : {}",
    "mon mot de passe provisoire est {} mais il est refusé", "identifiant lea.martin mot de passe {}", "mot de passe {}",
    "j'ai tapé {} comme mot de passe", "j'ai mis {} en mot de passe et ça refuse", "mon mot de passe « {} » est refusé",
    "mon mdp c'était {} avant les vacances", "le mot de passe de ma fille est {}", "mot de passe educonnect : {}",
    "le mot de passe pour l'ENT est toujours {}", "password: {}", "mon mots de passe est {}", "mot de passe actuel = {} merci de vérifier",
    "je me connecte avec lea.martin et le mot de passe {}",
]  # fmt: skip
WORD_PASSWORDS = [
    "soleil",
    "doudou",
    "chocolat",
    "marseille",
    "Bonjour!",
    "azerty",
    "licorne",
    "minou",
    "nutella",
    "pokemon",
]
WORD_PASSWORD_SENTENCES = [
    "mdp : {}",
    "mon mot de passe est {}",
    "Mot de passe: {}, merci",
    "le mot de passe c'est {}.",
    "mon mot de passe est « {} »",
]
NUMBER_PASSWORDS = ["1234", "123456", "14072012", "0000", "78451296"]
NUMBER_PASSWORD_SENTENCES = [
    "mdp : {}",
    "mon mot de passe est {}",
    "j'ai mis {} comme mot de passe",
    "mot de passe={}",
    "le mot de passe c'est {} je crois",
]

CODES = ["483920", "4839", "48392015", "483 920", "48 39 20"]
CODE_SENTENCES = [
    "j'ai reçu le code {}", "code SMS : {}", "le code est {}", "mon code confidentiel est {}", "code de vérification {}",
    "le code reçu par mail {} ne marche pas", "code: {}", "code PIN {}", "mon OTP est {}", "EduConnect m'a envoyé le code {} mais il est refusé",
    "j'ai tapé {} comme code", "le code à usage unique : {}",
]  # fmt: skip
ACTIVATIONS = ["XK7P9Q2M", "AB12-CD34-EF56", "kdj7h2p9", "A1B2C3", "V4LM0NT7"]
ACTIVATION_SENTENCES = [
    "mon code d'activation est {}", "code d'activation : {}", "le code d'activation {} est refusé", "code activation {}",
    "le code du papier de l'école est {}",
]  # fmt: skip


def _all(sentences: list[str], values: list[str], *kinds: str, every: int = 1) -> list[Case]:
    pairs = itertools.islice(itertools.product(sentences, values), 0, None, every)
    return [Case(sentence.format(value), value, kinds) for sentence, value in pairs]


POSITIVE: list[Case] = [
    *_all(PHONE_SENTENCES, PHONES, PHONE), *_all(EMAIL_SENTENCES, EMAILS, EMAIL), *_all(INE_SENTENCES, INES, INE),
    *_all(NIR_SENTENCES, NIRS, NIR), *_all(IBAN_SENTENCES, IBANS, IBAN), *_all(PASSWORD_SENTENCES, PASSWORDS, PASSWORD),
    *_all(WORD_PASSWORD_SENTENCES, WORD_PASSWORDS, PASSWORD), *_all(NUMBER_PASSWORD_SENTENCES, NUMBER_PASSWORDS, PASSWORD, CODE),
    *_all(CODE_SENTENCES, CODES, CODE), *_all(ACTIVATION_SENTENCES, ACTIVATIONS, CODE, PASSWORD),
]  # fmt: skip

STATES = [
    "est refusé", "est incorrect", "ne marche pas", "est périmé", "a expiré", "est bloqué", "oublié", "est trop court", "n'est plus valable",
    "est bon pourtant", "est toujours faux", "est le même qu'avant", "a été changé hier", "est invalide", "perdu", "est obligatoire ?",
    "est à changer tous les 90 jours", "doit faire 12 caractères", "est inconnu", "est celui de l'an dernier", "est arrivé par la poste",
    "est illisible sur le papier", "est demandé deux fois", "est enregistré dans Chrome", "expire dans 3 jours", "est vide", "est correct",
]  # fmt: skip
NAMES = [
    "mon mot de passe {}",
    "le code {}",
    "le mdp {}",
    "le code d'activation {}",
    "le mot de passe de mon fils en 6eB {}",
    "mon code EduConnect {}",
]
OTHERS = [
    "mot de passe : comment le changer ?", "mdp oublié, que faire ?", "Mot de passe oublié : je ne reçois pas le mail",
    "mot de passe : refusé", "code : périmé", "le mot de passe est-il le même pour les deux enfants ?", "mot de passe pour 2 enfants",
    "changer mon mot de passe en 2026", "mot de passe de 8 caractères minimum", "j'ai 3 mots de passe différents", "mot de passe 1D ou 2D ?",
    "le lien mot de passe oublié ne marche pas", "je clique sur « Mot de passe oublié » et rien", "quel mot de passe pour la classe de CM2 ?",
    "réinitialiser le mot de passe d'un élève de 5eC", "mot de passe wifi de l'école", "il dit mot de passe ou identifiant incorrect",
    "mot de passe inconnu (erreur 403)", "code erreur 404", "erreur code 500", "code d'erreur 1001 à la connexion", "code postal 75001",
    "mon code postal est 75001", "code UAI 0750001U", "le code de l'établissement 0750001U", "code RNE : 0750001U", "code INSEE 75056",
    "QR code de l'application", "le code de la route", "code de vie de la classe", "code couleur des matières", "code reçu le 15/10/2026",
    "code envoyé en 2025", "code valable 30 jours", "le code reçu à 14h30 ne marche plus", "code à 6 chiffres", "pass culture", "pass Navigo",
    "le pass numérique de la mairie", "identifiant lea.martin12", "mon identifiant est p.durand8", "login m.leroy", "son identifiant : l.petit3",
    "j'ai changé d'identifiant et de mot de passe", "le mot de passe ne doit pas contenir mon nom", "où est le code ?", "où trouver le mot de passe",
    "qui donne le code ?", "le code est dans le carnet de liaison", "mon mot de passe est écrit sur la feuille", "le mot de passe est chez sa mère",
    "un mot de passe c'est quoi ?", "c'est quoi le mot de passe", "mot de passe ENT", "mot de passe EduConnect", "mot de passe Pronote",
    "mot de passe et identifiant perdus", "mot de passe du compte parent", "le code est-il le même que l'an dernier", "demander un nouveau code",
    "je tape le code et ça tourne", "le code arrive trop tard", "j'ai mon mot de passe mais pas mon identifiant",
]  # fmt: skip
NUMBERS = [
    "ma fille est en 6eB", "mon fils en CM2 A", "classe de 3e4", "la 2nde 7", "Terminale STMG 2", "l'école compte 250 élèves",
    "salle 012", "salle B204", "bâtiment C, salle 112", "la rentrée 2026", "année scolaire 2026-2027", "le 01/09/2026", "le 1er septembre 2026 à 8h30",
    "du 19/10/2026 au 02/11/2026", "réunion le 12.11.2026 à 18h00", "12-11-2026", "né le 14/07/2012", "il est né en 2014", "la cantine coûte 3,50 €",
    "4 euros 20 le repas", "1 200 € pour le voyage", "facture de 1250,00 euros", "page 12 à 45", "exercice 7 p. 132", "le devoir du 24", "il reste 2 jours",
    "depuis 15 jours", "30 minutes", "de 8h30 à 11h45", "14 h 05", "le fichier fait 12 Mo", "une vidéo de 1,5 Go", "Windows 11", "iPhone 12", "iOS 17.4",
    "Android 13", "Chrome 120.0.6099", "Firefox 121", "erreur 403", "erreur 500", "erreur 0x80070005", "UAI 0750001U", "l'école 0750002V", "75001 Paris",
    "13008 Marseille", "3018", "le 119", "appeler le 17 ou le 112", "le 3114", "demande 26-00001-8", "ma demande n° 26-00042-3", "ticket 12345", "dossier 2026/0456",
    "3 classes de 25", "CE1/CE2", "l'adresse IP 192.168.1.10", "127.0.0.1:8000", "version 5.12.3", "note de 15/20", "moyenne 12,75", "12 sur 20", "coefficient 3",
    "groupe 2", "trimestre 1", "période 3", "semaine 47", "semaine A", "2 enfants, 2 écoles", "1 compte pour 3 enfants", "le bus 42", "ligne 12", "12 rue des Tilleuls",
    "3 bis avenue de la République 75012 Paris", "lot 4", "100 %", "90 %", "20 000 caractères", "1 000 000 d'élèves", "wave 2", "vague 3 en janvier 2027", "les 5-6 ans",
    "1d 2d", "B2i", "PIX niveau 3", "le 2e degré", "H2O", "covid-19", "mp3", "mp4 de 30 s", "A4", "format 16/9", "4G", "5G", "n°3", "art. 12", "loi de 1905",
    "décret 2019-123", "RGPD 2016/679", "ISBN 978-2-07-036822-8", "SIRET 110 046 018 00013", "25 élèves x 3", "de 1 à 10", "10/10", "24/24 7/7",
]  # fmt: skip
NUMBER_SENTENCES = ["{}", "Bonjour, {}, comment faire ?"]
MAIL_LIKE = [
    "mon mail ne marche pas", "@ tout le monde", "où est le @ sur le clavier ?", "la messagerie de l'ENT", "rendez-vous @ 14h", "je n'ai pas d'adresse mail",
    "arobase ou pas ?", "l'adresse finit par ac-valmont.fr", "www.exemple.fr", "https://ent.valmont.example/messagerie?id=12", "compte twitter @ecole",
]  # fmt: skip
PHONE_LIKE = [
    "mon numéro de téléphone a changé", "je n'ai pas de téléphone", "rappelez-moi", "le téléphone de l'école", "par téléphone de 9h à 12h",
    "zéro élève dans la classe", "zéro faute", "six douze", "je veux qu'on m'appelle demain", "appelez le 3018",
]  # fmt: skip
NEGATIVE: list[str] = [
    *(name.format(state) for name in NAMES for state in STATES),
    *OTHERS,
    *(sentence.format(number) for sentence in NUMBER_SENTENCES for number in NUMBERS),
    *MAIL_LIKE,
    *PHONE_LIKE,
]

# Written after the rules, in another hand: several secrets at once, typing mistakes, whole messages.
APART_POSITIVE: list[tuple[str, tuple[str, ...]]] = [
    ("slt jariv pa a me co mon idantifian c lea.martin e mon mdp c Lea2013", ("Lea2013",)),
    ("bonjour je me connecte avec m.leroy et Soleil*75 mais ça met mot de passe incorrect", ("Soleil*75",)),
    ("Bonjour,\nidentifiant : p.durand8\nmot de passe : Fh7k2Lq9\nmerci de vérifier", ("Fh7k2Lq9",)),
    ("Bonjour,\nIdentifiant : p.durand8\nMot de passe :\nFh7k2Lq9\n", ("Fh7k2Lq9",)),
    ("login : p.durand8 / mdp : Fh7k2Lq9", ("Fh7k2Lq9",)),
    ("mes identifiants : p.durand8 / Fh7k2Lq9", ("Fh7k2Lq9",)),
    ("mes codes sont p.durand8 et Fh7k2Lq9 mais rien ne marche", ("Fh7k2Lq9",)),
    ("mon fils a changé son mot de passe en Fortnite99 et maintenant ça bloque", ("Fortnite99",)),
    ("le mdp que vous m'avez donné (Xk29-mp4T) n'est pas reconnu", ("Xk29-mp4T",)),
    ("il me dit mot de passe incorrect alors que je tape bien Gribouille34", ("Gribouille34",)),
    ("mot de passe oublié, avant c'était Gribouille34", ("Gribouille34",)),
    ("mon mot de passe c'est le nom de mon chien : Rex2015", ("Rex2015",)),
    ('Voici mon mot de passe: "Petit Chat 7"', ("Petit Chat 7",)),
    ("le code que j'ai reçu par sms c'est 739201 et il dit expiré", ("739201",)),
    ("739201 c'est le code que j'ai reçu", ("739201",)),
    ("G-739201 est le code de validation", ("739201",)),
    ("votre code de vérification EduConnect : 739201. Ne le partagez pas", ("739201",)),
    ("mon tel 0612345678 et celui du papa 0687654321", ("0612345678", "0687654321")),
    ("06.12.34.56.78 / 07.12.34.56.78", ("06.12.34.56.78", "07.12.34.56.78")),
    ("appeler le 06 12 34 56 78 ou 01 23 45 67 89 après 17h30", ("06 12 34 56 78", "01 23 45 67 89")),
    ("mon num c 06 12 34 56 78", ("06 12 34 56 78",)),
    ("tél 6 12 34 56 78", ("6 12 34 56 78",)),
    ("ma mail: marie.durand@exemple.fr;mon tel:0612345678", ("marie.durand@exemple.fr", "0612345678")),
    ("<marie.durand@exemple.fr>", ("marie.durand@exemple.fr",)),
    (
        "INE 0123456789A NIR 2850578006084 tel 0612345678 mdp Toto2020",
        ("0123456789A", "2850578006084", "0612345678", "Toto2020"),
    ),
    ("ma fille née le 12/03/2014, INE 080914563HK, est en CM2", ("080914563HK",)),
    ("n°SS : 2.85.05.78.006.084.91", ("2.85.05.78.006.084.91",)),
    ("mot de passe=Toto2020!&identifiant=lea", ("Toto2020",)),
    ("MDP TOTO2020", ("TOTO2020",)),
    ("pass : Toto2020", ("Toto2020",)),
    ("mo de passe Toto2020", ("Toto2020",)),
    ("mot de passe -> Toto2020", ("Toto2020",)),
    ("mon mot de passe commence par Toto2020", ("Toto2020",)),
    ("je peux garder Toto2020 comme mot de passe ?", ("Toto2020",)),
    ("code d'activation reçu dans le carnet : 7HK2-99PL", ("7HK2-99PL",)),
    ("le code parent de ma fille c'est LM4587ZT", ("LM4587ZT",)),
    ("code secret 2580", ("2580",)),
]
APART_NEGATIVE: list[str] = [
    "Le code 403 s'affiche quand je valide", "j'ai reçu 2 codes, lequel est le bon ?", "Mot de passe : au moins 12 caractères, une majuscule",
    "mon mot de passe fonctionne sur EduConnect mais pas sur l'ENT depuis le 12/11", "code classe 6B2 introuvable",
    "il me faut le code pour la classe de CM1-CM2", "le mot de passe a été réinitialisé le 3 novembre 2026 à 14h05",
    "On me demande un mot de passe et un identifiant : lesquels ?", "mdp ok mais page blanche", "mot de passe: idem",
    "Code : je ne l'ai pas reçu", "le mot de passe est composé de 8 lettres", "le code est envoyé par mail",
    "Rentrée 2026 : mot de passe inchangé", "réunion salle 104 à 17h30 le 05/12/2026 pour les 6e1 à 6e8", "bon de commande 4500012345",
    "n° d'agrément 123456789", "lot de 24 tablettes à 389,90 €", "10 000 0000", "le 06 12 2026", "06/12/2026 08:30", "05 06 07 2026",
    "J'ai supprimé mon mot de passe de ma mémoire, il est mort", "je veut changé mon mot de passe ou est le boutton",
    "Mon code c'est mon prénom, je préfère en mettre un meilleur", "L'écran de ma clé OTP est devenu noir, sans doute la pile.",
    "Quelles sont les exigences pour un nouveau mot de passe : longueur, chiffres, caractères spéciaux ?",
]  # fmt: skip
