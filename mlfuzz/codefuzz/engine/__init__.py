"""The engine that stands behind `harness.engine` today: atheris and libFuzzer, supervised.

Read atheris_engine.py first, then fuzz_session.py: one turn of fuzzing through restarts and crashes. Runs in the
parent. default_engine.py alone names the engine for the rest of mlfuzz.
"""
