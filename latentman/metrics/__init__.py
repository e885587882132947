"""Scores of a finished video: Human MSE (Eq. 9), and guards against lowering it without improving the video."""
