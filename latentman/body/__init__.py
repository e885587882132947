"""Bodies: a skinned mesh on SMPL's 24 joints, and its fit to the joints of a motion."""
