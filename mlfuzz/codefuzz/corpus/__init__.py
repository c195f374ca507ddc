"""Inputs as bytes: the folder they are kept in, the dictionary, and how many and how large they need be.

Read corpus_directory.py first. Runs in the parent; ddmin.py and dictionary.py, which import nothing of mlfuzz, in the
forked child too. The bottom of codefuzz/: anything in it may import this.
"""
