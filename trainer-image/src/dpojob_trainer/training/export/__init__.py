"""The output of a finished run: the model, its card and report in the output directory, and uploads.

`finalize` writes the directory and `uploads` sends it to the Hub and to S3. The package imports none of its
modules: they import torch, which takes seconds that a run with an early error need not wait for.
"""

__all__ = [
    "finalize",
    "markdown",
    "output_directory",
    "svg_chart",
    "template_environment",
    "uploads",
]
