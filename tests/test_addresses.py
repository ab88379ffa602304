"""No address is shown with its password or its signature, and a model's name has neither."""

from __future__ import annotations

import pytest

from fasttrack.addresses import last_name, shown, without_password


@pytest.mark.parametrize(
    ("address", "seen", "kept", "last"),
    [
        ("sales.csv", "sales.csv", "sales.csv", "sales.csv"),
        ("a/b?c=d.csv", "a/b?c=d.csv", "a/b?c=d.csv", "b?c=d.csv"),
        ("postgresql://me:pw@h:1/db", "postgresql://me:***@h:1/db", "postgresql://me@h:1/db", "db"),
        ("postgresql://me:p/w@h/db", "postgresql://me:***@h/db", "postgresql://me@h/db", "db"),
        ("postgresql://me:p@w@h/db", "postgresql://me:***@h/db", "postgresql://me@h/db", "db"),
        ("postgresql://me:p?w@h", "postgresql://me:***@h", "postgresql://me@h", ""),
        ("postgresql://me:12/pw@h:1/db", "postgresql://me:***@h:1/db", "postgresql://me@h:1/db", "db"),
        ("https://token@h/t.csv", "https://***@h/t.csv", "https://token@h/t.csv", "t.csv"),
        ("postgresql://h/db?password=pw", "postgresql://h/db?…", "postgresql://h/db", "db"),
        (
            "postgresql://h/db?user=me&password=pw&sslmode=off",
            "postgresql://h/db?…",
            "postgresql://h/db?user=me&sslmode=off",
            "db",
        ),
        (
            "postgresql://me:pw@[::1]:5432/db",
            "postgresql://me:***@[::1]:5432/db",
            "postgresql://me@[::1]:5432/db",
            "db",
        ),
        ("postgresql://h:5432/db", "postgresql://h:5432/db", "postgresql://h:5432/db", "db"),
        ("https://h:80/a@b.csv", "https://h:80/a@b.csv", "https://h:80/a@b.csv", "a@b.csv"),
        ("https://h/t.csv?sig=x", "https://h/t.csv?…", "https://h/t.csv?sig=x", "t.csv"),
        ("s3://bucket/a/b.parquet", "s3://bucket/a/b.parquet", "s3://bucket/a/b.parquet", "b.parquet"),
        ("s3://bucket", "s3://bucket", "s3://bucket", ""),
        ("sqlite:///a/b.db", "sqlite:///a/b.db", "sqlite:///a/b.db", "b.db"),
    ],
)
def test_addresses(address: str, seen: str, kept: str, last: str) -> None:
    assert shown(address) == seen
    assert without_password(address) == kept
    assert last_name(address) == last
