"""Logins of a password that costs nothing: what a login is beside its hash."""
from rig.side_by_side import CONNECTIONS, side_by_side, started
from rig.tokens import write_lines
from rig.wrk import post

# So many that none of them has more sessions than token.sessions_max: ending the one that was used
# least costs more than the login.
ACCOUNTS = 2000


def measure(run):
    with started(run, "login") as sites:
        loads = []
        for who, site in sites:
            bodies = write_lines(site, "logins", [site.login_body(site.sign_up("account%d" % number))
                                                  for number in range(ACCOUNTS)])
            loads.append((who, lambda seconds, site=site, bodies=bodies: post(
                site, site.login_path, bodies, CONNECTIONS, seconds)))
        side_by_side(run, "login", loads)
