"""The map M: which pixel of a frame shows the same point of the body as which pixel of its reference frame."""
