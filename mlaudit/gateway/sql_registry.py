"""The model registry out of rows: registered models, their versions, aliases and tags.

Prompts, which MLflow 3 keeps in the same tables, are left out, as its own search does. Schemas without workspaces,
aliases or tags have models without them; a schema without a registry has no models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.errors import ModelNotFound, VersionNotFound
from mlaudit.domain.models import ModelVersion, RegisteredModel
from mlaudit.domain.text import clean, clean_mapping
from mlaudit.gateway import convert
from mlaudit.gateway.sql_database import Database, Reading
from mlaudit.gateway.sql_runs import milliseconds

PROMPT_TAG = "mlflow.prompt.is_prompt"
_DELETED = "Deleted_Internal"
_VERSION_COLUMNS = (
    *("name", "version", "current_stage", "run_id", "source", "status", "description", "user_id"),
    *("creation_time", "last_updated_time"),
)


class SqlRegistry:
    """The registry half of :class:`~mlaudit.gateway.base.TrackingReader` on a database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_registered_models(self) -> tuple[RegisteredModel, ...]:
        """See :class:`~mlaudit.gateway.base.TrackingReader`, as for all methods below."""
        return self._database.ask(_models)

    def list_model_versions(self, model: str) -> tuple[ModelVersion, ...]:
        return self._database.ask(lambda r: _versions_of_model(r, model))

    def versions_of_run(self, run_id: str) -> tuple[ModelVersion, ...]:
        def question(reading: Reading) -> tuple[ModelVersion, ...]:
            if not _storable(run_id) or not reading.tables.has("model_versions", "run_id"):
                return ()
            return _versions(reading, reading.tables["model_versions"].c.run_id == run_id)

        return self._database.ask(question)

    def model_tags(self, model: str) -> Mapping[str, str]:
        """See :class:`~mlaudit.gateway.base.RegistryWriter`."""

        def question(reading: Reading) -> Mapping[str, str]:
            _require_model(reading, model)
            tags = _tags(reading, "registered_model_tags", "name", names=[model]).get((model,), {})
            return {str(key): str(value) for key, value in tags.items()}

        return self._database.ask(question)

    def origin(self, model: str, version: str) -> tuple[str | None, str]:
        """The run of a version and its source, raw. Raises ModelNotFound, VersionNotFound."""

        def question(reading: Reading) -> tuple[str | None, str] | None:
            _require_model(reading, model)
            versions = reading.tables["model_versions"]
            columns = reading.tables.columns("model_versions", "run_id", "source", "version")
            here = reading.tables.in_workspace("model_versions")
            rows = reading.connection.execute(sa.select(*columns).where(versions.c.name == model, here))
            return next(((row[0] or None, str(row[1] or "")) for row in rows if str(row[2]) == version), None)

        found = self._database.ask(question)
        if found is None:
            raise VersionNotFound(clean(model), f"version {clean(version)}")
        return found


def _models(reading: Reading) -> tuple[RegisteredModel, ...]:
    tables = reading.tables
    if not tables.has("registered_models", "name"):
        return ()
    models = tables["registered_models"]
    columns = tables.columns("registered_models", "name", "description", "creation_time", "last_updated_time")
    query = sa.select(*columns).where(
        tables.in_workspace("registered_models"), _no_prompt(reading, models, "registered_model_tags")
    )
    rows = sorted(reading.connection.execute(query), key=lambda row: str(row[0]))
    aliases, tags = _aliases(reading), _tags(reading, "registered_model_tags", "name")
    return tuple(
        RegisteredModel(
            clean(name),
            str(name),
            clean(description),
            milliseconds(created),
            milliseconds(updated),
            clean_mapping(aliases.get(name, {})),
            clean_mapping(tags.get((name,), {})),
        )
        for name, description, created, updated in rows
    )


def _versions_of_model(reading: Reading, model: str) -> tuple[ModelVersion, ...]:
    _require_model(reading, model)
    return _versions(reading, reading.tables["model_versions"].c.name == model)


def _require_model(reading: Reading, model: str) -> None:
    """Raises ModelNotFound naming those that there are."""
    tables = reading.tables
    if tables.has("registered_models", "name") and tables.has("model_versions", "name"):
        models = tables["registered_models"]
        here, no_prompt = tables.in_workspace("registered_models"), _no_prompt(reading, models, "registered_model_tags")
        there = sa.select(models.c.name).where(models.c.name == model, here, no_prompt)
        if _storable(model) and reading.connection.execute(there).first() is not None:
            return
    raise ModelNotFound(clean(model), tuple(m.name for m in _models(reading)))


def _storable(text: str) -> bool:
    """Whether a database can hold this text, and so be asked for it."""
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _versions(reading: Reading, where: Any) -> tuple[ModelVersion, ...]:
    """Versions by model, then newest first."""
    tables = reading.tables
    versions = tables["model_versions"]
    conditions = [where, tables.in_workspace("model_versions"), _no_prompt(reading, versions, "model_version_tags")]
    if tables.has("model_versions", "current_stage"):
        stage = versions.c.current_stage
        conditions.append(sa.or_(stage != _DELETED, stage.is_(None)))
    rows = reading.connection.execute(
        sa.select(*tables.columns("model_versions", *_VERSION_COLUMNS)).where(*conditions)
    ).all()
    names = sorted({str(row[0]) for row in rows})
    aliases = _aliases(reading, names)
    tags = _tags(reading, "model_version_tags", "name", "version", names=names)
    found = [_version(row, aliases.get(row[0], {}), tags.get((row[0], row[1]), {})) for row in rows]
    return tuple(sorted(found, key=lambda v: (v.raw_model, -v.order)))


def _version(row: Any, aliases: dict[str, str], tags: dict[str, Any]) -> ModelVersion:
    name, version, stage, run_id, source, status, description, user, created, updated = row
    number = str(version)
    return ModelVersion(
        clean(name),
        str(name),
        clean(number),
        convert.stage(stage),
        clean(run_id) or None,
        clean(source),
        tuple(sorted(clean(a) for a, of in aliases.items() if of == number)),
        clean(status),
        clean(description),
        clean(user),
        milliseconds(created),
        milliseconds(updated),
        clean_mapping(tags),
    )


def _no_prompt(reading: Reading, table: sa.Table, tags_name: str) -> Any:
    """The condition that a model, or a version's model, is no prompt."""
    if not reading.tables.has(tags_name, "name"):
        return sa.true()
    tags = reading.tables[tags_name]
    prompts = sa.select(tags.c.name).where(
        tags.c.key == PROMPT_TAG, tags.c.value == "true", reading.tables.in_workspace(tags_name)
    )
    return table.c.name.not_in(prompts)


def _aliases(reading: Reading, names: Sequence[str] | None = None) -> dict[str, dict[str, str]]:
    """Alias -> version by model, raw; of all models without ``names``."""
    if not reading.tables.has("registered_model_aliases", "name"):
        return {}
    table = reading.tables["registered_model_aliases"]
    query = sa.select(table.c.name, table.c.alias, table.c.version).where(
        reading.tables.in_workspace("registered_model_aliases")
    )
    found: dict[str, dict[str, str]] = {}
    for name, alias, version in reading.connection.execute(_named(query, table, names)):
        found.setdefault(name, {})[str(alias)] = str(version)
    return found


def _tags(
    reading: Reading, name: str, *owner: str, names: Sequence[str] | None = None
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Tags by what they belong to, raw."""
    if not reading.tables.has(name, *owner):
        return {}
    table = reading.tables[name]
    query = sa.select(*(table.c[c] for c in owner), table.c.key, table.c.value).where(reading.tables.in_workspace(name))
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for *of, key, value in reading.connection.execute(_named(query, table, names)):
        found.setdefault(tuple(of), {})[key] = value
    return found


def _named(query: Any, table: sa.Table, names: Sequence[str] | None) -> Any:
    # Few models have versions from one run; where many do, all tags are read.
    return query if names is None or len(names) > 500 else query.where(table.c.name.in_(names))
