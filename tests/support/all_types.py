"""Tables of PostgreSQL with a column of each type, and what becomes of each value."""

# ruff: noqa: S608 - SQL is put together from literals in this file

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

ZOE = "7f1c9f3e-2b1a-4f6e-9d3c-0a1b2c3d4e5f"
YAN = "0e9d8c7b-6a5f-4e3d-8c2b-1a0f9e8d7c6b"
ACME = 9007199254740993  # 2^53 + 1: the first whole number that a float can't hold


class Column(NamedTuple):
    """A column of one type, and what stands in Userflow of the value in it."""

    type: str
    literal: str
    attribute: Any
    """For an object, its attributes by what the column's name is followed by."""


UNSET: dict[str, Any] = {}
COLUMNS = [
    Column("text", "'Zoë 🦉'", "Zoë 🦉"),
    Column("text", "''", ""),
    Column("varchar(20)", "'it''s'", "it's"),
    Column("char(5)", "'abc'", "abc  "),
    Column("plan", "'pro'", "pro"),
    Column("uuid", f"'{ZOE}'", ZOE),
    Column("smallint", "-32768", -32768),
    Column("integer", "2147483647", 2147483647),
    Column("bigint", "9007199254740993", 9007199254740993),
    Column("numeric(20,0)", "12345678901234567890", 12345678901234567890),
    Column("numeric(12,2)", "1234.50", Decimal("1234.50")),
    Column("numeric", "0.10000000000000000001", Decimal("0.10000000000000000001")),
    Column("numeric", "12345678901234567.123456789", Decimal("12345678901234567.123456789")),
    Column("real", "0.1", Decimal("0.1")),
    Column("double precision", "0.1", Decimal("0.1")),
    Column("double precision", "1e-7", Decimal("1e-7")),
    Column("money", "12.34", "$12.34"),
    Column("boolean", "true", True),  # noqa: FBT003 - the value of a boolean column
    Column("boolean", "false", False),  # noqa: FBT003 - likewise
    Column("date", "'2024-02-29'", "2024-02-29T00:00:00Z"),
    Column("timestamp", "'2024-02-29 12:34:56.789'", "2024-02-29T12:34:56.789000Z"),
    Column("timestamptz", "'2024-02-29 12:34:56+05:30'", "2024-02-29T07:04:56Z"),
    Column("time", "'23:59:59.5'", "23:59:59.500000"),
    Column("bytea", r"'\xdeadbeef'", "deadbeef"),
    Column("inet", "'192.0.2.1'", "192.0.2.1"),
    Column("int4range", "'[1,5)'", "[1,5)"),
    Column("text[]", """'{a,"b c"}'""", ["a", "b c"]),
    Column("text[]", "'{a,NULL,b}'", ["a", "b"]),
    Column("text[]", "'{}'", []),
    Column("text[]", "'{{a,b},{c,d}}'", '[["a","b"],["c","d"]]'),
    Column("bigint[]", "'{1,9007199254740993}'", ["1", "9007199254740993"]),
    Column("numeric[]", "'{1.50,2}'", ["1.50", "2"]),
    Column("boolean[]", "'{t,f}'", ["true", "false"]),
    Column("uuid[]", f"'{{{ZOE}}}'", [ZOE]),
    Column("jsonb", """'{"theme":"dark"}'""", {"_theme": "dark"}),
    Column("jsonb", """'{"a":{"b":{"c":9007199254740993}}}'""", {"_a_b_c": 9007199254740993}),
    Column("jsonb", """'{"tags":["a",1]}'""", {"_tags": ["a", "1"]}),
    Column("json", """'{"ratio":0.10}'""", {"_ratio": Decimal("0.10")}),
    Column("jsonb", """'["a",1,true,null]'""", ["a", "1", "true"]),
    Column("jsonb", """'[{"a":1},{"b":0.10}]'""", '[{"a":1},{"b":0.10}]'),
    Column("jsonb", """'"hi"'""", "hi"),
    Column("jsonb", "'1.10'", Decimal("1.10")),
    Column("jsonb", "'true'", True),  # noqa: FBT003 - likewise
    Column("jsonb", "'null'", UNSET),
    Column("date", "'infinity'", "9999-12-31T00:00:00Z"),  # tap-postgres knows no infinity,
    Column("timestamptz", "'-infinity'", "0001-01-01T00:00:00Z"),  # but first and last days
    Column("numeric", "'NaN'", UNSET),  # it writes null for these
    Column("double precision", "'-Infinity'", UNSET),
    *(
        Column(name, "null", UNSET)
        for name in ("text", "numeric", "timestamptz", "text[]", "jsonb")
    ),
]
ALL_TYPES = """
    alter database all_types set timezone = 'Asia/Kolkata';
    create type plan as enum ('free', 'pro');
    create table users (id uuid primary key, {columns});
    insert into users values ('{zoe}', {values});
    insert into users (id) values ('{yan}');
    create table groups (id bigint primary key, name text);
    insert into groups values ({acme}, 'Acme');
    create table memberships (user_id uuid, group_id bigint, primary key (user_id, group_id));
    insert into memberships values ('{zoe}', {acme});
    create table events (
        id serial primary key, user_id uuid, group_id bigint,
        name text, time timestamptz, amount numeric
    );
    insert into events values (1, '{zoe}', {acme}, 'paid', '2024-03-01 10:00+01', 9.90);
""".format(
    columns=", ".join(f"c{index:02} {one.type}" for index, one in enumerate(COLUMNS)),
    values=", ".join(one.literal for one in COLUMNS),
    zoe=ZOE,
    yan=YAN,
    acme=ACME,
)
