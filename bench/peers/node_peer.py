"""Node: the service below node/ (server.mjs says what it is), with its packages from npm as
node/package-lock.json names them; `make bench-deps` puts both into build/peers/node."""
import os
import shutil

from peers import peer

HOME = os.path.join(peer.PEERS_BUILD, "node")
SOURCES = os.path.join(peer.HERE, "node")
KEY = b"a key for benches alone, of 32 bytes and more"    # as in server.mjs


class Node(peer.Peer):
    name = "node"
    works = ("hash", "signup", "signup-1000", "login", "me", "refresh", "verify-email", "mixed", "curves",
             "relay", "lost", "memory", "start", "disk")

    @classmethod
    def missing(cls):
        if shutil.which("node") is None:
            return "there is no node (make bench-deps)"
        if not os.path.exists(os.path.join(HOME, "installed")):
            return "its packages are not installed (make bench-deps)"
        return None

    def prepare(self):
        """Its sources stand beside node_modules, where Node looks for packages."""
        for name in os.listdir(SOURCES):
            if name.endswith(".mjs"):
                shutil.copy(os.path.join(SOURCES, name), HOME)
        self.environment = {"UV_THREADPOOL_SIZE": str(self.count), "NODE_ENV": "production"}

    def token_key(self):
        return KEY

    def command(self):
        return ["node", os.path.join(HOME, "server.mjs"), self.folder, str(self.port),
                str(self.iterations), str(self.relay_port or 0), str(self.count)]
