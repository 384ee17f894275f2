"""The SQL for the other warehouses compiles with their adapters and parses in their dialects."""

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
        # sqlglot turns a statement that it does not support into a command.
        assert not list(statements[0].find_all(exp.Command)), path
    FACTS.parsed.append(f"{target} ({len(files)} queries)")


def test_a_broken_query_does_not_parse() -> None:
    for target in PARSED:
        with pytest.raises(sqlglot.errors.ParseError):
            sqlglot.parse("select count(* from a where", dialect=target)


@pytest.mark.parametrize("target", PARSED)
def test_no_dialect_gets_functions_of_another(target: str) -> None:
    """sqlglot accepts any name of a function, so the test searches for functions of DuckDB and PostgreSQL."""
    foreign = {"epoch_us", "epoch_ms", "make_timestamp", "string_split", "json_build_object", "string_to_array"}
    for path, sql in compiled(target).items():
        used = {function.sql_name().lower() for function in sqlglot.parse_one(sql, dialect=target).find_all(exp.Func)}
        used |= {function.name.lower() for function in sqlglot.parse_one(sql, dialect=target).find_all(exp.Anonymous)}
        assert not used & foreign, path


def test_each_dialect_has_its_own_macros() -> None:
    text = (PROJECT / "macros/dialects.sql").read_text()
    for target in PARSED:
        assert f"macro {target}__zendesk_lines" in text
