"""Motion diffusion models: MDM, MLD and GMD, their networks, checkpoints and sampling."""
