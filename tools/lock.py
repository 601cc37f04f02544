#!/usr/bin/env python3
"""Write requirements/*.lock again from requirements/*.in: the newest versions that fit, hashes, no address.

`make lock`. Run every test afterwards, and read the difference before keeping it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bootstrap

# Order matters: dev.in is held to web.lock's versions. Rasa's lock is for the one platform that its packages are tried
# on; the others fit any.
LOCKS = (
    ("tools", "3.8", ("--universal",)),
    ("web", "3.11", ("--universal",)),
    ("dev", "3.11", ("--universal",)),
    ("rasa", "3.10", ("--python-platform", "x86_64-manylinux_2_28")),
)


def compile_lock(uv: str, name: str, version: str, options: tuple[str, ...]) -> None:
    """Resolve one requirements file; paths are relative, so that the lock's comments name nothing of this machine."""
    source, target = f"requirements/{name}.in", f"requirements/{name}.lock"
    python = ".venv-rasa/bin/python" if name == "rasa" else ".venv/bin/python"
    command = [uv, "pip", "compile", "--upgrade", "--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet"]
    subprocess.run(
        [*command, "--python", python, "--python-version", version, *options, source, "--output-file", target],
        cwd=bootstrap.ROOT,
        env=bootstrap.clean_environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    lines = (bootstrap.ROOT / target).read_text(encoding="utf-8").splitlines()
    print(f"{target} : {sum(line[:1].isalnum() for line in lines)} bibliothèques", flush=True)


def main() -> int:
    """Write every lock file."""
    uv = bootstrap.find_uv(bootstrap.Layout(bootstrap.ROOT))
    if uv is None:
        print("uv est introuvable : lancez d’abord « make install ».", file=sys.stderr)
        return 1
    for name, version, options in LOCKS:
        try:
            compile_lock(uv, name, version, options)
        except subprocess.CalledProcessError:
            print(f"requirements/{name}.in ne se résout pas : voyez le message ci-dessus.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
