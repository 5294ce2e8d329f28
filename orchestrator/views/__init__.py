"""What people look at: pure renderings of a state, and the files of hand-run squads kept true."""
