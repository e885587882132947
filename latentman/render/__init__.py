"""Rendering: what the pictures are conditioned on, drawn exactly from the moving mesh."""
