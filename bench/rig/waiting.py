"""Waiting for a condition, never for a time."""
import time


def wait_until(condition, seconds, every_s=0.002):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("nothing came within %d s" % seconds)
        time.sleep(every_s)
