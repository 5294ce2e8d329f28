"""An afternoon with squad, in a real terminal: what is typed, and what has to be seen before the next is typed.

`python -m tests.support.afternoon` writes the recording and the page of docs/recordings; a test plays the same afternoon.
"""
