"""What /proc says about a server that was started here: its workers, who has which connection."""
import os


def stat_fields(pid):
    """Fields of /proc/PID/stat from the state on: [0] state, [1] parent; None when it is gone."""
    try:
        with open("/proc/%s/stat" % pid) as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2:].split()


def children(pid):
    """The pids whose parent that is."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(entry)
            if fields and int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry))
    return found


def title(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().rstrip(b"\0").decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def role_of(pid):
    """Of a process of a Gatepost: "worker", "store", ..."""
    return title(pid).replace("gatepost: ", "").split(" ")[0]


def workers(master):
    """Pids of a Gatepost's workers, in the order of their numbers."""
    return sorted((pid for pid in children(master) if role_of(pid) == "worker"),
                  key=title)


def cpu_seconds(pid):
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_ms(pid):
    """Milliseconds that its threads have run, to the microsecond; 0 when it is gone."""
    total = 0
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as file:
                total += int(file.read().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total / 1e6


def memory_kib(pid, field="VmRSS"):
    """VmRSS: now; VmHWM: the most it ever was."""
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


def sockets_of(pid):
    """The inodes of its sockets."""
    found = set()
    for name in os.listdir("/proc/%d/fd" % pid):
        try:
            target = os.readlink("/proc/%d/fd/%s" % (pid, name))
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


def owners(master, server_port):
    """{client's port: worker's pid} of every connection to that port that a worker has taken."""
    inodes = {}
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == server_port:
                inodes[int(fields[9])] = int(fields[2].split(":")[1], 16)
    return {inodes[inode]: pid for pid in workers(master) for inode in sockets_of(pid)
            if inode in inodes}
