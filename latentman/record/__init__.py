"""The record on disk: run folder, status, metrics and sweep plan. Runs write it; reports and the engine read it."""
