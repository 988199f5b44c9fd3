"""A foreign library has one door."""
import re

import tree

NAME = "doors: a foreign library is included in one place"

SHARED_MEMORY = ("src/lib/ring/", "src/lib/metrics/", "src/lib/limit/")
# Header (a pattern) -> where it may stand.
DOORS = [
    (r"db\.h", ("src/store/",)),
    (r"h2o(\.h|/.*)", ("src/worker/",)),
    # To write letters, and to speak to the admin socket: one way to do HTTP by hand is one too many.
    (r"curl/.*", ("src/mailer/", "src/cli/admin_client.c")),
    (r"yajl/.*|yajl_.*", ("src/lib/json/",)),
    (r"ini\.h", ("src/lib/config/",)),
    (r"idn2\.h", ("src/lib/email/",)),
    (r"uni[a-z0-9]+\.h", ("src/lib/username/", "src/lib/email/", "src/lib/password/",
                             "src/cli/terminal.c")),
    (r"(zxcvbn|argon2|crypt)\.h", ("src/lib/password/",)),
    (r"stdatomic\.h",
     SHARED_MEMORY + ("src/lib/password/", "src/worker/hasher.c")),
    (r"sys/mman\.h", SHARED_MEMORY + ("src/lib/base/secret.c", "src/lib/sandbox/", "src/master/handover.c")),
    (r"seccomp\.h", ("src/lib/sandbox/filter.c",)),
    (r"linux/landlock\.h", ("src/lib/sandbox/landlock.c",)),
    (r"openssl/.*", ("src/lib/password/", "src/lib/token/", "src/lib/dkim/", "src/lib/base/secret.c",
                     "src/lib/base/identity.c", "src/lib/base/pem.c", "src/worker/server.c", "src/worker/tls.")),
]
LIBC_ALSO = {"unistd.h"}  # looks like one of libunistring's


def offenders(root):
    found = []
    for path in tree.files(root, (".c", ".h", ".def"), ("src/", "include/")):
        for line, _, name in tree.includes(tree.read(root, path)):
            for pattern, places in DOORS:
                if (name not in LIBC_ALSO and re.fullmatch(pattern, name)
                        and not path.startswith(places)):
                    found.append((path, line, "%s belongs to %s" % (name, ", ".join(places))))
    return found


BAD = [
    ({"src/worker/a.c": "#include <unistd.h>\n#include <db.h>\n"}, "src/worker/a.c:2"),
    ({"src/master/a.c": "# include <h2o/socket.h>\n"}, "src/master/a.c:1"),
    ({"src/lib/email/a.c": "#include <curl/curl.h>\n"}, "src/lib/email/a.c:1"),
    ({"src/lib/proc/a.c": "#include <seccomp.h>\n"}, "src/lib/proc/a.c:1"),
    ({"src/worker/body.c": "#include <yajl/yajl_parse.h>\n"}, "src/worker/body.c:1"),
    ({"src/cli/a.c": "#include <ini.h>\n"}, "src/cli/a.c:1"),
    ({"src/worker/signup.c": "#include <stdatomic.h>\n"}, "src/worker/signup.c:1"),
    ({"src/worker/hasher.c": "#include <argon2.h>\n"}, "src/worker/hasher.c:1"),
    ({"src/cli/user.c": "#include <crypt.h>\n"}, "src/cli/user.c:1"),
    ({"src/lib/base/base.c": "#include <sys/mman.h>\n"}, "src/lib/base/base.c:1"),
    ({"include/gatepost/secret.h": "#include <openssl/evp.h>\n"}, "include/gatepost/secret.h:1"),
]
