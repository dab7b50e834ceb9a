"""The platform's small state in SQL: tables, migrations and repositories for SQLite and PostgreSQL."""
