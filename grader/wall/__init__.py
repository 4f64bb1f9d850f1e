"""Everything that is mounted in the box: the guest's side of the wall, and the format that both sides speak.

This folder is relocatable and imports nothing but the standard library and itself (numpy, torch and tensorflow only
once somebody else has loaded them). In the box it is the top-level package ``wall``; on the host it is ``grader.wall``.
"""
