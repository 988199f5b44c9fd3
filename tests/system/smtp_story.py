"""What became of a letter, as the log tells it."""
import re
from collections import defaultdict

from client import Api, unique
from gatepost import wait_for


def settings(relay, **more):
    return {"smtp.host": "localhost" if relay.tls != "none" else "127.0.0.1", "smtp.port": str(relay.port),
            "smtp.tls": relay.tls, "mail.retry_s": "1", "mail.retry_max_s": "1", "mail.sweep_s": "1",
            "http.workers": "1", "log.level": "debug", **more}


class Story:
    """What the log tells about each address: [(event, reply)], and about the relay."""

    LINE = re.compile(r" mail\.(delivered|deferred|refused) .*?job=(\S+) .*?reply=(.*)$")
    ADDRESS = re.compile(r" mail\.address .*?job=(\S+) .*?to=(\S+)")

    def __init__(self, server):
        text = server.log_text()
        jobs = dict(self.ADDRESS.findall(text))
        self.of = defaultdict(list)
        for line in text.splitlines():
            match = self.LINE.search(line)
            if match:
                self.of[jobs.get(match[2])].append((match[1], match[3].strip('"')))


def sign_up(server, address):
    answer = Api(server.address).signup(unique("m"), email=address)
    assert answer.status == 201, answer


def ended(server, address):
    """The letter's story once it is delivered or dead."""
    def look():
        story = Story(server).of[address]
        return story if story and story[-1][0] != "deferred" else None
    return wait_for(look, 40, f"the end of the letter to {address}; {server.log_tail(15)}")
