"""A running server's shared segment, read from outside through /proc/PID/fd, and the fault points in
it (test builds only). Knows the layout from src/lib/ring/ring_layout.h and none of its code."""
import mmap
import os
import struct

MAGIC = 0x74736F7065746167
APART, BOARD_CELL = 128, 64
HEADER = struct.Struct("<QIIIIIIIIQQI")
SEAT_AT = 256               # of a slot: tenancy, incarnation, closed[2]
STATES = ("free", "live", "dead")
# of a fault point's row
MATCH_AT, HITS_AT, FIRED_AT, VALUE_AT, SKIP_AT, TIMES_AT, PID_AT, CAN_FAIL_AT, ACTION_AT = (
    32, 64, 72, 80, 88, 96, 104, 108, 112)
ROW_BYTES = 128
KILL, EXIT, ABORT, STOP, SLEEP, SPIN, FAIL = range(1, 8)
FOREVER = 2**62


def open_points(pid):
    """The segment of a program that has fault points; skips the test when there are none."""
    import pytest
    opened = Segment(pid)
    if not opened.rows:
        opened.close()
        pytest.skip("this build has no fault points")
    return opened


class Segment:
    def __init__(self, pid):
        """pid: the master, or any of its children."""
        for name in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{name}"
            if "/gatepost-" in os.readlink(path) and "/dev/shm" in os.readlink(path):
                fd = os.open(path, os.O_RDWR)
                break
        else:
            raise AssertionError(f"process {pid} has no segment")
        self.memory = mmap.mmap(fd, os.fstat(fd).st_size)
        os.close(fd)
        (magic, _, header, boards, self.slot_bytes, _, _, self.seats, self.slots, _, faults_at,
         faults) = HEADER.unpack_from(self.memory, 0)
        assert magic == MAGIC, hex(magic)
        self.slots_at = -(-(header + boards * BOARD_CELL) // APART) * APART
        self.rows = {}
        for i in range(faults):
            at = faults_at + i * ROW_BYTES
            self.rows[self.memory[at:at + 32].split(b"\0")[0].decode()] = at

    def close(self):
        self.memory.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _get(self, at, form="<Q"):
        return struct.unpack_from(form, self.memory, at)[0]

    def seat(self, slot):
        """(state, generation) of a seat; slot 0 is the mailer's."""
        tenancy = self._get(self.slots_at + slot * self.slot_bytes + SEAT_AT)
        return STATES[tenancy & 3], tenancy >> 2

    def seats_in(self, state):
        return [slot for slot in range(self.seats) if self.seat(slot)[0] == state]

    # ---- fault points ----------------------------------------------------------------------------

    def points(self):
        """{name: can it be told to fail} of every point in the program."""
        return {name: bool(self._get(at + CAN_FAIL_AT, "<I")) for name, at in self.rows.items()}

    def hits(self, name):
        return self._get(self.rows[name] + HITS_AT)

    def fired(self, name):
        return self._get(self.rows[name] + FIRED_AT)

    def arm(self, name, action, value=0, skip=0, times=1, match=b"", pid=0):
        """Lets `skip` hits pass, then acts `times` times, in any process or in that one."""
        at = self.rows[name]
        assert len(match) < 32
        self.disarm(name)
        self.memory[at + MATCH_AT:at + MATCH_AT + 32] = match.ljust(32, b"\0")
        for form, offset, number in (("<Q", FIRED_AT, 0), ("<Q", VALUE_AT, value), ("<q", SKIP_AT, skip),
                                     ("<q", TIMES_AT, times), ("<I", PID_AT, pid),
                                     ("<I", ACTION_AT, action)):
            struct.pack_into(form, self.memory, at + offset, number)

    def disarm(self, name):
        struct.pack_into("<I", self.memory, self.rows[name] + ACTION_AT, 0)

    def disarm_all(self):
        for name in self.rows:
            self.disarm(name)
