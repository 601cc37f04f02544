# AssistENT. `make help` lists what can be asked for; nothing else is needed than git, make and a Python 3.8 or later
# that has venv or pip.

# The first Python that runs: a pyenv shim with no version active exists on the PATH but does not.
ifndef PYTHON
PYTHON := $(shell for p in python3 python python3.13 python3.12 python3.11 python3.10 python3.9; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1 && { echo $$p; exit; }; done)
endif

BOT := .venv/bin/python -m bot
PYTEST := .venv/bin/python -m pytest

# What to hand to pytest: make test ARGS="-k urgent -x"
ARGS ?=
# Two workers, the browser's tests first in one of them, what measures times last and alone: tests/parallel.py.
TWO := --numprocesses=2

.DEFAULT_GOAL := help
.PHONY: help run test ready test-quick soak train lint format evaluate bench check-machine install install-dev lock clean

help: ## cette liste
	@echo "AssistENT : make CIBLE, où CIBLE est"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: install ## installer ce qui manque, apprendre si besoin, tout démarrer (Ctrl-C arrête tout)
	@exec $(BOT) run

test: ready ## installer, apprendre si besoin, vérifier le code, puis tous les essais
	@$(PYTEST) $(TWO) $(ARGS)

# .ci/run calls it too.
ready: install-dev ## ce qu’il faut aux essais : installer, apprendre si besoin, vérifier le code
	@$(BOT) train
	@$(MAKE) --no-print-directory lint

test-quick: install-dev ## les essais rapides : ni modèle, ni navigateur, ni Rasa
	@$(PYTEST) tests/unit tests/content $(ARGS)

# The long form of the proofs that have one: tests/soak.py says how much longer.
soak: ready ## éprouver longuement l’API et les pannes (40 minutes au plus)
	@ASSISTENT_SOAK=1 $(PYTEST) tests/integration/test_properties.py tests/integration/test_schemathesis.py \
		tests/integration/test_faults.py tests/integration/test_swaps.py tests/integration/test_connectors_soak.py --timeout=900 --session-timeout=2400 --durations=0 --durations-min=5 -rP $(ARGS)

train: install ## apprendre le modèle si les données, la configuration ou le moteur ont changé
	@$(BOT) train

lint: install-dev ## ruff, et le sens des imports entre paquets
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -c "from importlinter.cli import lint_imports_command as check; check()" --no-logo

format: install-dev ## mettre en forme les fichiers Python avec ruff
	@.venv/bin/python -m ruff format .

evaluate: install ## mesurer la compréhension sans serveur, et écrire la page pour les formateurs (deux minutes)
	@OMP_NUM_THREADS=1 .venv-rasa/bin/python benchmarks/evaluate.py $(ARGS)

bench: install-dev ## mesurer : notre chaîne à côté de celle du pair, puis l’API (une demi-heure)
	@.venv/bin/python benchmarks/bench.py $(ARGS)

check-machine: install ## dire ce qui manque à cette machine
	@$(BOT) check-machine

install: .python ## créer ou mettre à jour les deux environnements, rien d’autre
	@$(PYTHON) tools/bootstrap.py

install-dev: .python ## la même chose, avec ce qu’utilisent les essais
	@$(PYTHON) tools/bootstrap.py --dev

lock: install ## récrire les verrous depuis requirements/*.in, aux versions les plus récentes
	@$(PYTHON) tools/lock.py

clean: ## supprimer environnements et modèles (var/, la base et les journaux, reste)
	rm -rf .tools .venv .venv-rasa .rasa models tests/*/node_modules

.PHONY: .python
.python:
	@test -n "$(PYTHON)" || { echo "Il manque Python 3 (3.8 ou plus récent), avec venv ou pip. Sur Debian ou Ubuntu : sudo apt-get install python3 python3-venv. Puis relancez la même commande." >&2; exit 1; }
