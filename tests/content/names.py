"""What people write of persons, and of schools named after some: sentences of our own, with what must go and what must stay.

The first half served to mend the rules; the second was written with it, and looked at once they were done.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """A sentence; `names` are words of persons' names, which must go; everything else must stay."""

    text: str
    names: tuple[str, ...] = ()


def _of(text: str, names: str = "") -> Sentence:
    return Sentence(text, tuple(names.split()))


MENDED_ON = [
    _of("Mon fils Lucas n’arrive plus à ouvrir son cahier de textes", "Lucas"),
    _of("Ma fille Léa Martin ne voit pas ses notes de maths", "Léa Martin"),
    _of("Mme Dupont, la professeure de français, n’a rien publié depuis lundi", "Dupont"),
    _of("Le compte de M. Nguyen est bloqué depuis hier", "Nguyen"),
    _of("L’élève Yanis Benali n’apparaît pas dans le groupe de la 5e B", "Yanis Benali"),
    _of("Je m’appelle Fatoumata Diallo et je n’ai jamais reçu mes identifiants", "Fatoumata Diallo"),
    _of("Bonjour, je suis Claire Lefèvre, la maman de Tom en CE2.", "Claire Lefèvre Tom"),
    _of("Les parents de Chloé et d’Enzo n’ont pas accès au même carnet", "Chloé Enzo"),
    _of("manon est en 4e C et son mot de passe ne marche pas", "manon"),
    _of("DUPUIS Léa n’est plus dans ma classe mais elle y est encore dans l’ENT", "DUPUIS Léa"),
    _of("Il faut rattacher Kévin MOREAU à sa mère Sandrine MOREAU", "Kévin MOREAU Sandrine MOREAU"),
    _of("Merci de recréer le compte de Jean-Baptiste de La Tour", "Jean-Baptiste Tour"),
    _of("Notre remplaçant, monsieur Haddad, ne peut pas se connecter", "Haddad"),
    _of("Le blog est vide depuis la rentrée.\nCordialement,\nNathalie Bourgeois", "Nathalie Bourgeois"),
    _of("Impossible d’ouvrir Pronote depuis EduConnect, merci d’avance. Karim Ziani", "Karim Ziani"),
    _of("Nom : Ferreira\nPrénom : Inês\nClasse : CM2", "Ferreira Inês"),
    _of("La directrice, Mme Le Gall, m’a dit de vous écrire", "Gall"),
    _of("Pierre Durand est noté absent alors qu’il était là", "Pierre Durand"),
    _of("J’ai deux enfants, Rose et Martin, je ne vois que Rose", "Rose Martin Rose"),
    _of("lucas et emma sont dans la même classe mais un seul voit les devoirs", "lucas emma"),
    _of("Le professeur principal de Noé a changé", "Noé"),
    _of("Mon mari Olivier a le même message d’erreur que moi", "Olivier"),
    _of("Au nom de Sophie Garnier, je demande la fusion de ses deux comptes", "Sophie Garnier"),
    _of("La petite Zineb est inscrite depuis octobre et n’a toujours rien", "Zineb"),
    _of("Bonjour, Maître Rousseau ne reçoit plus mes messages", "Rousseau"),
    _of("Le collège Olympe-de-Gouges n’apparaît pas dans ma liste"),
    _of("Je suis parent d’élève à l’école Jules Ferry de Valmont"),
    _of("Au lycée Victor Hugo, la messagerie n’envoie plus les pièces jointes"),
    _of("ma fille est à l ecole jules ferry et je ne vois rien"),
    _of("L’école maternelle Jacques Prévert est fermée mercredi"),
    _of("Depuis lundi, Pronote et le LSU affichent une erreur 500"),
    _of("Bonjour, je suis directrice de l’école Les Tilleuls"),
    _of("Le groupe scolaire Louise Michel a deux directions"),
    _of("Le professeur de SVT n’a pas rempli le cahier de textes"),
    _of("Mon fils ne voit pas ses devoirs et ma fille non plus"),
    _of("Rue Victor Hugo, à côté de la mairie, il n’y a plus de réseau"),
    _of("En mars, les notes de la classe de CE1 avaient déjà disparu"),
    _of("Je suis Professeur des écoles et je n’ai pas reçu ma clé OTP"),
    _of("La rose des vents du cours de géographie ne s’affiche pas"),
    _of("Claire et simple, la notice ne dit pourtant rien de la connexion"),
]

LOOKED_AT_ONCE = [
    _of("Mon neveu Ibrahima est en 6e et son compte est désactivé", "Ibrahima"),
    _of("Bonjour, c’est Laurent Petit, le papa de Jade et Hugo", "Laurent Petit Jade Hugo"),
    _of("M. et Mme Carpentier n’ont reçu aucun code d’activation", "Carpentier"),
    _of("L’enseignante, Mlle Roux, a déposé le document dans le mauvais dossier", "Roux"),
    _of("Je n’arrive pas à joindre Julie Perrin par la messagerie", "Julie Perrin"),
    _of("anissa ne peut pas rendre son devoir de techno", "anissa"),
    _of("BERNARD Mathis et BERNARD Elsa ont le même identifiant", "BERNARD Mathis BERNARD Elsa"),
    _of("Le compte de Mamadou Traoré est en double", "Mamadou Traoré"),
    _of("Mon fils s’appelle Timéo Van den Berg, il est en CP", "Timéo Berg"),
    _of("Pouvez-vous dire à Madame Lopes que le document est illisible ?", "Lopes"),
    _of("La maman de Gabriel m’a transmis vos coordonnées", "Gabriel"),
    _of("Sa sœur Apolline voit tout, lui non", "Apolline"),
    _of("Bonne journée,\nÉlise Fontaine", "Élise Fontaine"),
    _of("Merci. Ahmed B.", "Ahmed"),
    _of("Le CPE, M. O’Brien, n’a pas accès à la vie scolaire", "Brien"),
    _of("Il y a une erreur sur le nom de famille : Lefebvre et non Lefevbre", "Lefebvre Lefevbre"),
    _of("Marie-Hélène Picard, AESH, ne figure pas dans l’annuaire", "Marie-Hélène Picard"),
    _of("Ma collègue Aurore est absente, qui peut publier à sa place ?", "Aurore"),
    _of("L’élève Wassim a été changé de classe hier", "Wassim"),
    _of("Je voudrais que Camille Rey et Camille Roy ne soient plus confondues", "Camille Rey Camille Roy"),
    _of("Notre fille Romane est en garde alternée", "Romane"),
    _of("De la part de Thierry Lambert, principal adjoint", "Thierry Lambert"),
    _of("mon fils adam dit que le cahier de textes est vide", "adam"),
    _of("Le devoir de Blanche Mercier est marqué non rendu", "Blanche Mercier"),
    _of("J’écris pour Ousmane, qui n’a pas d’ordinateur", "Ousmane"),
    _of("Le lycée Simone Veil et le collège Jean Moulin partagent le même ENT"),
    _of("L’école primaire Sainte-Marie n’a pas d’administrateur"),
    _of("le college marie curie n est pas dans la liste"),
    _of("Nous habitons avenue Jean Jaurès, le collège est à côté"),
    _of("Depuis Noël, l’ENT Lilie ne s’ouvre plus avec Firefox"),
    _of("L’académie de Valmont a changé le guichet de connexion"),
    _of("Monsieur, je ne comprends pas votre réponse. Le blog est vide."),
    _of("Les professeurs de Français et de Mathématiques n’ont rien publié"),
    _of("L’aurore boréale de la page d’accueil cache le bouton"),
    _of("Bonjour Madame, la page reste blanche depuis ce matin"),
    _of("Je suis bloqué à l’étape EduConnect, Windows 11 et Chrome"),
    _of("La bibliothèque Françoise Sagan propose le même service"),
    _of("Merci d’avance. Bonne journée."),
    _of("Le conseil de classe de la 3e A est vendredi"),
    _of("Clément ou non, le règlement interdit le téléphone en classe"),
]

# Written once the rules were done, and measured once: nothing was mended on these.
AFTERWARDS = [
    _of("Bonjour, le carnet d’Adèle Rivière est vide depuis deux semaines", "Adèle Rivière"),
    _of("Mon fils Sofiane et sa cousine Inès ont échangé leurs tablettes", "Sofiane Inès"),
    _of("M. Abdelkader Mansouri attend son code depuis le 3", "Abdelkader Mansouri"),
    _of("Suite à l’échange avec Mme D’Angelo, je vous joins la capture", "Angelo"),
    _of("Hélène Marchand-Duval ne reçoit pas les mots de la vie scolaire", "Hélène Marchand-Duval"),
    _of("La prof de maths, Vasseur, ne rend pas les copies dans l’ENT", "Vasseur"),
    _of("théo a mis le mot de passe de sa sœur louise", "théo louise"),
    _of("Merci de votre aide.\nBien à vous,\nJ. Delattre", "Delattre"),
    _of("Le devoir de Kimberley n’est pas parti", "Kimberley"),
    _of("Nous sommes Paul et Virginie Andrieux, parents d’Ambre", "Paul Virginie Andrieux Ambre"),
    _of("Dans l’ENT, Charlotte apparaît en 6e A au lieu de la 6e B", "Charlotte"),
    _of("L’élève GUYEN Minh Anh n’est pas dans l’import", "GUYEN Minh Anh"),
    _of("Le collège Lucie Aubrac et l’école Paul Éluard sont voisins"),
    _of("à l’école saint exupéry on ne voit plus le menu de la cantine"),
    _of("La salle Marie Curie n’est plus réservable"),
    _of("Je suis enseignante en CM1 et Pronote me demande EduConnect"),
    _of("Bonjour, Impossible de joindre un fichier. Cordialement"),
    _of("La page Espace Parents du site reste en Anglais"),
    _of("Au lycée Jean-Baptiste Poquelin les Terminales n’ont plus accès à Parcoursup"),
    _of("Mardi, la classe de CE2 de l’école du Bourg part en classe verte"),
]
