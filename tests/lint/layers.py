"""Who may include whom."""
import os

import tree

NAME = "layers: nobody includes above or beside himself"

# Which folder a public header belongs to. A new header needs a line here.
OWNER = {
    "base": "base.h layout.h err.h clock.h secret.h identity.h pem.h usage.h bytes.h encoding.h siphash.h uuid.h",
    "log": "log.h",
    "config": "config.h config_keys.def config_relay_keys.def",
    "json": "json.h",
    "email": "email.h",
    "username": "username.h",
    "password": "password.h password_policy.h",
    "token": "access_token.h proof_token.h token_keys.h token_files.h",
    "letter": "letter.h mail_purpose.h",
    "dkim": "dkim.h",
    "backup": "backup.h offline.h",
    "ring": "lane.h segment.h segment_parts.h epochs.h fault.h notes.h",
    "metrics": "metrics.h metrics.def",
    "limit": "limit.h",
    "proc": "proc.h pidlock.h exit_reasons.def",
    "sandbox": "sandbox.h",
    "storeclient": "store_client.h store_messages.h store_messages.def store_messages_sessions.def "
                   "store_messages_trail.def store_messages_mail.def store_messages_backup.def store_requests.def "
                   "audit_events.def",
}
FOLDER_OF = {header: folder for folder, headers in OWNER.items() for header in headers.split()}

# What each folder may include beside itself. Domains never include each other, but for what is
# named here: counters and limits live in the segment, a process's start knows configuration and
# segment, tokens are JSON.
GROUND = {"base", "log"}
MAY = {
    "lib/base": set(),
    "lib/log": {"base"},
    "lib/config": GROUND,
    "lib/json": GROUND,
    "lib/email": GROUND,
    "lib/username": GROUND,
    "lib/password": GROUND,
    "lib/token": GROUND | {"json"},
    "lib/ring": GROUND,
    "lib/metrics": GROUND | {"ring"},
    "lib/limit": GROUND | {"ring"},
    "lib/letter": GROUND,
    "lib/dkim": GROUND,
    "lib/backup": GROUND,
    # A letter's job, and so the messages about it, name what it is for.
    "lib/storeclient": GROUND | {"ring", "letter"},
    "lib/proc": GROUND | {"ring", "config"},
    # What is allowed is a role's, and what is reached is the configuration's.
    "lib/sandbox": GROUND | {"config", "proc"},
    # The master parses nothing that a peer wrote; the store has never heard of JSON, and of an
    # address it knows its key alone. The first token key is made by a child of the master that does
    # nothing else. Letters are read as the configuration is, which they belong to.
    "master": GROUND | {"config", "proc", "ring", "metrics", "limit", "token",
                        "letter", "storeclient", "backup"},
    "store": GROUND | {"config", "proc", "sandbox", "ring", "metrics", "storeclient", "email", "backup"},
    "mailer": GROUND | {"config", "proc", "sandbox", "ring", "metrics", "storeclient", "email", "token",
                        "letter", "dkim"},
    "worker": set(OWNER),
    "cli": set(OWNER),
}
# main.c shows the commands; their header is theirs.
EXCEPTIONS = {("src/master/main.c", "../cli/cli.h")}


def folder_of(path):
    """The folder in MAY that a file belongs to, None for one without."""
    parts = path.split("/")
    if parts[0] == "include":
        owner = FOLDER_OF.get(parts[-1])
        return "lib/" + owner if owner else None
    return "/".join(parts[1:3]) if parts[1] == "lib" else parts[1]


def judge(root, path, folder, name):
    """What is wrong with one quoted include, or None."""
    if (path, name) in EXCEPTIONS:
        return None
    if not name.startswith("gatepost/"):
        if "/" in name or not os.path.exists(os.path.join(root, os.path.dirname(path), name)):
            return "%s is private to another folder" % name
        return None
    header = name[len("gatepost/"):]
    if header not in FOLDER_OF:
        return "%s has no owner in tests/lint/layers.py" % name
    if FOLDER_OF[header] != folder.split("/")[-1] and FOLDER_OF[header] not in MAY[folder]:
        return "src/%s may not include %s" % (folder, name)
    return None


def offenders(root):
    found = []
    for path in tree.files(root, (".c", ".h", ".def"), ("src/", "include/")):
        folder = folder_of(path)
        if folder not in MAY:
            found.append((path, 1, "its folder has no layer in tests/lint/layers.py"))
            continue
        for line, mark, name in tree.includes(tree.read(root, path)):
            wrong = judge(root, path, folder, name) if mark == '"' else None
            if wrong:
                found.append((path, line, wrong))
    return found


BAD = [
    ({"src/lib/ring/lane.c": '/* x */\n#include "gatepost/config.h"\n'}, "src/lib/ring/lane.c:2"),
    ({"src/lib/base/a.c": '#include "gatepost/log.h"\n'}, "src/lib/base/a.c:1"),
    ({"src/master/a.c": '#include "gatepost/json.h"\n'}, "src/master/a.c:1"),
    ({"src/store/a.c": '#include "../worker/b.h"\n', "src/worker/b.h": ""}, "src/store/a.c:1"),
    ({"src/store/a.c": '#include "b.h"\n'}, "src/store/a.c:1"),
    ({"include/gatepost/json.h": '#include "gatepost/email.h"\n'}, "include/gatepost/json.h:1"),
    ({"include/gatepost/new.h": ""}, "include/gatepost/new.h:1"),
    ({"src/lib/misc/a.c": ""}, "src/lib/misc/a.c:1"),
]
