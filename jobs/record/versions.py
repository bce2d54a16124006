"""Registered models: one for each brand-market, a version for each fit, aliases for what is in use.

``champion`` is what production serves, ``challenger`` what waits for a person. A version carries the row of
its refit and the key of its fit, so that a fit is registered once however often a job is run again.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.record.gates import Gates, objections
from jobs.record.rows import Row
from jobs.record.runs import Run, find_run, fit_tags, record_fit, settings_of, start_run
from jobs.record.tracking import Tracking, reaching
from mmm.config import MarketSpec
from mmm.errors import MMMError
from mmm.storage import is_uri

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

PREFIX = "MMM_REGISTRY_PREFIX"
"""Environment variable: what names of registered models begin with in a registry of few characters."""
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


class RegistryError(MMMError, LookupError):
    """A model, version or alias that the registry does not have."""


def model_name(brand: str, market: str) -> str:
    """Name of a registered model; neither part can hold ``=``, so names of two markets never meet.

    Registries that take letters, digits, ``_`` and ``-`` only, and want a catalogue and a schema before the
    name (Unity Catalog), are served where ``MMM_REGISTRY_PREFIX`` says so, e.g. ``main.marketing.mmm_``: then
    other characters become ``_``, and six digits of a digest tell such names apart.
    """
    name = f"brand={brand},market={market}"
    prefix = os.environ.get(PREFIX)
    if not prefix:
        return name
    plain = [re.sub(r"[^A-Za-z0-9_-]", "_", part) for part in (brand, market)]
    digits = "" if plain == [brand, market] else f"_{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return f"{prefix}{'__'.join(plain)}{digits}"


@dataclass(frozen=True)
class Version:
    """A registered version.

    Attributes:
        model: Registered name.
        number: Its version.
        row: What its refit came to.
        aliases: ``champion``, ``challenger``, ``previous``, or none.
        reason: Why it waits, empty if it does not.
    """

    model: str
    number: int
    row: Row
    aliases: tuple[str, ...]
    reason: str


class Registry:
    """The registered models behind a tracking connection.

    Args:
        tracking: Connection to MLflow.
        gates: Limits of promotion without a person.
    """

    def __init__(self, tracking: Tracking, gates: Gates | None = None) -> None:
        self._tracking, self._client = tracking, tracking.client
        self._gates = gates or Gates()
        self._known = self._newest()

    def record(self, row: Row, spec: MarketSpec, legacy_key: str | None = None, objection: str = "") -> Row:
        """Record a fit as a run and a version, and give it its role, all exactly once.

        Args:
            row: A ``done`` or ``unchanged`` row.
            spec: Its market.
            legacy_key: Key that the same fit was recorded under before decision 0011, if it existed then; a
                version found under it gets the key of the row.
            objection: What else speaks against it: its kind's record in the ledger, a test window lost.

        Returns:
            The row with version, role and, if it waits, the reason.

        Raises:
            TrackingError: The server did not take everything; calling again goes on where it stopped.
        """
        name = model_name(row.brand, row.market)
        found = self._known.get(name)
        keys = (row.key,) if legacy_key is None else (row.key, legacy_key)
        if found is None or found.row.key not in keys:
            hits = (self._find(name, key) for key in keys)
            found = next(filter(None, hits), None) or self._register(name, row, spec)
        if found.row.key != row.key:
            found = self._upgraded(found, row)
        undecided = not found.aliases and not found.reason
        # Whoever says which channels were renamed may have read so in the reason why the model waits.
        heard_of_names = bool(spec.renamed) and CHALLENGER in found.aliases
        if (undecided or heard_of_names) and self._is_newest(found):
            found = self._judge(found, spec, objection)
        if self._is_newest(found):
            self._known[name] = found
        role = next((alias for alias in (CHAMPION, CHALLENGER) if alias in found.aliases), "")
        return replace(row, version=found.number, role=role, reason=found.reason)

    def _upgraded(self, version: Version, row: Row) -> Version:
        """A version of a fit and its run under the key and digest that the fit has today."""
        own = replace(version.row, key=row.key, spec_digest=row.spec_digest)
        if (run := find_run(self._tracking, version.row.key)) is not None:
            run.log(tags={"key": row.key, "spec_digest": row.spec_digest})
        with reaching(self._tracking.uri):
            for tag, text in (("key", row.key), ("row", own.to_json())):
                self._client.set_model_version_tag(version.model, str(version.number), tag, text)
        return replace(version, row=own)

    def _register(self, name: str, row: Row, spec: MarketSpec) -> Version:
        run = find_run(self._tracking, row.key) or self._run(row, spec)
        model_id, source = (None, row.directory) if is_uri(row.directory) else run.model()
        row_text = replace(row, status="done").to_json()
        # MLflow's own servers keep no link from a version to a logged model whose place is stated.
        of_model = {} if model_id is None else {"model_id": model_id}
        with reaching(self._tracking.uri):
            if name not in self._known:
                self._create_model(name, row)
            made = self._client.create_model_version(
                name, source, run.id, tags={"key": row.key, "row": row_text, **of_model}, model_id=model_id
            )
        return Version(name, int(made.version), row, (), "")

    def _run(self, row: Row, spec: MarketSpec) -> Run:
        settings = settings_of(spec) | row.settings
        run = start_run(self._tracking, row.name, fit_tags(row), settings, ("key", "directory"))
        record_fit(run, row, spec.data.path)
        return run

    def _create_model(self, name: str, row: Row) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name, tags={"brand": row.brand, "market": row.market})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _judge(self, version: Version, spec: MarketSpec, objection: str) -> Version:
        """Make a new version champion, or let it wait as challenger with the reason."""
        champion = self.champion(version.model)
        before = None if champion is None else champion.row
        reasons = objections(version.row, before, self._gates, spec.renamed)
        if objection:
            reasons.append(objection)
        if not reasons:
            return self.promote(version, champion)
        reason = "waits as challenger: " + "; ".join(reasons)
        with reaching(self._tracking.uri):
            self._client.set_model_version_tag(version.model, str(version.number), "reason", reason)
            self._client.set_registered_model_alias(version.model, CHALLENGER, str(version.number))
        return replace(version, aliases=(CHALLENGER,), reason=reason)

    def promote(self, version: Version, champion: Version | None = None) -> Version:
        """Make a version champion; the champion so far stays findable as ``previous``."""
        champion = champion or self.champion(version.model)
        number = str(version.number)
        with reaching(self._tracking.uri):
            if champion is not None and champion.number != version.number:
                self._client.set_registered_model_alias(version.model, PREVIOUS, str(champion.number))
            self._client.set_registered_model_alias(version.model, CHAMPION, number)
            if CHALLENGER in version.aliases:
                self._client.delete_registered_model_alias(version.model, CHALLENGER)
            if version.reason:
                self._client.delete_model_version_tag(version.model, number, "reason")
        return replace(version, aliases=(CHAMPION,), reason="")

    def champion(self, name: str) -> Version | None:
        """The version in production, None if there is none."""
        return self.by_alias(name, CHAMPION)

    def by_alias(self, name: str, alias: str) -> Version | None:
        """The version that an alias points at, None if it points at none."""
        from mlflow.exceptions import MlflowException

        with reaching(self._tracking.uri):
            try:
                return _version(self._client.get_model_version_by_alias(name, alias))
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def models(self) -> dict[str, dict[str, int]]:
        """Registered models of brand-markets with their aliases and version numbers."""
        return {model.name: {a: int(v) for a, v in model.aliases.items()} for model in self._pages()}

    def keys(self) -> dict[str, tuple[str, str]]:
        """Brand and market of every registered model, by its name."""
        return {model.name: (model.tags["brand"], model.tags["market"]) for model in self._pages()}

    def version(self, name: str, number: int) -> Version:
        """One version.

        Raises:
            RegistryError: There is no such version.
        """
        from mlflow.exceptions import MlflowException

        with reaching(self._tracking.uri):
            try:
                return _version(self._client.get_model_version(name, str(number)))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        raise RegistryError(f"{name} has no version {number}. See `python -m jobs.promote --list`.")

    def _find(self, name: str, key: str) -> Version | None:
        """The version of a fit, should a job that died have registered it already."""
        with reaching(self._tracking.uri):
            found = self._client.search_model_versions(f"tags.key = '{key}'")
        versions = [_version(item) for item in found if item.name == name]
        return self.version(name, versions[0].number) if versions else None

    def _is_newest(self, version: Version) -> bool:
        known = self._known.get(version.model)
        return known is None or known.number <= version.number

    def _newest(self) -> dict[str, Version]:
        """The newest version of every registered model, in few requests however many there are."""
        newest: dict[str, Version] = {}
        for model in self._pages():
            versions = sorted(model.latest_versions or [], key=lambda item: int(item.version))
            if versions and "row" in versions[-1].tags:
                number = int(versions[-1].version)
                aliases = tuple(alias for alias, at in model.aliases.items() if int(at) == number)
                newest[model.name] = replace(_version(versions[-1]), aliases=aliases)
        return newest

    def _pages(self) -> list[RegisteredModel]:
        found: list[RegisteredModel] = []
        token = None
        with reaching(self._tracking.uri):
            while True:
                page = self._client.search_registered_models(max_results=500, page_token=token)
                found += [model for model in page if {"brand", "market"} <= set(model.tags)]
                token = page.token
                if not token:
                    return found


def _version(item: ModelVersion) -> Version:
    return Version(
        model=item.name,
        number=int(item.version),
        row=Row.from_json(item.tags["row"]),
        aliases=tuple(item.aliases),
        reason=item.tags.get("reason", ""),
    )
