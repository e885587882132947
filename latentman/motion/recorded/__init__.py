"""Motions from files: BVH, AMASS, joints and features."""
