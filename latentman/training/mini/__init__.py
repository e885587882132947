"""The trainers of the embedded text-to-image model (``latentman train scenes|judges|vae|t2i|controlnet|all``)."""
