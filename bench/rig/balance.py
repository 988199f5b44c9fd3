"""Connections that are spread evenly over the workers; left to itself the kernel does not."""
from rig import processes
from rig.clients import get


def balanced(loop, server, each):
    """{worker's pid: clients}, so many each; what is too many on a worker is closed again."""
    groups = {pid: [] for pid in server.workers()}
    for _ in range(50):
        short = sum(each - len(group) for group in groups.values())
        if short == 0:
            return groups
        fresh = [loop.client(server.address) for _ in range(short)]
        loop.ask_all(fresh, [get("/healthz")] * len(fresh))
        owners = processes.owners(server.process.pid, server.port)
        for client in fresh:
            group = groups.get(owners.get(client.port), ())
            if isinstance(group, list) and len(group) < each:
                group.append(client)
            else:
                client.close()
    raise SystemExit("one worker takes no connections")
