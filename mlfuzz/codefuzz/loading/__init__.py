"""A harness imported in the child, with the packages it names instrumented.

Read loader.py first. Runs IN THE CHILD, once, before anything is forked off it: imports runtime, failure and the
dictionary alone of mlfuzz. atheris_shim.py stands in for atheris where nothing is instrumented;
property_test.py makes a function of bytes of a test of Hypothesis; property_database.py is a process of its own.
"""
