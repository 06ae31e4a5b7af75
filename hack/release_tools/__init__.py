"""The parts of `hack/release`: versions, what is built for a tag, and a release on the loopback address."""
