"""``latentman bench denoise``: a denoising step and the whole video, by the released code and by ours."""
