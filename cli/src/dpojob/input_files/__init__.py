"""Files that the command line names: manifests with the lines of their mistakes, and directories for claims."""

__all__ = ["near_path", "volumes", "yaml_advice", "yaml_loader"]
