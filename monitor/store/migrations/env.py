"""Alembic's entry: runs the steps on the connection it was given, inside the transaction already under way."""

from alembic import context

from monitor.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
