"""Coverage criteria: what is new about a row. A signal that keeps diversity, never a measure of success.

Read base.py first. The only door to FAISS. Stands on observation; imported by name through a registry.
"""
