"""YAML within bounds: nodes, depth, length of numbers and aliases, all counted before anything is built.

A few hundred bytes of aliases can stand for gigabytes, twenty thousand brackets end any recursion, and
numbers of thousands of digits take minutes: none of them is a specification.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MOST_BYTES = 2_000_000
"""Largest file; the parser reads sign by sign, some seconds for so many."""
MOST_NODES = 300_000
"""Most values in one document, each alias counted as often as it is used."""
DEEPEST = 50
"""Deepest nesting."""
LONGEST_NUMBER = 100
"""Most characters of one number."""

UNUSABLE = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What the parser's own constructors raise on values that are none of what their tag or form says."""


BEYOND = "beyond what is read here"
"""Context of the parser's error where YAML is larger or deeper than any specification needs."""


class BoundedLoader(yaml.SafeLoader):
    """YAML 1.2 within bounds: ``no`` is Norway, ``010`` a code and no octal, ``1e-3`` a number."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = self._depth = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node of the document, counted with everything below it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            self._count(self._sizes.get(id(node), 1), event.start_mark)
            return node
        if self._depth >= DEEPEST:
            raise _beyond(f"nested deeper than {DEEPEST} levels", event.start_mark)
        before = self._nodes
        self._count(1, event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._sizes[id(node)] = self._nodes - before
        return node

    def _count(self, nodes: int, mark: Any) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise _beyond(f"more than {MOST_NODES} values, aliases written out", mark)

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """A number, unless it is of absurd length."""
        if len(node.value) > LONGEST_NUMBER:
            raise _beyond(f"a number of {len(node.value)} characters", node.start_mark)
        integer = node.tag == "tag:yaml.org,2002:int"
        return self.construct_yaml_int(node) if integer else self.construct_yaml_float(node)


def _beyond(what: str, mark: Any) -> yaml.MarkedYAMLError:
    problem = f"{what}; no file that is read here needs that"
    return yaml.MarkedYAMLError(context=BEYOND, problem=problem, problem_mark=mark)


BoundedLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if (tag != "tag:yaml.org,2002:bool" or first in "tTfF") and tag != "tag:yaml.org,2002:int"
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
BoundedLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+|0o[0-7_]+|[1-9][0-9_]*(:[0-5]?[0-9])+)$"),
    list("-+0123456789"),
)
BoundedLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)
for _tag in ("int", "float"):
    BoundedLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", BoundedLoader.construct_number)


def construct(loader: BoundedLoader, node: yaml.Node) -> Any:
    """Plain data of a composed node.

    Raises:
        yaml.YAMLError: A value is none of what its tag or form says, such as 2024-13-45.
    """
    try:
        return loader.construct_document(node)
    except UNUSABLE as error:
        reason = f"a value cannot be read ({' '.join(str(error).split())[:200] or type(error).__name__})"
        raise yaml.MarkedYAMLError(problem=reason, problem_mark=node.start_mark) from error


def parse_value(text: str) -> Any:
    """One YAML value, as it stands after ``--set path=``.

    Raises:
        yaml.YAMLError: It is none, or beyond the bounds.
    """
    loader = BoundedLoader(text)
    try:
        node = loader.get_single_node()
        return None if node is None else construct(loader, node)
    finally:
        loader.dispose()
