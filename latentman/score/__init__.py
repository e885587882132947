"""Scoring finished videos, whoever made them: ``latentman score``."""
