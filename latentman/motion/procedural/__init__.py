"""Rule-based motions from the verbs of a prompt, without weights."""
