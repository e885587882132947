"""One prompt to one video: its stages, what they share, and the scores."""
