"""Trains the embedded model: VAE, text-to-image UNet with its text encoder, depth ControlNet, and those who judge it."""
