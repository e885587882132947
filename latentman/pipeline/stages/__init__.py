"""The stages of one run, in the order in which data flows; each is declared in the module of its name.

A stage reads the files of earlier stages and writes its own, so that an interrupted run continues with the very bytes
that an uninterrupted one would have used. Each declares what its result depends on; the executor chains these
declarations into hashes.
"""

from latentman.pipeline.stage import Stage
from latentman.pipeline.stages import body, correspondence, denoise, metrics, motion, render, video

STAGES: tuple[Stage, ...] = (
    motion.STAGE,
    body.STAGE,
    render.STAGE,
    correspondence.STAGE,
    denoise.STAGE,
    video.STAGE,
    metrics.STAGE,
)
"""Every stage; one that reads another comes after it."""
