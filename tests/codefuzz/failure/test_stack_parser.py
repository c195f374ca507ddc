"""What people are shown of stacks."""

from __future__ import annotations

from mlfuzz.codefuzz.failure import stack_parser


def test_people_read_each_stack_once_and_only_the_code_under_test():
    stack = 'Stack (most recent call first):\n  File "/p/chunks.py", line {line} in notes\n'
    ours = '  File "/x/mlfuzz/codefuzz/child.py", line 9 in alone\n  File "<frozen runpy>", line 88 in _run_code\n'
    text = "".join(stack.format(line=line) + ours for line in (25, 25, 27))
    assert stack_parser.readable(text) == stack.format(line=25) + stack.format(line=27)


def test_a_traceback_of_an_exception_stays_as_it_is():
    text = 'Traceback (most recent call last):\n  File "/p/a.py", line 3, in f\n    x()\nKeyError: 1\n'
    assert stack_parser.readable(text) == text
