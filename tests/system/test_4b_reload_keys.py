"""A reload of every key of the table: it takes effect, or it is refused by name (docs/reload.md)."""
import os
import re

import pytest

import config_table
from gatepost import DEFAULTS, ROOT
from steady import settled
from test_41_signals import write_config

KEYS = config_table.all_keys()
BASE = {**DEFAULTS, "http.connections_max": "64"}
RELOAD_OF = {key.name: key.reload for key in KEYS}
RESTART = [key for key in KEYS if key.reload == "RESTART"]
OTHERS = [key for key in KEYS if key.reload != "RESTART" and key.section not in config_table.RELAYS]


def as_file(settings):
    sections = {}
    for name, value in settings.items():
        section, key = name.split(".")
        sections.setdefault(section, []).append(f"{key} = {value}")
    return "".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items())


@pytest.fixture(scope="module")
def changing(module_servers):
    """A server that has everything from its file."""
    server = module_servers({key: None for key in DEFAULTS}, config=as_file(BASE))
    config_table.make_files(server.directory)
    server.in_force = {}
    return server


def processes(server):
    children = server.children()
    return {"workers": set(server.workers()), "mailer": set(children.get("mailer", [])),
            "store": set(children.get("store", []))}


def reload_to(server, settings):
    write_config(server, as_file({**BASE, **settings}))
    return server.command("reload", seconds=60)


def assert_changes(server, changes):
    """One reload changes these keys, and back what the test before changed; what reads them runs anew."""
    before, in_force = processes(server), dict(server.in_force)
    done = reload_to(server, changes)
    assert done.returncode == 0, (changes, done)
    server.in_force = changes
    told = dict(re.findall(r"^changed (\S+): (.*)$", done.stdout, re.M))
    for name, value in changes.items():
        if in_force.get(name) == value:
            continue
        assert name in told and told[name].split(" -> ")[1] in (value, "(not shown)"), (name, told)
    store_key = any(RELOAD_OF.get(name) == "STORE" for name in told)
    replaced = [line for line in done.stdout.splitlines() if line.startswith("replaced ")]
    after = processes(server)
    assert len(replaced) == 1 and after["workers"] - before["workers"], done.stdout
    assert not after["mailer"] & before["mailer"], "the mailer that was there before"
    assert (after["store"] != before["store"]) == store_key, told
    assert (", store" in replaced[0]) == store_key


def test_every_key_says_how_it_is_changed():
    """A new key is not forgotten: these tests must know a value for it."""
    nameless = [key for key in RESTART + OTHERS if config_table.change_of(key) is None]
    assert not nameless, f"config_table.py has no value to change {nameless} to"
    for section in config_table.RELAYS:
        keys = [key for key in KEYS if key.section == section]
        changed = {name for one in config_table.changes_of_relay(section, keys) for name in one}
        assert {key.name for key in keys} <= changed, {key.name for key in keys} - changed


def test_the_manual_names_the_keys_that_need_a_restart():
    row = re.search(r"^\| (.*) \| need a restart", (ROOT / "docs" / "reload.md").read_text(), re.M)[1]
    assert re.findall(r"`([^`]+)`", row) == [key.name for key in RESTART]


def test_the_table_of_paths_has_every_key_that_is_one():
    table = (ROOT / "docs" / "upgrade.md").read_text().partition("\n## Every path")[2]
    paths = [key.name for key in KEYS if key.kind == "PATH" and key.section not in config_table.RELAYS[1:]]
    assert len(paths) > 15 and not [name for name in paths if f"`{name}`" not in table]


@pytest.mark.parametrize("key", RESTART, ids=repr)
def test_a_key_that_needs_a_restart_is_refused_by_name_and_changes_nothing(changing, key):
    before = settled(changing)
    done = reload_to(changing, config_table.change_of(key))
    if key.name == "master.pid_file":       # `gatepost reload` looks for the server there
        done = changing.command("reload", "-o", "master.pid_file=var/gatepost.pid")
    assert done.returncode == 1 and f"needs a restart: {key.name}" in done.stderr, done
    assert changing.children() == before
    assert reload_to(changing, {}).returncode == 0


def together(keys, most=10):
    """The keys' changes, a few to a reload, so that the test is quick; no two that want different things."""
    groups = []
    for key in keys:
        wanted = config_table.change_of(key) or {}
        for group in groups:
            if len(group) < most and all(group.get(name, value) == value for name, value in wanted.items()):
                group.update(wanted)
                break
        else:
            groups.append(dict(wanted))
    return groups


@pytest.mark.parametrize("changes", together(OTHERS), ids=lambda changes: next(iter(changes)))
def test_changed_keys_take_effect(changing, changes):
    assert_changes(changing, changes)


@pytest.mark.parametrize("section", config_table.RELAYS)
def test_the_keys_of_a_relay_take_effect(changing, section):
    keys = [key for key in KEYS if key.section == section]
    for changes in config_table.changes_of_relay(section, keys):
        assert_changes(changing, changes)
    assert_changes(changing, {})


# What a folder reads of the configuration, and the word of the table that says it is started anew.
READERS = {"worker": {"WORKERS", "EVERYONE"}, "mailer": {"MAILER", "EVERYONE"}, "store": {"STORE"}}
READ = re.compile(r"\bconfig->([a-z]+_[a-z0-9_]+)")
# Of the admin process, which every reload replaces.
ADMINS_OWN = {"admin.socket"}


@pytest.mark.parametrize("folder", READERS)
def test_whoever_reads_a_key_is_replaced_when_it_changes(folder):
    """By the source: a process that stays would go on with the old value."""
    by_field = {f"{key.section}_{key.short}": key for key in KEYS}
    read, wrong = set(), []
    for path in sorted((ROOT / "src" / folder).glob("*.[ch]")):
        for field in READ.findall(path.read_text()):
            key = by_field.get(field)
            if key is None:
                continue
            read.add(key.name)
            if key.reload not in READERS[folder] | {"RESTART"} and key.name not in ADMINS_OWN:
                wrong.append(f"{path.name} reads {key.name}, which says {key.reload}")
    assert read and not wrong, wrong


def test_a_log_file_that_would_hold_the_master_up_is_refused(prepare):
    """A FIFO that nobody reads: open(2) waits there for a reader."""
    server = prepare(config="")
    server.start()
    os.mkfifo(server.directory / "fifo")
    (server.directory / "gatepost.conf").write_text("[log]\nfile = fifo\n")
    done = server.command("reload", seconds=10)
    assert (done.returncode, "log.file: fifo: " in done.stderr) == (1, True), done
    (server.directory / "gatepost.conf").write_text("")
    assert server.command("reload").returncode == 0
    server.stop()
