"""What people read: one renderer each, a pure function from a report to text.

``class_report`` puts the stored results of a class in order; ``terminal``, ``html`` and ``export`` write them down;
``compare`` says what a regrade changes. Importing this package imports neither rich nor jinja2.
"""
