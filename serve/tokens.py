"""``python -m serve.tokens NAME --scopes read,plan --brands acme``: a new bearer token.

Prints the token once, for whoever is to use it, and the entry for the service, which holds its digest only.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import secrets
import sys
from collections.abc import Sequence
from datetime import date
from typing import get_args

from mmm.config import Spec
from mmm.config.files import dump_yaml, read_yaml, validate
from mmm.errors import Problem, SpecError
from serve.settings import Scope, ServeSettings, Token

logger = logging.getLogger("ray.serve.mmm")


def new_token(
    name: str, scopes: tuple[Scope, ...], brands: tuple[str, ...] | None, expires: date | None = None
) -> tuple[str, Token]:
    """A token of 256 random bits and its entry."""
    token = secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    return token, Token(name=name, sha256=digest, scopes=scopes, brands=brands, expires=expires)


class TokenList(Spec):
    """A file of tokens."""

    tokens: tuple[Token, ...]
    """Who may call."""


def read_tokens(path: str) -> tuple[Token, ...]:
    """Tokens of a file.

    Raises:
        SpecError: It is missing, or holds something else.
    """
    document = read_yaml(path)
    if not isinstance(document.values.get("tokens"), list):
        text = "holds no list of tokens; python -m serve.tokens shows one"
        raise SpecError(path, [Problem("wrong_type", "tokens", text)])
    return validate(TokenList, document.values, path, document.lines).tokens


class CurrentTokens:
    """Tokens as they are now: those given at the start, and those of the file, read each time.

    A file that cannot be read leaves its tokens as they were, so that a slip of the pen locks nobody out and
    lets nobody in.

    Args:
        settings: Of the service.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings, self._of_file = settings, settings.file_tokens

    def __call__(self) -> tuple[Token, ...]:
        """Read the file, if there is one."""
        if self._settings.tokens_file is not None:
            try:
                self._of_file = read_tokens(self._settings.tokens_file)
            except SpecError as error:
                logger.warning("tokens stay as they are: %s", error)
        return (*self._settings.tokens, *self._of_file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a token."""
    parser = argparse.ArgumentParser(prog="python -m serve.tokens", description=__doc__)
    parser.add_argument("name", help="who uses it, as it stands in the log")
    parser.add_argument("--scopes", default="read,plan", help="of read, plan, admin (default read,plan)")
    parser.add_argument("--brands", help="brands it may see, separated by commas (default all)")
    parser.add_argument(
        "--expires", type=date.fromisoformat, metavar="YYYY-MM-DD", help="last day, UTC (default none)"
    )
    options = parser.parse_args(arguments)
    scopes = tuple(scope.strip() for scope in options.scopes.split(","))
    if strangers := set(scopes) - set(get_args(Scope)):
        parser.error(f"unknown scope {', '.join(sorted(strangers))}; known: {', '.join(get_args(Scope))}")
    brands = None if options.brands is None else tuple(options.brands.split(","))
    token, entry = new_token(options.name, scopes, brands, options.expires)
    text = dump_yaml(entry).replace("\n", "\n    ").rstrip()
    sys.stdout.write(f"token: {token}\n\nfor the service's list of tokens:\n\n  - {text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
