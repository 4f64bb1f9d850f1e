"""Grading: intake of submissions, the warm examiner, scoring, and the pipeline that joins them."""
