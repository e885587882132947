"""The record of a run: the local one is the truth, every other tracker mirrors it."""
