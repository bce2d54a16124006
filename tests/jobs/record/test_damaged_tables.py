"""Tables that a refit goes on from, damaged in every way: one named error, or the numbers as written."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jobs.record.ledger import Ledger, Standing
from jobs.record.rows import read_table, write_table
from jobs.refit.pool import read_pool, write_pool
from mmm.errors import OutputError
from tests.jobs.rows import row

Bytes = Callable[[bytes, random.Random], bytes]


def overwritten(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.choice((1, 8, 64))):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def nonsense(content: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(len(content))


def another_table(content: bytes, dice: random.Random) -> bytes:
    return pd.DataFrame({"brand": [1.5], "version": ["x"]}).to_parquet()


def written(folder: Path) -> dict[str, Callable[[], Any]]:
    """Every table, and how it is read."""
    out = str(folder)
    write_table([row()], out)
    write_pool(pd.DataFrame({"brand": ["acme"], "market": ["us"], "channel": ["tv"], "shift": [0.5]}), out)
    ledger = Ledger(out)
    now = datetime(2026, 11, 30, tzinfo=UTC)
    ledger.stand(
        Standing(
            brand="acme", market="us", version=1, key="k", role="champion", directory="d", spec_digest="s",
            until=date(2026, 11, 23), made_at=now,
        )
    )  # fmt: skip
    ledger.write()
    return {
        "portfolio.parquet": lambda: read_table(out),
        "pool.parquet": lambda: pd.DataFrame(read_pool(out)).to_dict("records"),
        "versions.parquet": lambda: Ledger(out)._standings,
    }


def answer(read: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return read(), ""
    except OutputError as error:
        return None, str(error)


@pytest.mark.parametrize("damage", [overwritten, cut, nonsense, another_table])
@pytest.mark.parametrize("name", ["portfolio.parquet", "versions.parquet", "pool.parquet"])
def test_a_damaged_table_is_named_or_as_it_was_written(tmp_path: Path, name: str, damage: Bytes) -> None:
    read = written(tmp_path)[name]
    whole, good, dice = read(), (tmp_path / name).read_bytes(), random.Random(7)

    for _ in range(25):
        (tmp_path / name).write_bytes(damage(good, dice))
        found, said = answer(read)
        assert found == whole or str(tmp_path / name) in said
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match="folder"):
        read()
