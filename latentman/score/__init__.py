"""Scoring finished videos of any origin: ``latentman score``."""
