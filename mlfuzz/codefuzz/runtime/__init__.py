"""What stands around TestOneInput in the forked child: records, catches, measures, confines.

Read target_wrapper.py first. Runs IN THE CHILD, beside code that may do anything: imports failure alone of mlfuzz.
messages.py, flight_recorder.py and syscalls.py are the parent's half of the talk as well.
"""
