"""Motion sources: text to a clip of the 22-joint skeleton."""
