"""Bring the database to the tables of this version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import OperationError

# Made by migrations for PostgreSQL alone, and not in the models: SQLite has no such index.
OF_POSTGRESQL = frozenset({"ix_tickets_words"})


def is_in_models(_item: object, name: str | None, kind: str, *_: object) -> bool:
    """Tell Alembic whether to compare something of the database with the models."""
    return kind != "index" or name not in OF_POSTGRESQL


def upgrade(root: Path, url: str, revision: str = "head") -> None:
    """Migrate up; OperationError when the database cannot be reached or changed."""
    _run(command.upgrade, root, url, revision)


def downgrade(root: Path, url: str, revision: str) -> None:
    """Migrate down."""
    _run(command.downgrade, root, url, revision)


def _run(action, root: Path, url: str, revision: str) -> None:
    config = Config(root / "alembic.ini")
    config.set_main_option("script_location", str(root / "migrations"))
    config.attributes["url"] = url
    try:
        action(config, revision)
    except (SQLAlchemyError, OSError) as error:
        raise OperationError(
            "La base de données ne peut pas être mise à jour : vérifiez ASSISTENT_DATABASE_URL, l’espace du disque et "
            f"qu’aucun autre programme ne la tient. Détail : {error}"
        ) from error
