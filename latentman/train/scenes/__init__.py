"""The drawn world that the embedded model learns: characters in places, with captions, depth and labels."""
