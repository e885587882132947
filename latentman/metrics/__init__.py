"""Scores of a finished video: Human MSE (Eq. 9) and guards against ways of lowering it that help nobody."""
