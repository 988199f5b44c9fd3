"""The peers, by name. A peer is a context manager like rig/server.py's Server:

    Peer(iterations, relay_port=None)   starts it: PBKDF2 at that cost, letters to that port (None: nowhere)
    url, address                        where it answers, with the paths of docs/api.md
    works                               names of the works (works/table.py) that it can do
    pids()                              of all its processes
    sign_up(name), log_in(name)         as Server has them
    missing()                           a class method: why it cannot be started here, or None

It is stopped with all its processes and its folder at the end of the block."""

PEERS = {}
