"""How agents and people speak with the supervisor: JSON-RPC 2.0, one message a line, over Unix sockets.

Who speaks is known by the socket: each agent has its own, people have `control.sock`. Nothing is imported here, because
agents call the client all day; the supervisor's side is in `server`.
"""
