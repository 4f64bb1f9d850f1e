"""A thin adapter to nbgrader: an optional extra, plugged in by the ``nbgrader_config.py`` of a classroom.

Nothing here is imported by the rest of the grader but by ``grader nbgrader``. nbgrader names our classes by their
dotted path in its configuration.
"""
