"""The SQL for warehouses that are not here: their own adapters compile it, and sqlglot parses it in their dialects."""

from __future__ import annotations

import pytest
import sqlglot
from pipeline import FACTS, PARSED, PROJECT, compiled, dbt
from sqlglot import exp
from test_marts import MODELS


@pytest.mark.parametrize("target", PARSED)
def test_every_model_and_test_compiles_and_parses(target: str) -> None:
    dbt("compile", target)
    files = compiled(target)
    models = {path.rpartition("/")[2].removesuffix(".sql") for path in files if "/models/" in path}
    assert models >= set(MODELS)
    for path, sql in files.items():
        statements = sqlglot.parse(sql, dialect=target)
        assert [isinstance(statement, exp.Query) for statement in statements] == [True], path
        # What sqlglot does not understand it passes on as a command.
        assert not list(statements[0].find_all(exp.Command)), path
    FACTS.parsed.append(f"{target} ({len(files)} queries)")


def test_a_broken_query_would_be_noticed() -> None:
    for target in PARSED:
        with pytest.raises(sqlglot.errors.ParseError):
            sqlglot.parse("select count(* from a where", dialect=target)


@pytest.mark.parametrize("target", PARSED)
def test_no_dialect_gets_functions_of_another(target: str) -> None:
    """What DuckDB and PostgreSQL alone have must not be in what the others get: sqlglot parses any function's name."""
    foreign = {"epoch_us", "epoch_ms", "make_timestamp", "string_split", "json_build_object", "string_to_array"}
    for path, sql in compiled(target).items():
        used = {function.sql_name().lower() for function in sqlglot.parse_one(sql, dialect=target).find_all(exp.Func)}
        used |= {function.name.lower() for function in sqlglot.parse_one(sql, dialect=target).find_all(exp.Anonymous)}
        assert not used & foreign, path


def test_the_dialects_are_all_that_the_macros_know() -> None:
    text = (PROJECT / "macros/dialects.sql").read_text()
    for target in PARSED:
        assert f"macro {target}__zendesk_lines" in text
