"""From noise to frames: the networks, cross-frame attention, SLA, PWG and the loop of Algorithm 1."""
