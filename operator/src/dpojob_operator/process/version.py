"""The version of this operator, written here because its image holds packages without their metadata."""

VERSION = "0.1.0"
