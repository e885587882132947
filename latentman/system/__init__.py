"""This machine: writing whole files, locks, caches, signals, devices, costs, progress and messages."""
