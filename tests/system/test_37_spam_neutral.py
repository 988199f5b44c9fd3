"""Nothing about a letter gives a filter a reason: every purpose in every language that there is,
as the file transport wrote it, signed. MIME is read by Python's strict parser, the signatures by
dkimpy; nobody's opinion of the words is asked, only of what stands where."""
import email
import email.policy
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

import every_letter
from gatepost import ROOT
from letters import Letter
from test_35_dkim import keys, records, verdicts  # noqa: F401 (keys is a fixture)

LANGUAGES = sorted(path.name for path in (ROOT / "conf/mail").iterdir() if path.is_dir())
LINKED = ["verify", "reset_password", "change_email"]
SENDER = {"mail.from": "post@id.example.org", "mail.from_name": "Gästebuch & Söhne, アカウント",
          "mail.reply_to": "help@example.org", "mail.feedback_id": "eu:gatepost",
          "mail.list_unsubscribe": "mailto:stop@example.org", "http.public_url": "https://id.example.org"}
ONCE = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
        "Auto-Submitted", "Reply-To", "Feedback-ID", "X-Auto-Response-Suppress"]
QUIET_TAGS = {"html", "head", "meta", "title", "style", "body", "div", "p", "a", "br", "h1", "h2",
              "strong", "em", "span", "table", "tbody", "tr", "td"}
QUIET_ATTRIBUTES = {"lang", "charset", "name", "content", "class", "style", "href", "dir", "role"}


@pytest.fixture(scope="module")
def dns(keys):  # noqa: F811
    return records({**keys, **{key: SENDER[key] for key in ("mail.from",)}})


@pytest.fixture(scope="module")
def all_letters(module_servers, keys):  # noqa: F811
    """{(language, purpose): Letter}"""
    server = module_servers({**keys, **SENDER, **every_letter.SETTINGS})
    inbox = every_letter.from_files(server)
    found = {}
    for language in LANGUAGES:
        letters = every_letter.cause_all(server, inbox, f"spam{language}",
                                         [("Accept-Language", f"{language}, *;q=0.1")])
        found.update({(language, purpose): letter for purpose, letter in letters.items()})
    return found


@pytest.fixture(params=[(language, purpose) for language in LANGUAGES
                        for purpose in every_letter.PURPOSES], ids="-".join)
def case(request, all_letters):
    """(language, purpose, letter)"""
    return (*request.param, all_letters[request.param])


def raw_header(letter):
    return letter.data.split(b"\r\n\r\n")[0] + b"\r\n"


class Page(HTMLParser):
    """What is shown, what is linked and how, which tags and attributes there are."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.styles, self.links = set(), set(), [], []
        self.words, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.styles += [value for name, value in attributes if name == "style"]
        if tag not in ("br", "meta"):
            self.open.append(tag)
        if tag == "a":
            self.links.append([dict(attributes)["href"], ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"
        if tag in ("p", "div"):
            self.words.append("\n")

    def handle_data(self, data):
        if "style" in self.open:
            self.styles.append(data)
        elif "body" in self.open:
            self.words.append(data)
            if "a" in self.open:
                self.links[-1][1] += data


def said(language, text):
    """Japanese lines may end anywhere, so blanks mean nothing there."""
    return "".join(text.split()) if language == "ja" else " ".join(text.split())


# ---- form -----------------------------------------------------------------------------------------

def test_the_strict_parser_finds_nothing(case):
    _, _, letter = case
    message = email.message_from_bytes(letter.data, policy=email.policy.strict)
    assert message.get_content_type() == "multipart/alternative"
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part in message.walk():
        assert not part.defects
        for name, value in part.items():
            assert not getattr(value, "defects", ()), (name, value)
        if not part.is_multipart():
            assert part.get_content_charset() == "utf-8"
            part.get_payload(decode=True).decode("utf-8")
            assert part["Content-Disposition"] is None
    assert not message.preamble and not (message.epilogue or "").strip()


def test_every_header_stands_once_and_is_one_of_ours(case):
    _, purpose, letter = case
    names = re.findall(rb"^([!-9;-~]+):", raw_header(letter), re.M)
    expected = ONCE + (["List-Unsubscribe"] if purpose not in LINKED else [])
    assert sorted(name.decode() for name in names if name != b"DKIM-Signature") == sorted(expected)
    assert names.count(b"DKIM-Signature") == 2
    message = letter.message
    sender, = message["From"].addresses
    assert (sender.addr_spec, sender.display_name) == (SENDER["mail.from"], SENDER["mail.from_name"])
    assert message["Message-ID"].endswith("@id.example.org>")
    assert message["Subject"].strip() and not re.match(r"(?i)re:|fwd?:", message["Subject"])
    assert message["To"].addresses[0].addr_spec in letter.data.decode("ascii")
    assert message["Feedback-ID"] == f"{purpose}:eu:gatepost"


def test_no_line_is_long(case):
    _, _, letter = case
    assert letter.data.isascii() and b"\n" not in letter.data.replace(b"\r\n", b"")
    lines = letter.data.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    for line in raw_header(letter).split(b"\r\n"):
        value = line.split(b": ", 1)[-1] if not line.startswith(b" ") else line.strip()
        assert len(line) <= 78 or b" " not in value, line
        assert len(line) <= 76 or b"=?" not in line, line
        assert not line or line.strip(), "a line of blanks"


def test_both_signatures_verify(case, dns):
    _, _, letter = case
    assert verdicts(letter.data, dns) == [True, True]


# ---- content --------------------------------------------------------------------------------------

def test_both_parts_say_the_same(case):
    language, purpose, letter = case
    page = Page(letter.html)
    assert not page.open
    assert said(language, letter.plain) == said(language, "".join(page.words))
    assert len(said(language, letter.plain)) > 60, "hardly a letter"
    assert re.search(r'<html lang="([^"]+)"', letter.html)[1] == language
    assert letter.html.count("<title>") == 1


def test_nothing_is_fetched_and_nothing_runs(case):
    _, _, letter = case
    page = Page(letter.html)
    assert page.tags <= QUIET_TAGS, page.tags - QUIET_TAGS
    assert page.attributes <= QUIET_ATTRIBUTES, page.attributes - QUIET_ATTRIBUTES
    for style in page.styles:
        assert not re.search(r"(?i)url\s*\(|@import|@font-face|expression|behavior|javascript", style), style
        assert not re.search(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](px)?\s*(;|$)",
                             style), f"hidden text: {style}"
    assert not re.search(r"(?i)<!--|http-equiv|data:|cid:", letter.html)


def test_a_link_goes_where_it_says(case):
    _, purpose, letter = case
    page = Page(letter.html)
    if purpose not in LINKED:
        assert not page.links and "://" not in letter.plain and "://" not in letter.html
        return
    assert {target for target, _ in page.links} == {letter.link}
    for target, shown in page.links:
        looks_like_one = re.search(r"://|www\.|\.\w{2,}/", shown)
        assert not looks_like_one or shown.strip() == target
    assert any(shown.strip() == target for target, shown in page.links), "the address is nowhere to be read"
    parts = urlsplit(letter.link)
    assert (parts.scheme, parts.netloc) == ("https", "id.example.org") and not parts.fragment


def test_a_letter_for_one_person_is_like_that_for_another_but_for_what_is_theirs(all_letters):
    """No two letters share a Message-ID, a boundary, a link."""
    for take in (lambda letter: letter.message["Message-ID"], lambda letter: letter.message.get_boundary()):
        assert len({take(letter) for letter in all_letters.values()}) == len(all_letters)
    links = [letter.link for (_, purpose), letter in all_letters.items() if purpose in LINKED]
    assert len(set(links)) == len(links) == len(LINKED) * len(LANGUAGES)


def test_there_are_six_languages():
    assert set(LANGUAGES) >= {"de", "en", "es", "fr", "ja", "pt"}


# ---- the checks themselves --------------------------------------------------------------------------

@pytest.mark.parametrize("change, check", [
    (lambda data: data.replace(b"</body>", b'<img src=3D"https://x.example/1">\r\n</body>'),
     test_nothing_is_fetched_and_nothing_runs),
    (lambda data: data.replace(b"max-width", b"display:none;max-width"),
     test_nothing_is_fetched_and_nothing_runs),
    (lambda data: data.replace(b"</body>", b"<p>only here</p>\r\n</body>"), test_both_parts_say_the_same),
    (lambda data: re.sub(rb'href=3D"https://id', b'href=3D"https://other', data, count=1),
     test_a_link_goes_where_it_says),
    (lambda data: b"Subject: again\r\n" + data, test_every_header_stands_once_and_is_one_of_ours),
    (lambda data: b"X-Mailer: bulk\r\n" + data, test_every_header_stands_once_and_is_one_of_ours),
    (lambda data: data[:data.rindex(b"--")] , test_the_strict_parser_finds_nothing),
    (lambda data: b"X: " + b"word " * 30 + b"\r\n" + data, test_no_line_is_long)])
def test_a_check_notices_what_it_is_for(all_letters, change, check):
    data = all_letters["de", "verify"].data
    changed = change(data)
    assert changed != data
    with pytest.raises((AssertionError, email.errors.MessageDefect)):
        check(("de", "verify", Letter(changed)))
