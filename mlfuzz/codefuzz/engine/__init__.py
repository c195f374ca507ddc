"""The engine that stands behind `harness.engine` today: atheris and libFuzzer, supervised.

Read atheris_engine.py first, then fuzz_session.py: one turn of fuzzing through restarts and crashes. Runs in the
parent. Imported by name in default_engine.py alone.
"""
