"""The letter itself, as the file transport leaves it, and what the directory looks like."""
import os
import re
import stat

import pytest

from client import Api, unique
from gatepost import wait_for
from letters import letter_to, letters, recipients

FIXED = ["from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version",
         "content-type"]


@pytest.fixture(scope="module")
def sample(server):
    name = unique("letter")
    assert Api(server.address).signup(name).status == 201
    return letter_to(server, f"{name}@example.com"), name


def test_directory_and_file_are_private(server, sample):
    assert stat.S_IMODE(server.mail_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(sample[0].path.stat().st_mode) == 0o600


def test_the_headers_are_those_of_a_letter_from_a_machine(sample):
    message = sample[0].message
    names = [name.lower() for name in message.keys()]
    assert sorted(set(names)) == sorted(names), "a header stands twice"
    assert set(FIXED) <= set(names), names
    assert not {"bcc", "cc", "received"} & set(names)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"].addresses[0].addr_spec == "gatepost@localhost"
    assert re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", message["Message-ID"])
    assert sample[0].path.stem in message["Message-ID"]
    assert message["Date"].datetime.tzinfo is not None and message["Subject"]
    assert not sample[0].message.defects


def test_to_is_one_unfolded_line_with_the_bare_address(server):
    api = Api(server.address)
    local, domain = "l" * 64, ".".join(["d" * 60] * 3) + ".com"
    name = unique("longto")
    assert api.signup(name, email=f"{local}@{domain}").status == 201
    letter = letter_to(server, f"{local}@{domain}")
    assert f"\r\nTo: {local}@{domain}\r\n".encode() in b"\r\n" + letter.data


def test_lines_end_in_crlf_and_are_short(sample):
    data = sample[0].data
    assert data.endswith(b"\r\n") and not re.search(rb"[^\r]\n|\r[^\n]", data)
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert all(byte < 128 for byte in data)


def test_text_and_html_carry_the_same_link(sample):
    letter, name = sample
    message = letter.message
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert all(part.get_content_charset() == "utf-8" for part in message.iter_parts())
    assert f'href="{letter.link}"' in letter.html
    assert name in letter.plain and name in letter.html
    assert "<script" not in letter.html and "<img" not in letter.html


def test_a_name_in_another_script_arrives_as_it_is(server):
    api = Api(server.address)
    name = "用户名žęłß" + unique()
    assert api.signup(name, email=f"{unique()}@example.com").status == 201
    found = wait_for(lambda: [l for l in letters(server) if name in l.plain], 10, "the letter")
    assert len(found) == 1 and name in found[0].html


def test_what_is_not_a_letter_yet_does_not_look_like_one(server):
    """Every .eml is whole, however often one looks while letters are written."""
    api = Api(server.address)
    names = [unique("whole") for _ in range(60)]
    seen = set()
    for name in names:
        assert api.signup(name).status == 201
        for path in server.mail_dir.glob("*.eml"):
            if path not in seen:
                seen.add(path)
                assert path.read_bytes().endswith(b"--\r\n"), path
    wait_for(lambda: {f"{n}@example.com" for n in names} <= set(recipients(server)), 10, "letters")
    wait_for(lambda: not [p for p in os.listdir(server.mail_dir) if not p.endswith(".eml")], 5,
             "no temporary file left")


def test_message_ids_differ(server):
    ids = [letter.message["Message-ID"] for letter in letters(server)]
    assert len(ids) > 50 and len(set(ids)) == len(ids)


def test_a_settled_row_is_gone(server):
    api = Api(server.address)
    assert api.signup(unique()).status == 201
    wait_for(lambda: api.metrics().get("gatepost_outbox_pending") == 0, 10, "an empty outbox")


def test_a_directory_that_is_gone_delays_letters_and_stops_nothing(serve):
    server = serve({"mail.retry_s": "1", "mail.retry_max_s": "1", "http.workers": "1"})
    api = Api(server.address)
    assert api.signup("first").status == 201
    letter_to(server, "first@example.com").path.unlink()
    server.mail_dir.rmdir()
    server.mail_dir.write_text("in the way")  # so that it cannot simply be made again
    assert api.signup("second").status == 201
    server.wait_event("relay.troubled")
    assert api.get("/readyz").status == 200
    server.mail_dir.unlink()
    letter_to(server, "second@example.com", seconds=15)
    assert stat.S_IMODE(server.mail_dir.stat().st_mode) == 0o700
    letter_to(server, "second@example.com").path.unlink()
    server.mail_dir.rmdir()
    assert api.signup("third").status == 201
    letter_to(server, "third@example.com")
    api.close()


def test_nothing_of_the_letter_is_in_the_log_or_the_database(server, sample):
    token = sample[0].token
    assert token not in server.log_text()
    for path in (server.directory / "var" / "db").iterdir():
        assert token.encode() not in path.read_bytes(), path
