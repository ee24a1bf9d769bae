"""The project's own measurements: each beside a stated simpler thing, measured in the same run (contract 8)."""
