"""Trains the embedded model: VAE, UNet with its text encoder, depth ControlNet, and the networks that judge it."""
