"""The code side: harnesses against parsers and preprocessing, run by an engine that can be exchanged.

Read campaign/campaign.py first, then harness/engine.py. Two processes and their forks: the parent, which never imports
a harness (campaign, triage, engine, executor, native, harness, corpus), and the child, which runs it (runtime, loading,
forkserver/server.py and jobs.py); failure and formats run in both. Nothing here imports torch. Imported by the verbs,
regressions and replay; `mlfuzz.harnesses` is its door for scripts.
"""
