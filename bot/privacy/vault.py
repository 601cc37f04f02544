"""Encryption of the few personal data that agents need: a telephone or an e-mail given for the answer."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from bot.errors import NotFound


class Vault:
    """Encrypts and decrypts with the deployment's key."""

    def __init__(self, secret_key: str) -> None:
        digest = hashlib.sha256(b"assistent-contacts:" + secret_key.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, text: str) -> str:
        """Return `text` encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what `seal` was given; NotFound when the key has changed."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise NotFound("Ce contact a été chiffré avec une autre clé : il n’est plus lisible.") from error
