"""The pipeline: the roles on a real embedded bus and store, with a made-up scorer."""
