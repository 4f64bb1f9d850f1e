"""Timed training tasks: data sets, draws, runs on a device, judgement, sessions.

It uses the wall, the sandbox, the remote side and the model; the command line wires it to the course and the database.
"""
