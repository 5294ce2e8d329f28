"""What an agent at work says, and what is said to it: its output becomes messages, its protocol a conversation.

What an agent prints is never an event; only what was understood becomes one, and what was not is text.
"""
