"""Whether the agent programs on this machine can be worked with: found, version, signed in, writes, can be refused.

Each is tried as squad drives it, on a leash and by its own adapter, in a scratch repository that is gone afterwards.
Whatever a program does or does not do ends in a finding within the time limit; no finding ever holds a secret.
"""
