"""The fuzz targets by name."""

from tests.fuzz.target import Target

from . import chat_template, inspection, manifest, model, progress, readers, termination_message

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *readers.TARGETS,
        inspection.TARGET,
        model.TARGET,
        chat_template.TARGET,
        progress.TARGET,
        *termination_message.TARGETS,
        manifest.TARGET,
    )
}
"""In the order in which they run."""
