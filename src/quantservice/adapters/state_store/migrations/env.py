"""Alembic's entry: runs inside the transaction that the state store has opened."""

from __future__ import annotations

from alembic import context

from quantservice.adapters.state_store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
