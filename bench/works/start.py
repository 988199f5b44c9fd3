"""A cold start: from exec to the first 200, with the database there already and the files in the page
cache. What is asked is `me` with a good token, so all that answers for an account is up; of Gatepost
also /healthz, which a load balancer asks. Beside the clock's time the processors' until then, of all
its processes together: a busy machine blurs that less."""
import socket
import time

from peers.table import peers_of, spared
from rig import processes
from rig.clients import get
from rig.server import Server, at_cost
from rig.sink import free_port

STARTS = 4          # a round
WITHIN_S = 30
ITERATIONS = 600000


def is_answered(address, request):
    """Is it 200? No: nobody listens yet, or it is refused."""
    with socket.socket() as asking:
        asking.settimeout(WITHIN_S)
        if asking.connect_ex(address) != 0:
            return False
        try:
            asking.sendall(request)
            return asking.recv(4096)[9:12] == b"200"
        except OSError:
            return False


def first_answer(site, request):
    """(milliseconds by the clock, milliseconds of processors)"""
    site.stop()
    began = time.monotonic()
    site.launch()
    while not is_answered(site.address, request):
        if time.monotonic() - began > WITHIN_S:
            raise SystemExit("%s did not answer within %d s" % (site.name, WITHIN_S))
        time.sleep(0.0002)
    took_ms = (time.monotonic() - began) * 1000
    return took_ms, sum(map(processes.run_ms, site.pids()))


def measure_site(run, site, asked):
    """asked: {who: request}. The first start of all warms the page cache and does not count."""
    for who, request in asked.items():
        first_answer(site, request)
        for _ in run.rounds():
            starts = [first_answer(site, request) for _ in range(STARTS)]
            for took_ms, ran_ms in starts:
                run.add_all("start", who, {"first_answer_ms": took_ms, "processors_ms": ran_ms})
            run.add("start", who, "best_first_answer_ms", min(took_ms for took_ms, _ in starts))


def measure(run):
    port = free_port()
    with Server("http.listen=127.0.0.1:%d" % port, base=at_cost(ITERATIONS)) as site:
        token = site.log_in(site.sign_up("early"))["access"]
        measure_site(run, site, {"gatepost": get(site.me_path, token),
                                 "gatepost, /healthz": get("/healthz")})
    for who, peer in peers_of(run, "start"):
        with spared(run, "start", who), peer(ITERATIONS) as site:
            token = site.log_in(site.sign_up("early"))["access"]
            measure_site(run, site, {who: get(site.me_path, token)})
