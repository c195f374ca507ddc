"""The code side: harnesses against parsers and preprocessing, run by an engine that can be exchanged."""
