"""Signatures of letters, checked by another implementation (dkimpy, with PyNaCl for Ed25519) that
is told the DNS records which `gatepost mail dkim` prints."""
import re
import subprocess

import dkim
import pytest

import every_letter
from client import Api, unique
from gatepost import BINARY, wait_for
from letters import Letter, letter_to
from smtp_peer import SmtpPeer

SIGNED = ["from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version",
          "content-type"]


def make_key(folder, name, *how):
    path = folder / f"{name}.pem"
    subprocess.run(["openssl", how[0], "-out", str(path), *how[1:]], check=True, capture_output=True)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """{"mail.dkim_keys": ..., "mail.dkim_domain": ...} of an Ed25519 and an RSA key."""
    folder = tmp_path_factory.mktemp("keys")
    ed25519 = make_key(folder, "ed", "genpkey", "-algorithm", "ed25519")
    rsa = make_key(folder, "rsa", "genrsa", "2048")
    return {"mail.dkim_keys": f"ed.mail:{ed25519}, rsa2026:{rsa}"}


def records(settings):
    """{name: text} as the DNS would have it, out of the lines of a zone file."""
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    output = subprocess.run([BINARY, "mail", "dkim", *options], capture_output=True, text=True,
                            check=True).stdout
    found = {}
    for line in output.splitlines():
        name, strings = re.fullmatch(r'(\S+) IN TXT \( ((?:"[^"]{1,255}" )+)\)', line).groups()
        found[name] = "".join(re.findall(r'"([^"]*)"', strings))
    return found


def verdicts(data, dns):
    """One bool for each signature, in order; an error of the verifier is a no."""
    def look_up(name, timeout=5):
        return dns.get(name.decode()).encode()

    count = len(re.findall(rb"^DKIM-Signature:", data.split(b"\r\n\r\n")[0], re.M | re.I))
    found = []
    for i in range(count):
        try:
            found.append(dkim.DKIM(data).verify(idx=i, dnsfunc=look_up))
        except dkim.DKIMException:
            found.append(False)
    return found


@pytest.fixture(scope="module")
def signed(module_servers, keys):
    settings = {**keys, "mail.from": "post@id.example.org", "mail.from_name": "Küche & Söhne",
                "mail.reply_to": "help@example.org", "mail.feedback_id": "eu:gatepost",
                "mail.list_unsubscribe": "mailto:stop@example.org"}
    server = module_servers({**settings, **every_letter.SETTINGS})
    return every_letter.cause_all(server, every_letter.from_files(server)), records(
        {**keys, "mail.from": "post@id.example.org"})


def tags_of(header):
    return dict(part.strip().split("=", 1) for part in re.sub(r"\s+", "", header).split(";"))


@pytest.mark.parametrize("purpose", every_letter.PURPOSES)
def test_both_signatures_of_every_letter_verify(signed, purpose):
    letters, dns = signed
    assert sorted(dns) == ["ed.mail._domainkey.id.example.org.", "rsa2026._domainkey.id.example.org."]
    assert verdicts(letters[purpose].data, dns) == [True, True]
    for header in letters[purpose].message.get_all("DKIM-Signature"):
        tags = tags_of(header)
        assert tags["c"] == "relaxed/relaxed" and tags["d"] == "id.example.org"
        names = tags["h"].lower().split(":")
        in_letter = [name.lower() for name in letters[purpose].message.keys()
                     if name != "DKIM-Signature"]
        assert set(SIGNED) <= set(names) and set(in_letter) <= set(names)
        assert names.count("from") == 2
        date = letters[purpose].message["Date"].datetime
        assert int(tags["t"]) == date.timestamp()


def test_every_changed_byte_breaks_both(signed):
    """Of the headers and the body; blanks may change, for that is what relaxed means."""
    letters, dns = signed
    data = letters["verify"].data
    begin = data.index(b"\r\nFrom:") + 2
    headers = data.index(b"\r\n\r\n") - begin
    spots = list(range(begin, begin + headers, 7)) + list(range(begin + headers + 4, len(data), 101))
    for spot in spots:
        if data[spot:spot + 1].isspace():
            continue
        changed = data[:spot] + bytes([data[spot] ^ 1]) + data[spot + 1:]
        if changed[spot:spot + 1].isspace() or data[:spot].endswith(b"\n"):
            continue    # another line structure: no letter, or another header's name
        if data[spot:spot + 1] == b":" or changed[spot:spot + 1] == b":":
            continue
        assert verdicts(changed, dns) == [False, False], (spot, data[spot - 20:spot + 20])


@pytest.mark.parametrize("header", [b"From: x@example.net", b"Subject: other", b"To: x@example.net",
                                    b"Reply-To: x@example.net", b"Content-Type: text/html"])
def test_a_second_header_breaks_both(signed, header):
    letters, dns = signed
    data = letters["reset_password"].data
    at = data.index(b"\r\nFrom:") + 2
    for changed in (data[:at] + header + b"\r\n" + data[at:],
                    data.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n\r\n", 1)):
        assert verdicts(changed, dns) == [False, False]


def test_what_relays_do_on_the_way_breaks_nothing(signed):
    """Trace headers in front, other folds, other case of names, empty lines at the end."""
    letters, dns = signed
    data = letters["verify"].data
    at = data.index(b"\r\nFrom:") + 2
    changed = (b"Received: from a by b; Sat, 28 Nov 2026 00:00:00 +0000\r\n" + data[:at]
               + data[at:].replace(b"Subject: ", b"SUBJECT:\r\n\t ", 1) + b"\r\n\r\n")
    assert verdicts(changed, dns) == [True, True]


def test_the_key_of_another_signs_nothing(signed, keys, tmp_path):
    letters, dns = signed
    other = make_key(tmp_path, "other", "genpkey", "-algorithm", "ed25519")
    wrong = records({"mail.dkim_keys": f"ed.mail:{other}", "mail.from": "post@id.example.org"})
    assert verdicts(letters["verify"].data, {**dns, **wrong}) == [False, True]


def test_letters_over_smtp_verify_and_a_repeat_is_the_same(serve, keys):
    with SmtpPeer() as peer:
        server = serve({**keys, **every_letter.SETTINGS, "mail.dkim_domain": "example.org",
                        "mail.from": "post@id.example.org", "smtp.host": "127.0.0.1",
                        "smtp.port": str(peer.port), "smtp.tls": "none", "http.workers": "1"})
        found = every_letter.cause_all(server, every_letter.from_peer(peer))
        dns = records({**keys, "mail.dkim_domain": "example.org"})
        for purpose, letter in found.items():
            assert verdicts(letter.data, dns) == [True, True], purpose


def test_a_letter_that_is_sent_again_has_the_same_signature(serve, keys):
    from smtp_peer import Rule
    with SmtpPeer() as peer:
        peer.rules = [Rule("DOT", action="drop", keep=True, times=1)]
        server = serve({**keys, "smtp.host": "127.0.0.1", "smtp.port": str(peer.port),
                        "smtp.tls": "none", "http.workers": "1", "mail.retry_s": "1",
                        "mail.sweep_s": "1"})
        assert Api(server.address).signup(unique("again")).status == 201
        first, second = peer.wait_for(2, 20)[:2]
        assert first.raw == second.raw and b"DKIM-Signature:" in first.raw


def test_a_name_in_another_script_is_signed(serve, keys):
    server = serve({**keys})
    name = "用户名žęłß" + unique()
    assert Api(server.address).signup(name, email="script@example.com").status == 201
    letter = letter_to(server, "script@example.com")
    assert verdicts(letter.data, records(keys)) == [True, True]


# ---- the command line -------------------------------------------------------------------------------

def check(*overrides):
    options = [word for override in overrides for word in ("-o", override)]
    done = subprocess.run([BINARY, "check", *options], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_check_tells_all_that_is_wrong_with_the_keys(tmp_path):
    weak = make_key(tmp_path, "weak", "genrsa", "1023")
    open_key = make_key(tmp_path, "open", "genpkey", "-algorithm", "ed25519")
    open_key.chmod(0o644)
    curve = make_key(tmp_path, "curve", "ecparam", "-genkey", "-name", "prime256v1", "-noout")
    code, output = check(f"mail.dkim_keys=a:{weak},b:{open_key},c:{curve},d:{tmp_path}/none.pem")
    assert code == 10
    lines = output.splitlines()
    assert len(lines) == 4 and all(line.startswith("mail.dkim_keys: ") for line in lines), output
    assert "RSA of 1023 bits, needs at least 1024" in lines[0]
    assert "mode 0644 lets others at it" in lines[1]
    assert "neither an RSA nor an Ed25519 key" in lines[2]
    assert "No such file" in lines[3]
    code, output = check("mail.dkim_keys=a:x.pem,a:y.pem")
    assert code == 10 and "the selector a stands twice" in output


def test_the_records_of_weak_keys_come_with_a_word(tmp_path):
    key = make_key(tmp_path, "weak", "genrsa", "1024")
    done = subprocess.run([BINARY, "mail", "dkim", "-o", f"mail.dkim_keys=a:{key}"],
                          capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("; RSA of 1024 bits; 2048 are advised")
    done = subprocess.run([BINARY, "mail", "dkim"], capture_output=True, text=True)
    assert done.returncode == 1 and "mail.dkim_keys is not set" in done.stderr


def test_a_key_that_does_not_load_refuses_the_start(prepare, tmp_path):
    server = prepare({"mail.dkim_keys": f"a:{tmp_path}/none.pem"})
    server.allow_deaths = True
    server.spawn()
    assert server.wait(15) != 0
    assert "mail.dkim_keys" in server.log_text() and "No such file" in server.log_text()


def test_a_reload_changes_the_key_and_one_that_does_not_load_keeps_the_old(serve, tmp_path):
    old = make_key(tmp_path, "old", "genpkey", "-algorithm", "ed25519")
    new = make_key(tmp_path, "new", "genpkey", "-algorithm", "ed25519")

    def configured(key, selector):
        return f"[mail]\ndkim_keys = {selector}:{key}\n"

    def signed_by(name):
        assert Api(server.address).signup(name).status == 201
        letter = letter_to(server, f"{name}@example.com", 30)
        assert verdicts(letter.data, {**records({"mail.dkim_keys": f"old:{old}"}),
                                      **records({"mail.dkim_keys": f"new:{new}"})}) == [True]
        return tags_of(letter.message["DKIM-Signature"])["s"]

    server = serve(config=configured(old, "old"))
    server.allow_deaths = True
    path = server.directory / "gatepost.conf"
    assert signed_by("before") == "old"
    path.write_text(configured(tmp_path / "none.pem", "none"))
    done = server.command("reload")
    assert done.returncode == 1 and "mailer could not start" in done.stdout + done.stderr, done
    assert signed_by("between") == "old"
    path.write_text(configured(new, "new"))
    assert server.command("reload").returncode == 0
    assert signed_by("after") == "new"
