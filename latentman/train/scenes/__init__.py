"""The drawn world on which the embedded model is trained: characters in places, with captions, depth and labels."""
