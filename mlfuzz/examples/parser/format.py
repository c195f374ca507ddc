"""What a malformed file raises."""


class FormatError(ValueError):
    """The file is not a tensor file, or a damaged one."""
