"""Timed training tasks on a GPU or CPU (not built yet; see docs/design.md)."""
