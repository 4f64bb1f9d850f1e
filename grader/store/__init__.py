"""The results database: ``from grader.store.database import Store``.

This package imports nothing by itself, so that ``grader --help`` never waits for SQLAlchemy.
"""
