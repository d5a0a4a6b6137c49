"""Where calculations of a campaign run, and what a worker does.

Workers import this folder, the oracles and the spool; nothing of a model or a database.
"""
