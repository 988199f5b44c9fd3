"""What `gatepost status` says, taken apart."""


def page(server):
    """The status page as the command has it: {key: [values]}."""
    found = {}
    for line in server.command("status").stdout.splitlines():
        key, value = line.split(": ", 1)
        found.setdefault(key, []).append(value)
    return found


def members(value):
    return dict(word.split("=", 1) for word in value.split() if "=" in word)
