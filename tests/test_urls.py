"""No shown address has a password or signature, and no model name does."""

from __future__ import annotations

from pathlib import Path

import pytest

from fasttrack.urls import (
    base_name,
    has_ambiguous_password,
    redact_url,
    resolve_path,
    split_path,
    strip_password,
)


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
        # a scheme may be spelled in capitals
        ("HTTPS://ghp_secret@h/t.csv", "HTTPS://***@h/t.csv", "HTTPS://ghp_secret@h/t.csv", "t.csv"),
        ("HTTPS://me:pw@h/t.csv", "HTTPS://me:***@h/t.csv", "HTTPS://me@h/t.csv", "t.csv"),
        ("POSTGRESQL://u:12345/x@h/db", "POSTGRESQL://u:***@h/db", "POSTGRESQL://u@h/db", "db"),
        ("Postgres://h/db?PASSWORD=pw", "Postgres://h/db?…", "Postgres://h/db", "db"),
        # a password may begin as a port would, of whatever scheme
        ("https://me:1234/5@h/t.csv", "https://me:***@h/t.csv", "https://me@h/t.csv", "t.csv"),
        ("https://me:1234/5@h", "https://me:***@h", "https://me@h", ""),
        ("https://me:1234?5@h/t.csv", "https://me:***@h/t.csv", "https://me@h/t.csv", "t.csv"),
        ("https://me:1#2@h/t.csv?sig=x", "https://me:***@h/t.csv?…", "https://me@h/t.csv?sig=x", "t.csv"),
        ("mysql+pymysql://me:12/x@h/db", "mysql+pymysql://me:***@h/db", "mysql+pymysql://me@h/db", "db"),
        ("s3://KEY:12/x@bucket/b.csv", "s3://KEY:***@bucket/b.csv", "s3://KEY@bucket/b.csv", "b.csv"),
        ("abfs://box:12/x@acc/b.csv", "abfs://box:***@acc/b.csv", "abfs://box@acc/b.csv", "b.csv"),
        # and a user hold an @, or be all there is
        ("https://me@work.org:pw@h/t.csv", "https://***@work.org:***@h/t.csv", "https://me@work.org@h/t.csv", "t.csv"),
        ("https://token:@h/t.csv", "https://***@h/t.csv", "https://token@h/t.csv", "t.csv"),
        ("s3://KEY@bucket/b.csv", "s3://***@bucket/b.csv", "s3://KEY@bucket/b.csv", "b.csv"),
        # what is a port, a path, a container or a parameter is shown
        (
            "HTTP://h:80/d/a@b.CSV.gz?sig=x",
            "HTTP://h:80/d/a@b.CSV.gz?…",
            "HTTP://h:80/d/a@b.CSV.gz?sig=x",
            "a@b.CSV.gz",
        ),
        ("https://h/v@1/a:b@c.csv", "https://h/v@1/a:b@c.csv", "https://h/v@1/a:b@c.csv", "a:b@c.csv"),
        ("https://h:80/t.csv?by=a@b.c", "https://h:80/t.csv?…", "https://h:80/t.csv?by=a@b.c", "t.csv"),
        ("s3://bucket/a:b@c.csv", "s3://bucket/a:b@c.csv", "s3://bucket/a:b@c.csv", "a:b@c.csv"),
        ("abfs://box@acc/b.csv", "abfs://box@acc/b.csv", "abfs://box@acc/b.csv", "b.csv"),
        ("postgresql://me@h:5432/db", "postgresql://me@h:5432/db", "postgresql://me@h:5432/db", "db"),
        # where both may be meant, a password is
        ("https://h:80/pkg@1.2/t.csv", "https://h:***@1.2/t.csv", "https://h@1.2/t.csv", "t.csv"),
        ("https://h/t.csv?sig=x", "https://h/t.csv?…", "https://h/t.csv?sig=x", "t.csv"),
        ("s3://bucket/a/b.parquet", "s3://bucket/a/b.parquet", "s3://bucket/a/b.parquet", "b.parquet"),
        ("s3://bucket", "s3://bucket", "s3://bucket", ""),
        ("sqlite:///a/b.db", "sqlite:///a/b.db", "sqlite:///a/b.db", "b.db"),
    ],
)
def test_addresses(address: str, seen: str, kept: str, last: str) -> None:
    assert redact_url(address) == seen
    assert strip_password(address) == kept
    assert base_name(address) == last


@pytest.mark.parametrize(
    ("address", "ambiguous"),
    [
        ("postgresql://me:pw@h:5432/db", False),
        ("postgresql://me@h:5432/db", False),
        ("postgresql://h:5432/db?user=a@b", False),
        ("POSTGRESQL://u:12345/x@h/db", True),
        ("postgresql://me:12?x@h/db", True),
        ("postgresql://me@work.org:pw@h/db", True),
        ("https://me:1234/5@h/f", True),
        ("https://me:12345@h/f", False),
        ("https://h:8080/a@b.csv", False),
        ("s3://KEY:12/x@bucket/b.csv", True),
    ],
)
def test_an_ambiguous_password_is_detected(address: str, ambiguous: bool) -> None:
    assert has_ambiguous_password(address) is ambiguous


@pytest.mark.parametrize(
    ("address", "parts", "resolved"),
    [
        ("sales.csv", ("", "sales.csv"), "/folder/sales.csv"),
        ("/data/sales.csv", ("", "/data/sales.csv"), "/data/sales.csv"),
        ("sqlite:///sales.db", ("sqlite:///", "sales.db"), "sqlite:////folder/sales.db"),
        ("SQLite:///sales.db", ("SQLite:///", "sales.db"), "SQLite:////folder/sales.db"),
        ("sqlite:////data/sales.db", ("sqlite:///", "/data/sales.db"), "sqlite:////data/sales.db"),
        ("postgresql:///sales", None, "postgresql:///sales"),
        ("s3://bucket/sales.csv", None, "s3://bucket/sales.csv"),
        ("ftp:///sales.csv", None, "ftp:///sales.csv"),
    ],
)
def test_only_files_on_this_machine_have_a_path(address: str, parts: tuple[str, str] | None, resolved: str) -> None:
    assert split_path(address) == parts
    assert resolve_path(address, Path("/folder")) == resolved
