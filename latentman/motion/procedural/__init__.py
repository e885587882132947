"""Motions drawn by rules from the verbs of a prompt; no weights."""
