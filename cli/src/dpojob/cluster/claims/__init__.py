"""What lies on a claim, read through a short-lived pod of the user's own.

`reader_pod` builds the pod, `pod_exec` runs a command in it, and `claim_reader` makes it, copies files out of the claim
and deletes it.
"""

from .claim_reader import ClaimReader, open_claim
from .reader_pod import ReaderImage, image_of

__all__ = ["ClaimReader", "ReaderImage", "image_of", "open_claim"]
