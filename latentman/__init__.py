"""LatentMan: consistent animated-character videos from text, without video training."""

__version__ = "0.1.0"
