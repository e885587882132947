"""Rendering: the conditions of the pictures, drawn exactly from the moving mesh."""
