"""``python -m serve.tokens NAME --scopes read,plan --brands acme``: a new bearer token.

Prints the token once, for whoever is to use it, and the entry for the service, which holds its digest only.
"""

from __future__ import annotations

import argparse
import hashlib
import secrets
import sys
from collections.abc import Sequence
from typing import get_args

from mmm.config.files import dump_yaml
from serve.settings import Scope, Token


def new_token(name: str, scopes: tuple[Scope, ...], brands: tuple[str, ...] | None) -> tuple[str, Token]:
    """A token of 256 random bits and its entry."""
    token = secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    return token, Token(name=name, sha256=digest, scopes=scopes, brands=brands)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a token."""
    parser = argparse.ArgumentParser(prog="python -m serve.tokens", description=__doc__)
    parser.add_argument("name", help="who uses it, as it stands in the log")
    parser.add_argument("--scopes", default="read,plan", help="of read, plan, admin (default read,plan)")
    parser.add_argument("--brands", help="brands it may see, separated by commas (default all)")
    options = parser.parse_args(arguments)
    scopes = tuple(scope.strip() for scope in options.scopes.split(","))
    if strangers := set(scopes) - set(get_args(Scope)):
        parser.error(f"unknown scope {', '.join(sorted(strangers))}; known: {', '.join(get_args(Scope))}")
    brands = None if options.brands is None else tuple(options.brands.split(","))
    token, entry = new_token(options.name, scopes, brands)
    text = dump_yaml(entry).replace("\n", "\n    ").rstrip()
    sys.stdout.write(f"token: {token}\n\nfor the service's list of tokens:\n\n  - {text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
