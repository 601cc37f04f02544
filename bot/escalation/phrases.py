"""What the form says, in French. « tu » to pupils, « vous » to everybody else."""

from __future__ import annotations

PUPIL = "eleve"

ASK_SCHOOL = {
    False: "Je transmets votre demande à une personne. De quelle école, quel collège ou quel lycée s’agit-il, et dans quelle commune ?",
    True: "Je transmets ta demande à une personne. Quel est le nom de ton école, de ton collège ou de ton lycée, et dans quelle commune ?",
}
ASK_SCHOOL_AGAIN = {
    False: "Pour transmettre votre demande, il me manque le nom de l’école et sa commune. Vous pouvez aussi écrire « annuler ».",
    True: "Pour transmettre ta demande, il me manque le nom de l’école et sa commune. Tu peux aussi écrire « annuler ».",
}
WRONG_UAI = {
    False: "Aucun établissement n’a le code {uai} : sa lettre ne va pas avec ses chiffres. Vérifiez-le, ou écrivez le nom de l’école et sa commune.",
    True: "Aucun établissement n’a le code {uai} : sa lettre ne va pas avec ses chiffres. Vérifie-le, ou écris le nom de ton école et sa commune.",
}
ASK_PROBLEM = {
    False: "Décrivez votre problème en quelques phrases : ce que vous voulez faire, ce qui se passe, depuis quand. N’écrivez ni mot de passe ni nom d’élève. Vous pouvez donner un téléphone ou une adresse mail pour la réponse : ils ne seront vus que par la personne qui vous répond.",
    True: "Décris ton problème en quelques phrases : ce que tu veux faire, ce qui se passe, depuis quand. N’écris ni mot de passe ni nom de famille.",
}
SCHOOL_UNSURE = "École notée : « {school} » (à vérifier)."
SCHOOL_SURE = "École notée : {school}."
ASK_CONSENT = {
    False: "Voici ce qui sera envoyé :\n\n{summary}\n\nDois-je l’envoyer ? Répondez « oui » ou « non ». Pour compléter, écrivez ce qui manque.",
    True: "Voici ce que des adultes de l’assistance vont lire :\n\n{summary}\n\nJe l’envoie ? Réponds « oui » ou « non ». Pour compléter, écris ce qui manque.",
}
CONTACT_KEPT = "- Pour la réponse : {kinds} (à part, visible seulement des personnes qui traitent la demande)"
OPENED = {
    False: "Votre demande est enregistrée sous le numéro **{number}**. Elle est transmise au niveau {level} : {to}. Pour la suivre, écrivez « où en est ma demande ».",
    True: "Ta demande est enregistrée sous le numéro **{number}**. Des adultes de l’assistance vont la lire. Pour la suivre, écris « où en est ma demande ».",
}
JOINED = {
    False: "Votre message est joint à votre demande **{number}**, déjà ouverte à ce sujet : l’équipe le lira. Pour la suivre, écrivez « où en est ma demande ».",
    True: "Ton message est joint à ta demande **{number}**, déjà ouverte à ce sujet : l’équipe le lira. Pour la suivre, écris « où en est ma demande ».",
}
DELAY = "Délai de réponse : {delay}."
CONTACT = "Vous pouvez aussi vous adresser directement à : {contact}."
CONTACT_PUPIL = "Tu peux aussi demander directement à : {contact}."
HOURS = "Horaires de l’assistance : {hours}."
DROPPED = {
    False: "C’est annulé : rien n’a été envoyé et la demande est effacée. Si vous avez une autre question, écrivez-la.",
    True: "C’est annulé : rien n’a été envoyé et la demande est effacée. Si tu as une autre question, écris-la.",
}
NO_TICKET = {
    False: "Je ne trouve pas de demande dans cette conversation. Voulez-vous en faire une ?",
    True: "Je ne trouve pas de demande dans cette conversation. Veux-tu en faire une ?",
}
STATUS = "Demande **{number}** : {state}, au niveau {level}. Dernière mise à jour : {at}."
STATUS_MERGED = "Elle est traitée avec d’autres demandes semblables."
STATUS_FOLLOWS = "Elle fait suite à la demande {former}."
SUBJECT = "Objet : {title}."
STATES = {
    "nouveau": "nouvelle, pas encore prise en charge",
    "en_cours": "en cours de traitement",
    "en_attente": "en attente d’une précision de votre part",
    "resolu": "résolue",
    "clos": "close",
}
SUMMARY_SCHOOL = "- École : {school}"
SUMMARY_PROFILE = "- Profil : {profile}"
SUMMARY_PAGE = "- Page de l’ENT : {page}"
SUMMARY_TO = "- À : {to} (niveau {level})"
SUMMARY_DELAY = "- Réponse : {delay}"
# Where the deployment has no group yet.
LEVELS = {2: "l’assistance de l’académie", 3: "l’assistance de l’éditeur"}
SUMMARY_PROBLEM = "- Problème : {problem}"
SUMMARY_IMAGES = "- Captures d’écran jointes : {count}"
SUMMARY_JOINS = "- À : la demande **{number}**, déjà ouverte à ce sujet, à laquelle ce message sera joint"
BUTTON_SEND = "Oui, envoyer"
BUTTON_SEPARATE = "Faire une demande à part"
BUTTON_DROP = "Non, annuler"
BUTTON_CANCEL = "Annuler la demande"
RESOLVED = {
    False: "Votre demande **{number}** est indiquée comme résolue. Est-ce réglé pour vous ?",
    True: "Ta demande **{number}** est indiquée comme résolue. Est-ce réglé pour toi ?",
}
RATING_BUTTONS = (
    {"title": "Oui, c’est réglé", "choice": "suivi:satisfait"},
    {"title": "Non, pas encore", "choice": "suivi:rouvrir"},
    {"title": "Réglé, mais mal", "choice": "suivi:insatisfait"},
)
ESCALATED = {
    False: "Votre demande **{number}** est transmise au niveau 3, l’éditeur de l’ENT. Vous gardez le même numéro.",
    True: "Ta demande **{number}** est transmise à d’autres spécialistes. Tu gardes le même numéro.",
}
MERGED = {
    False: "Votre demande **{number}** est traitée avec d’autres demandes semblables. Vous gardez votre numéro : la réponse viendra ici.",
    True: "Ta demande **{number}** est traitée avec d’autres demandes semblables. Tu gardes ton numéro : la réponse viendra ici.",
}
UNMERGED = {
    False: "Votre demande **{number}** est de nouveau traitée à part. Vous gardez le même numéro.",
    True: "Ta demande **{number}** est de nouveau traitée à part. Tu gardes le même numéro.",
}
ASK_ANSWER = {
    False: "Écrivez votre réponse ici : elle sera jointe à la demande **{number}**.",
    True: "Écris ta réponse ici : elle sera jointe à la demande **{number}**.",
}
ANSWERED = {
    False: "Votre réponse est jointe à la demande **{number}**. L’équipe la lira.",
    True: "Ta réponse est jointe à la demande **{number}**. L’équipe la lira.",
}
CLOSED = {
    False: "Votre demande **{number}** est close. Si cela recommence, écrivez « rouvrir ma demande ».",
    True: "Ta demande **{number}** est close. Si ça recommence, écris « rouvrir ma demande ».",
}
REOPENED = {
    False: "Votre demande **{number}** est rouverte : l’équipe va la reprendre. Vous pouvez écrire ce qui ne va pas.",
    True: "Ta demande **{number}** est rouverte : l’équipe va la reprendre. Tu peux écrire ce qui ne va pas.",
}
FOLLOWED_UP = {
    False: "Votre demande **{former}** est terminée depuis plus de {days} jours : j’ouvre une nouvelle demande, la **{number}**, qui lui est liée. Vous pouvez écrire ce qui ne va pas.",
    True: "Ta demande **{former}** est terminée depuis plus de {days} jours : j’ouvre une nouvelle demande, la **{number}**, qui lui est liée. Tu peux écrire ce qui ne va pas.",
}
NOTHING_TO_REOPEN = {
    False: "Aucune de vos demandes n’est terminée : il n’y a rien à rouvrir.",
    True: "Aucune de tes demandes n’est terminée : il n’y a rien à rouvrir.",
}
RATED = {
    True: "Merci. Si cela recommence, écrivez « rouvrir ma demande ».",
    False: "Merci de l’avoir dit. Qu’est-ce qui n’a pas été ? Votre réponse sera lue par l’équipe.",
}
INCIDENT = {
    False: "Un incident est connu : **{title}**.\n\n{text}\n\nVous n’avez rien à faire : je vous préviens ici quand c’est terminé.",
    True: "Un incident est connu : **{title}**.\n\n{text}\n\nTu n’as rien à faire : je te préviens ici quand c’est terminé.",
}
INCIDENT_ARTICLE = "Voir quand même la fiche"
INCIDENT_ENDED = "L’incident « {title} » est terminé. {text}"
TAKEN_OVER = {
    False: "Une personne de l’assistance prend la suite de cette conversation. Je reste silencieux jusqu’à ce qu’elle me la rende.",
    True: "Un adulte de l’assistance prend la suite de cette conversation. Je me tais jusqu’à ce qu’il me la rende.",
}
HANDED_BACK = {
    False: "La personne de l’assistance m’a rendu la conversation. Je réponds de nouveau à vos questions.",
    True: "L’adulte de l’assistance m’a rendu la conversation. Je réponds de nouveau à tes questions.",
}
