"""Plots for papers, drawn by matplotlib, and sheets and strips of frames."""
