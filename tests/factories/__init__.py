"""Inputs that the tests of several modules need."""
