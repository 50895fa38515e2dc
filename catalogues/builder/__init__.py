"""Builds the sample catalogue of Aglais and scales it for benchmarks."""


class BuildError(Exception):
    """The build failed. The message says what happened, what was kept, what to do."""
