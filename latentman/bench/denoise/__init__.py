"""``latentman bench denoise``: a denoising step and the whole video, as the released code runs them and as we do."""
