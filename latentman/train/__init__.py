"""Training of the shipped models, so that they can be reproduced."""
