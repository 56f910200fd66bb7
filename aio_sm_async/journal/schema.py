"""The tables on disk, as the steps that made them what they are.

A step that was released is never changed: a file of version n has been through the first n of them.
"""

from __future__ import annotations

APPLICATION_ID = 0x41534D4A
"""Stands in the file's header and tells it from other databases: ASMJ."""

STEPS = (
    """
    CREATE TABLE about (
        name TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE entry (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        inference_id TEXT NOT NULL,
        endpoint_name TEXT NOT NULL,
        patience_seconds REAL NOT NULL,
        key TEXT,
        job TEXT NOT NULL,
        digest BLOB,
        extension TEXT,
        filename TEXT,
        accept TEXT,
        uploaded TEXT,
        is_in_block INTEGER NOT NULL,
        stage INTEGER NOT NULL,
        output_location TEXT,
        failure_location TEXT,
        deadline TEXT,
        ending TEXT,
        reason TEXT,
        content_type TEXT
    );

    CREATE UNIQUE INDEX entry_of_key ON entry (job, key) WHERE key IS NOT NULL;
    """,
)
