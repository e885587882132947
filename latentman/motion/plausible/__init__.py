"""Whether a motion can be that of a person: posture, bones, floor and speed."""
