"""The command line and the configuration, without and with a running server (docs/design.md 9)."""
import configparser
import os
import subprocess

import pytest

from client import Api
from gatepost import BINARY, ROOT, clean_environment, patience, wait_for

EXIT_USAGE, EXIT_CONFIG = 2, 10


def run(directory, *arguments, env=None):
    return subprocess.run([str(BINARY), *arguments], cwd=directory, env=clean_environment(env),
                          capture_output=True, text=True, timeout=patience(20),
                          stdin=subprocess.DEVNULL)


def effective(directory, *arguments, env=None):
    """The effective configuration, as `gatepost config` prints it."""
    done = run(directory, "config", *arguments, env=env)
    assert done.returncode == 0, done
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(done.stdout)
    return {f"{section}.{key}": value.strip().strip('"')
            for section in parser.sections() for key, value in parser[section].items()}


def test_version_is_one_line_with_the_name(tmp_path):
    done = run(tmp_path, "version")
    assert done.returncode == 0
    assert done.stdout.startswith("gatepost ") and done.stdout.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["serve", "-x"], ["check", "-o"],
                                       ["check", "surplus"]])
def test_a_wrong_command_line_exits_2_and_says_how_it_is_used(tmp_path, arguments):
    done = run(tmp_path, *arguments)
    assert done.returncode == EXIT_USAGE
    assert done.stderr and not done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("group", ["key", "user", "audit", "mail"])
def test_help_of_a_group_of_commands_is_its_own_and_does_nothing(tmp_path, group):
    asked, wrong = run(tmp_path, group, "--help"), run(tmp_path, group)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith(f"usage: gatepost {group} COMMAND ")
    assert wrong.returncode == EXIT_USAGE and wrong.stderr.endswith(asked.stdout)
    assert run(tmp_path, "config", "--help").stdout == run(tmp_path, "--help").stdout
    assert list(tmp_path.iterdir()) == []


def test_check_is_content_with_the_defaults_and_makes_nothing(tmp_path):
    assert run(tmp_path, "check").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_check_prints_every_problem_with_file_and_line(tmp_path):
    (tmp_path / "bad.conf").write_text(
        "[http]\n"                       # 1
        "workers = many\n"               # 2
        "listen = nowhere\n"             # 3
        "frobnicate = yes\n"             # 4
        "[password]\n"                   # 5
        "iterations = 0\n"               # 6
        "allow_weak = perhaps\n"         # 7
        "[nonsense]\n"                   # 8
        "key = value\n"                  # 9, told of once, at the section
        "[token]\n"                      # 10
        "access_s = 0\n")                # 11
    done = run(tmp_path, "check", "-c", "bad.conf", "-o", "mail.sweep_s=0")
    output = done.stdout + done.stderr
    assert done.returncode == EXIT_CONFIG
    for line in (2, 3, 4, 6, 7, 8, 11):
        assert f"bad.conf:{line}" in output, f"line {line} is missing in\n{output}"
    assert "-o" in output and "mail.sweep_s" in output
    for name in ("http.workers", "http.frobnicate", "password.allow_weak", "token.access_s"):
        assert name in output, output


def test_serve_refuses_a_wrong_configuration_with_the_same_words(tmp_path):
    (tmp_path / "bad.conf").write_text("[http]\nworkers = 0\n[log]\nlevel = loud\n")
    done = run(tmp_path, "serve", "-c", "bad.conf")
    assert done.returncode == EXIT_CONFIG
    assert "bad.conf:2" in done.stderr and "bad.conf:4" in done.stderr and not done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.conf"]


def test_weak_iterations_need_allow_weak(tmp_path):
    assert run(tmp_path, "check", "-o", "password.iterations=999").returncode == EXIT_CONFIG
    assert run(tmp_path, "check", "-o", "password.iterations=1000").returncode == 0
    assert run(tmp_path, "check", "-o", "password.iterations=1",
               "-o", "password.allow_weak=yes").returncode == 0


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    done = run(tmp_path, "check", "-c", "no-such.conf")
    assert done.returncode != 0 and "no-such.conf" in done.stderr + done.stdout


@pytest.mark.parametrize("override", ["http.workers", "workers=1", "http.nothing=1", "=1", "a.b.c=1"])
def test_a_malformed_override_is_a_problem(tmp_path, override):
    done = run(tmp_path, "check", "-o", override)
    assert done.returncode in (EXIT_USAGE, EXIT_CONFIG)
    assert done.stdout + done.stderr


def test_config_prints_every_default_of_the_contract(tmp_path):
    values = effective(tmp_path)
    expected = {
        "http.listen": "127.0.0.1:8000", "http.public_url": "http://127.0.0.1:8000",
        "http.cors_origins": "", "http.cookies": "no",
        "http.http2": "no", "http.http2_resets_max": "100", "http.http2_frames_max": "1000",
        "http.http2_hashes_max": "4",
        "master.pid_file": "var/gatepost.pid", "master.drain_s": "30", "master.sandbox": "yes", "log.level": "info",
        "log.access": "no", "log.format": "text", "master.admin_socket": "var/gatepost.sock", "store.dir": "var/db",
        "store.archive": "no",
        "admin.socket": "var/admin.sock",
        "store.cache_mib": "256", "password.iterations": "600000", "password.threads": "1",
        "password.algorithm": "pbkdf2_sha256", "password.argon2_memory_kib": "19456",
        "password.argon2_passes": "2", "password.argon2_lanes": "1", "password.scrypt_log2_n": "14",
        "password.scrypt_r": "8", "password.scrypt_p": "5",
        "password.queue_max": "auto", "password.lanes": "16", "password.min_strength": "auto", "password.refused_file": "", "username.single_script": "no",
        "proof.verify_s": "86400", "proof.reset_s": "3600", "password.min_length": "8", "signup.reveal": "yes",
        "login.require_verified": "no", "limits.enabled": "yes", "limits.signup_address": "60/3600", "limits.login_address": "60/60",
        "limits.refresh_address": "600/60", "limits.token_address": "6000/60",
        "limits.mail_address": "20/3600", "limits.letters": "3/3600", "limits.account_changes": "60/3600", "limits.signup_global": "no",
        "limits.login_global": "no", "limits.account_failures": "10", "limits.account_delay_s": "1",
        "limits.account_delay_max_s": "3600", "http.trusted_proxies": "",
        "token.secret_file": "var/token.key", "token.access_s": "300",
        "token.refresh_s": "86400", "token.key_dir": "var/keys", "token.algorithm": "HS256",
        "token.accept_hs256": "no", "token.publish_s": "900",
        "token.refresh_grace_s": "10", "token.sessions_max": "100",
        "token.cache_max": "8192",
        "mail.from": "gatepost@localhost",
        "mail.return_path": "",
        "mail.from_name": "",
        "mail.reply_to": "",
        "mail.dkim_keys": "",
        "mail.dkim_domain": "",
        "mail.feedback_id": "",
        "mail.list_unsubscribe": "",
        "mail.dir": "var/mail",
        "mail.key_file": "var/mail.key",
        "mail.template_dir": "",
        "mail.language": "en",
        "smtp.port": "587", "smtp.tls": "starttls",
        "smtp.connections": "4", "smtp2.host": "", "smtp4.port": "587", "mail.lifetime_s": "432000",
        "mail.keep_s": "604800",
        "mail.bounce_socket": "var/bounce.sock",
        "mail.bounce_mode": "0600",
        "mail.sweep_s": "5",
        "mail.greylist_retry_s": "60, 120, 300", "mail.domain_connections": "10",
        "mail.domain_rate": "no", "mail.alarm_s": "300",
        "smtp.order": "1", "smtp2.weight": "1", "smtp3.rate": "no",
        "http.workers": "auto", "mail.transport": "auto",
    }
    assert {key: values.get(key) for key in expected} == expected


def test_the_design_has_every_key(tmp_path):
    """Section 9: those of one row may share their section, as `smtp.port`, `.tls`."""
    text = (ROOT / "docs" / "design.md").read_text().partition("\n## 9")[2].partition("\n## 10")[0]
    missing = [key for key in effective(tmp_path)
               if f"`{key}`" not in text and f"`.{key.partition('.')[2]}`" not in text
               and not key.startswith(("smtp2.", "smtp3.", "smtp4."))]
    assert missing == ["password.allow_weak"], "which stands in the rows that it is for"


def test_config_explains_each_key_and_reads_its_own_output_back(tmp_path):
    first = run(tmp_path, "config", "-o", "http.workers=3", "-o", "mail.from=a;b#c@example.com",
                "-o", "http.listen=127.0.0.1:0, [::1]:0, unix:/tmp/x")
    if first.returncode != 0:  # an address that cannot be mailed from may be refused: then without
        first = run(tmp_path, "config", "-o", "http.workers=3",
                    "-o", "http.listen=127.0.0.1:0, [::1]:0, unix:/tmp/x")
    assert first.returncode == 0, first
    (tmp_path / "again.conf").write_text(first.stdout)
    second = run(tmp_path, "config", "-c", "again.conf")
    assert second.returncode == 0 and second.stdout == first.stdout
    lines = first.stdout.splitlines()
    keys = [i for i, line in enumerate(lines)
            if "=" in line and not line.lstrip().startswith(("#", ";", "["))]
    assert len(keys) == declared_keys()
    for i in keys:
        assert lines[i - 1].lstrip().startswith(("#", ";")), f"no comment above {lines[i]!r}"


def declared_keys():
    def rows(name, macro):
        lines = (ROOT / "include" / "gatepost" / name).read_text().splitlines()
        return len([line for line in lines if line.startswith(macro)])
    return rows("config_keys.def", "KEY(") + 4 * rows("config_relay_keys.def", "RELAY_KEY(")


def test_the_environment_can_set_any_key(tmp_path):
    assert effective(tmp_path, env={"GATEPOST_HTTP_WORKERS": "7"})["http.workers"] == "7"
    done = run(tmp_path, "check", env={"GATEPOST_HTTP_WORKERS": "many"})
    assert done.returncode == EXIT_CONFIG and "environment" in done.stdout + done.stderr


def test_what_wins_is_override_then_environment_then_dotenv_then_file(tmp_path):
    (tmp_path / "gatepost.conf").write_text("[smtp]\nhost = from-file\nport = 1001\nuser = file\n")
    assert effective(tmp_path)["smtp.host"] == "from-file"
    (tmp_path / ".env").write_text(
        "# as a Django project's\nEMAIL_HOST=from-dotenv\nexport EMAIL_PORT=1002\n"
        "EMAIL_HOST_USER='dot env'\nOTHER=ignored\n")
    values = effective(tmp_path)
    assert (values["smtp.host"], values["smtp.port"]) == ("from-dotenv", "1002")
    assert (values["smtp.user"], values["smtp.tls"]) == ("dot env", "starttls")
    env = {"EMAIL_HOST": "from-env", "EMAIL_USE_TLS": "False", "EMAIL_HOST_USER": ""}
    values = effective(tmp_path, env=env)
    assert (values["smtp.host"], values["smtp.port"], values["smtp.tls"]) == \
        ("from-env", "1002", "none")
    assert effective(tmp_path, "-o", "smtp.host=from-o", env=env)["smtp.host"] == "from-o"


def test_a_password_in_the_clear_is_refused(tmp_path):
    env = {"EMAIL_HOST": "relay.example", "EMAIL_HOST_USER": "u", "EMAIL_HOST_PASSWORD": "canary-1",
           "EMAIL_USE_TLS": "False"}
    done = run(tmp_path, "check", env=env)
    assert done.returncode == EXIT_CONFIG and "smtp.tls" in done.stdout + done.stderr
    assert "canary-1" not in done.stdout + done.stderr


def test_dotenv_is_looked_for_beside_the_configuration_file(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "my.conf").write_text("[http]\nworkers = 2\n")
    (tmp_path / "etc" / ".env").write_text("EMAIL_HOST=beside\n")
    assert effective(tmp_path, "-c", "etc/my.conf")["smtp.host"] == "beside"


def test_the_smtp_password_is_never_printed(tmp_path):
    done = run(tmp_path, "config", env={"EMAIL_HOST": "h", "EMAIL_HOST_PASSWORD": "canary-4711"})
    assert done.returncode == 0 and "canary-4711" not in done.stdout + done.stderr


# ---- with a server --------------------------------------------------------------------------------

def test_a_start_makes_private_directories_and_keys_and_prints_one_line(serve):
    server = serve()
    var = server.directory / "var"
    modes = {name: (var / name).stat().st_mode & 0o7777 for name in
             ("db", "mail", "token.key", "mail.key", "gatepost.sock", "admin.sock")}
    assert modes == {"db": 0o700, "mail": 0o700, "token.key": 0o600, "mail.key": 0o600,
                     "gatepost.sock": 0o600, "admin.sock": 0o600}
    assert var.stat().st_mode & 0o7777 == 0o700
    for name in ("token.key", "mail.key"):
        assert len((var / name).read_bytes().strip()) == 43
    assert (var / "token.key").read_bytes() != (var / "mail.key").read_bytes()
    assert (var / "gatepost.pid").read_text().strip() == str(server.pid)
    for path in (var / "db").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    titles = sorted(wait_for(lambda: len(server.children()) == 5 and server.children(), 5, "children"))
    assert titles == ["admin", "mailer", "store", "worker 0", "worker 1"]
    assert server.title(server.pid) == "gatepost: master"
    # stop() in the fixture asserts that nothing else came on standard output


def test_status_says_who_runs_and_whether_it_is_ready(serve):
    server = serve()
    done = server.command("status")
    assert done.returncode == 0, done
    text = done.stdout
    assert str(server.pid) in text and server.listeners[0] in text
    for word in ("worker", "store", "mailer", "admin"):
        assert word in text
    for pids in server.children().values():
        assert str(pids[0]) in text, text


def test_reload_waits_for_the_new_workers_and_stop_for_the_end(serve):
    server = serve()
    before = server.workers()
    done = server.command("reload")
    assert done.returncode == 0, done
    fresh = [pid for pid in server.workers() if pid not in before]
    assert len(fresh) == 2, (before, server.workers())
    done = server.command("stop")
    assert done.returncode == 0, done
    assert server.wait(1) == 0
    server.assert_nothing_runs()


@pytest.mark.parametrize("command", ["status", "reload", "stop"])
def test_a_command_for_a_server_that_does_not_run_fails_and_says_so(tmp_path, command):
    done = run(tmp_path, command)
    assert done.returncode != 0 and done.stderr


def test_a_stale_pid_file_is_no_server_and_no_obstacle(prepare):
    server = prepare()
    (server.directory / "var").mkdir(mode=0o700)
    (server.directory / "var" / "gatepost.pid").write_text(f"{os.getpid()}\n")
    assert server.command("stop").returncode != 0
    server.start()
    assert Api(server.address).get("/healthz").status == 200
    server.stop()


def test_the_configuration_file_of_the_working_directory_is_read(serve):
    server = serve({"http.workers": None}, config="[http]\nworkers = 1\n")
    assert len(server.workers()) == 1


def test_the_log_goes_to_the_named_file(serve):
    server = serve({"log.file": "var/gatepost.log"})
    wait_for(lambda: (server.directory / "var" / "gatepost.log").read_text(), 5, "a log line")
    assert (server.directory / "var" / "gatepost.log").stat().st_mode & 0o027 == 0


def test_the_access_log_has_one_line_a_request_and_no_secret(serve):
    server = serve({"log.access": "yes"})
    api = Api(server.address)
    api.signup("logged", password="canary-password-1")
    tokens = api.tokens("logged", "canary-password-1")
    assert api.me(tokens["access"]).status == 200
    api.get("/healthz?token=canary-query")
    text = wait_for(lambda: server.log_text().count("/api/auth/me") and server.log_text(), 5, "a line")
    lines = [line for line in text.splitlines() if "/api/auth/signup" in line]
    assert len(lines) == 1 and "201" in lines[0] and "POST" in lines[0]
    for secret in ("canary-password", tokens["access"], tokens["refresh"], "canary-query"):
        assert secret not in text


def test_a_request_line_cannot_forge_a_log_line(serve):
    server = serve({"log.access": "yes"})
    api = Api(server.address)
    for path in ("/%0a2026-01-01T00:00:00.000Z%20info", "/a\x1b[31m", "/\xc2\x85x", "/\"quote\\"):
        try:
            api.fresh().get(path)
        except Exception:  # noqa: BLE001 - h2o may close; the log is what is looked at
            api.close()
    api.fresh().get("/the-last-one")
    wait_for(lambda: "/the-last-one" in server.log_text(), 5, "the last line")
    for line in server.log_text().splitlines():
        assert line[:4].isdigit() and line[10] == "T", f"forged line {line!r}"
        assert all(ord(c) >= 32 and not 0x7f <= ord(c) < 0xa0 for c in line), repr(line)
