"""Schedulers: which corpus entries to mutate next."""
