"""Variables that libraries read as they are loaded are set before anything loads them."""

from __future__ import annotations

import json
import subprocess
import sys

IMPORT = """
import json, sys
import dpojob_trainer.training.launch.container
print(json.dumps([name for name in ("torch", "huggingface_hub", "tokenizers") if name in sys.modules]))
"""


def test_the_training_container_s_modules_load_no_library_that_reads_them() -> None:
    # OpenMP, for one, reads how long its threads spin when torch loads it, and never again.
    ended = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True)
    assert json.loads(ended.stdout) == []
