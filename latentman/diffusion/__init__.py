"""Algorithm 1 of the paper, from noise to frames: cross-frame attention, SLA, PWG and the loop."""
