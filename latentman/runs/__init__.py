"""``latentman runs``: what to do with runs on disk. ``check`` lists damage."""
