"""``latentman motion inspect``: what is found in a motion file, in words and in pictures."""
