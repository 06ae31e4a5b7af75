"""The images on the node have the sizes that docs/platform/install.md states."""

import json

import images
import pytest
from tests.kit.images.documented_sizes import assert_documented

from devcluster.images import buildah

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("role", ["operator", "inspect", "trainer"])
def test_an_image_has_its_documented_size(installed, role):
    (image,) = json.loads(buildah.run("images", "--json", images.IMAGES[role].reference))
    size, unit = image["size"].split()
    assert_documented(role, float(size) * {"MB": 1e6, "GB": 1e9}[unit])
