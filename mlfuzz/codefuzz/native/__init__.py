"""Builds of native code with coverage and a sanitizer, for harnesses whose target is an extension.

Read build.py first; variants.py says which builds there are. Runs in the parent, for `mlfuzz harness build-native`.
Imported by triage and the verb; imports harness alone.
"""
