"""The command line: one thin file per command, which parses, calls one function and prints.

Results go to stdout, progress and remarks to stderr. A command's module imports click and the
standard library only; what it needs to do its work is imported when it does it.
"""
