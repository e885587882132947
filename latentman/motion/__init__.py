"""Where the joints come from: text to a clip of the 22-joint skeleton."""
