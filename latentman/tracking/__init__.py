"""Mirrors of a run's record: W&B, TensorBoard and trackio. The record itself is in ``latentman.record``."""
