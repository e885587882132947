"""The one door for files: every reader of the package, one module for each kind of file.

Each module declares its limits as constants, checks what a file claims before it reserves memory for it, and turns
whatever the library underneath raises into the error that the caller names.
"""
