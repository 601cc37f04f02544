"""The names of what is not the ENT: administrations, banks, shops, games, networks, the staff's own applications.

They are an open list that no number of utterances covers, and they say the same of whatever is asked: « mot de passe Ameli » and « mot de
passe Vinted » are as little the ENT's. A mark before each gives them one word in common. It forbids nothing: « des menaces sur
Snapchat » is still an emergency, for the rest of the sentence is read as well.

Left out on purpose: names that are French words, first names or names of schools (Orange, Lydia, Leclerc), and what is used with the ENT or is
asked about there (EduConnect, FranceConnect, Pronote, ONDE, Arena, Pix, YouTube, the phone's own shop).
"""

from __future__ import annotations

# What stands before a name: two letters that begin no French word, short so that little is added to what is counted in letters.
MARK = "zz"

# As bot.language.normalise leaves them; the habits of those who type are names too (« watsap », « bon coin »).
_ADMINISTRATIONS = """
action logement, affelnet, agirc arrco, allocations familiales, ameli, antai, ants, assurance maladie, bafa, bison fute, caf,
carte vitale, cesu, cnaf, cnav, compte formation, cpam, cpf, crous, france travail, impots gouv, izly, la poste, legifrance,
mdph, mission locale, mon espace sante, msa, pajemploi, parcoursup, permis de conduire, pole emploi, prefecture, rsa, secu,
securite sociale, service public, sous prefecture, titre de sejour, urssaf
"""
_MONEY = """
axa, banque postale, banque populaire, binance, bitcoin, bnp, boursobank, boursorama, caisse d epargne, caisse epargne,
cetelem, coinbase, cofidis, credit agricole, credit lyonnais, credit mutuel, fdj, fortuneo, groupama, hello bank, lcl, livret a,
livret jeune, maaf, macif, maif, matmut, mgen, monabanq, n26, paylib, paypal, revolut, societe generale, swile, ticket restaurant, winamax
"""
_SHOPS = """
airbnb, aldi, aliexpress, allocine, amazon, auchan, back market, basic fit, blablacar, bloctel, bon coin, booking,
chronopost, cultura, darty, decathlon, deliveroo, doctolib, easyjet, ebay, edf, engie, etsy, flixbus, fnac, hellofresh,
idealo, ikea, intermarche, just eat, kiabi, le bon coin, leboncoin, lidl, marmiton, mondial relay, navigo, nespresso, ouigo, photomaton,
pizza hut, ratp, ryanair, sephora, shein, sncf, super u, temu, ticketmaster, tisseo, total energies, totalenergies, tripadvisor, trustpilot,
uber, uber eats, vinted, waze, yuka, zalando, zara
"""
_TELEPHONY = """
android auto, apple music, apple pay, apple store, bbox, bouygues, bouygues telecom, chromecast, facetime, free mobile, freebox, google agenda,
google home, google maps, google pay, google photos, icloud, imovie, itunes, livebox, numericable, red sfr, samsung, sfr, shazam, sosh, xiaomi
"""
_MAIL = "gmail, hotmail, laposte, outlook, yahoo"
_NETWORKS = """
bereal, dailymotion, discord, facebook, facebok, fb, insta, instagram, instagrame, linkedin, messenger, onlyfans, pinterest, reddit, skyblog,
skype, snap, snapchat, snapchate, strava, telegram, tik tok, tiktok, tinder, tweet, twitch, twitter, viber, watsap, watsapp, wattpad, wechat,
whatsap, whatsapp, whatssap, yubo
"""
_GAMES = """
among us, angry birds, animal crossing, brawl stars, call of duty, candy crush, clash of clans, clash royale, counter strike, dofus, ea sports,
elden ring, epic games, fall guys, fifa, fortnite, free fire, genshin, gta, hearthstone, league of legends, mario kart, minecraft, nintendo,
overwatch, playstation, pokemon, pokemon go, ps4, ps5, pubg, riot games, roblox, rocket league, steam, subway surfers, ubisoft, valorant,
world of warcraft, xbox, zelda
"""
_PASTIMES = """
amazon prime, bein, canal plus, capcut, code de la route, crunchyroll, deezer, disney, disney plus, duolingo, eurosport, filmora, hbo, molotov,
my canal, mycanal, netflix, photoshop, prime video, qobuz, spotify, stremio
"""
_STAFF = """
chorus, chorus dt, colibris, cyclades, delibnet, ensap, i prof, imagin, iprof, santorin, siam, viatique
"""
_NAMES = frozenset(
    tuple(name.split())
    for names in (
        _ADMINISTRATIONS,
        _MONEY,
        _SHOPS,
        _TELEPHONY,
        _MAIL,
        _NETWORKS,
        _GAMES,
        _PASTIMES,
        _STAFF,
    )
    for name in names.split(",")
)
_LONGEST = max(map(len, _NAMES))
_FIRST = frozenset(name[0] for name in _NAMES)


def mark_elsewhere(text: str) -> str:
    """Return a normalised text with the mark before each name of what is not the ENT: « compte zz ameli bloque »."""
    words, marked, at = text.split(), [], 0
    while at < len(words):
        size = _size_of_name(words, at) if words[at] in _FIRST else 0
        if size:
            marked.append(MARK)
        marked += words[at : at + max(size, 1)]
        at += max(size, 1)
    return " ".join(marked)


def _size_of_name(words: list[str], at: int) -> int:
    return next((size for size in range(_LONGEST, 0, -1) if tuple(words[at : at + size]) in _NAMES), 0)
