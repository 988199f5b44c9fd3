"""Letters and their templates: what they say, in which language, and what an operator may change
(docs/letters.md). How they look is test_3b_letter_pictures.py's."""
import email
import email.policy
import functools
import html
import re
import shutil

import pytest

from client import Api, account, unique
from gatepost import ROOT
from letters import LANGUAGES, LINKED, PURPOSES, letter_to, preview

EXIT_CONFIG, EXIT_USAGE = 10, 2
# Whatever filters count: shouting, money, haste, a link that pretends.
LOUD = re.compile(r"[A-Z]{6,}|[!?]{2,}|\$|€|%|"
                  r"(?i:\b(free|urgent|act now|click here|gratis|dringend|gratuit|winner)\b)")


def timeless(text):
    """A minute may pass between two previews."""
    return re.sub(r"\d\d:\d\d", "", text)


def said(text, language):
    """The words in a row; Japanese has no blanks between them, wherever lines end."""
    text = timeless(text)
    return "".join(text.split()) if language == "ja" else " ".join(text.split())


@functools.cache
def built_in(purpose, form, language):
    return preview(purpose, form, "--lang", language)


def html_words(page):
    body = page[page.index("<body"):]
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"</p>|</div>|<br>", "\n", body)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_text_and_html_say_the_same(purpose, language):
    text = built_in(purpose, "--text", language)
    page = built_in(purpose, "--html", language)
    assert said(text, language) == said(html_words(page), language)
    assert "{" not in text and len(text) > 100
    assert f'<html lang="{language}">' in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_letter_is_a_sound_message(purpose, language):
    raw = built_in(purpose, "--eml", language)
    assert "\r\n" in raw and "\n" not in raw.replace("\r\n", "")
    assert raw.isascii() and max(map(len, raw.split("\r\n"))) <= 998
    assert "\r\nTo: anna@example.com\r\n" in raw
    message = email.message_from_string(raw, policy=email.policy.default)
    assert not message.defects and message.get_content_type() == "multipart/alternative"
    plain, page = message.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert not plain.defects and not page.defects
    assert plain.get_content_charset() == page.get_content_charset() == "utf-8"
    for part in (plain, page):
        if part["Content-Transfer-Encoding"] == "quoted-printable":
            assert max(map(len, part.as_string().splitlines())) <= 76
    for part, form in ((plain, "--text"), (page, "--html")):
        sent = part.get_content().replace("\r\n", "\n")
        assert timeless(sent) == timeless(built_in(purpose, form, language)), "what is encoded is what was written"
    subject = (ROOT / "conf/mail" / language / f"{purpose}.subject").read_text().strip()
    assert message["Subject"] == subject.replace("{site}", "id.example.org")
    assert plain.get_content().count("anna") == page.get_content().count("anna") == 1
    assert not LOUD.search(subject + re.sub(r"token=\S+", "", plain.get_content()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_link_stands_alone_where_there_is_one_and_nothing_else_is_linked(purpose, language):
    text = built_in(purpose, "--text", language)
    links = [line for line in text.splitlines() if re.fullmatch(r"https://id\.example\.org/\S+\?token=\S+", line)]
    targets = set(re.findall(r'(?:href|src)="([^"]*)"', built_in(purpose, "--html", language)))
    assert len(links) == (purpose in LINKED) and targets == set(links)
    assert text.count("://") == len(links)


def test_the_language_is_the_nearest_else_the_configured_one():
    subjects = {language: preview("verify", "--text", "--lang", language).splitlines()[0] for language in LANGUAGES}
    assert len(set(subjects.values())) == len(LANGUAGES)
    for tag, expected in [("de-AT", "de"), ("PT-br", "pt"), ("ja-Latn-JP", "ja"), ("zh", "en"), ("d", "en"), ("e", "en"),
                          ("deu", "en"), ("en-GB", "en")]:
        assert preview("verify", "--text", "--lang", tag).splitlines()[0] == subjects[expected], tag
    assert preview("verify", "--text", "-o", "mail.language=fr").splitlines()[0] == subjects["fr"]
    assert preview("verify", "--text", "-o", "mail.language=fr-CA", "--lang", "zh").splitlines()[0] == subjects["fr"]


def test_dates_are_written_as_the_language_writes_them():
    for language, form in {
            "en": r"until \d{1,2} [A-Z][a-z]+ \d{4} at \d\d:\d\d UTC\.",
            "de": r"bis zum \d{1,2}\. [A-Z]\S+ \d{4} um \d\d:\d\d Uhr \(UTC\)\.",
            "fr": r"jusqu’au (1er|\d{1,2}) \S+ \d{4} à \d\d:\d\d \(UTC\)\.",
            "es": r"hasta el \d{1,2} de [a-z]+ de \d{4} a las? \d\d:\d\d \(UTC\)\.",
            "pt": r"até \d{1,2} de \S+ de \d{4} às? \d\d:\d\d \(UTC\)\.",
            "ja": r"\d{4}年\d{1,2}月\d{1,2}日 \d\d:\d\d（UTC）まで"}.items():
        assert re.search(form, preview("verify", "--text", "--lang", language)), language


def test_preview_says_what_it_does_not_know():
    for arguments, code, words in [(("nothing",), 1, "no such purpose"), (("verify", "--text", "--html"), 1, "exclude"),
                                   (("verify", "reset_password"), EXIT_USAGE, "takes no"),
                                   (("verify", "--lang"), EXIT_USAGE, "needs a value"),
                                   (("verify", "-o", "mail.language=tlh"), EXIT_CONFIG, "mail.language"),
                                   (("verify", "-o", "mail.template_dir=/nowhere"), EXIT_CONFIG, "/nowhere")]:
        done = preview(*arguments, check=False)
        assert done.returncode == code and words in done.stderr.decode() and not done.stdout, arguments


# ---- templates of an operator's own --------------------------------------------------------------------

@pytest.fixture
def own(tmp_path):
    """A folder of templates, and what `gatepost mail preview` makes of it."""
    (tmp_path / "de").mkdir()
    (tmp_path / "en").mkdir()
    return tmp_path


def shown_from(own, purpose, *arguments):
    return preview(purpose, *arguments, "-o", f"mail.template_dir={own}")


def test_a_file_that_is_there_wins_and_the_rest_stays(own):
    (own / "de" / "verify.txt").write_text("Servus {name}!\r\n\r\n{link}\r\n")
    (own / "button.html").write_text('<p><a title="{to}" href="{link}&amp;who={name}">{words}</a> {{x}</p>\n'
                                     '<p><a href="{link}">{link}</a></p>\n')
    (own / "notes~").write_text("{nothing}")
    assert shown_from(own, "verify", "--text", "--lang", "de").startswith("Servus anna!\n\nhttps://id.example.org/")
    assert "Hello anna" in shown_from(own, "verify", "--text")
    page = shown_from(own, "verify", "--html")
    assert "&amp;who=anna" in page and " {x}</p>" in page and 'title="anna@example.com"' in page
    assert "<!DOCTYPE html>" in page


def test_a_language_of_its_own_needs_all_letters(own):
    shutil.copytree(ROOT / "conf/mail/en", own / "it")
    (own / "it" / "verify.txt").write_text("Ciao {name},\n\n{link}\n\n{until}\n")
    text = shown_from(own, "verify", "--text", "--lang", "it-CH")
    assert text.startswith("Ciao anna,") and re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC$", text, re.MULTILINE)
    (own / "it" / "token_reused.html").unlink()
    done = preview("verify", "-o", f"mail.template_dir={own}", check=False)
    assert done.returncode == EXIT_CONFIG and b"it/token_reused.html:1: No such file" in done.stderr


BROKEN = {
    "de/verify.txt": [
        (b"Servus {nmae}\n\n{link}\n", 1, "there is no {nmae} here"),
        (b"Servus\n\n{name\n\n{link}\n", 3, "not closed"),
        (b"Servus {name}\n", 1, "neither {button: ...} nor {link} alone"),
        (b"Servus {name}: {link}\n", 1, "neither {button: ...} nor {link} alone"),
        (b"{link} is yours\n", 1, "neither {button: ...} nor {link} alone"),
        (b"a\nb\xff{link}\n", 1, "is not UTF-8"),
        (b"a\nb\x07\n{link}\n", 2, "control character"),
        (b"{link}\n{content}\n", 2, "there is no {content} here"),
        (b"{link}\n\n{heading: x}\n", 3, "there is no {heading: ...} here"),
    ],
    "de/verify.html": [
        (b"<p>{button: Los}\n<p {name}>\n", 2, "a value may stand in text"),
        (b"<p>{button: Los}\n<p style=\"color:{name}\">\n", 2, "a value may stand in text"),
        (b"<p>{button: Los}\n<a href=\"{name}\">\n", 2, "a value may stand in text"),
        (b"<p>{button: Los}\n<a href={link}>\n", 2, "a value may stand in text"),
        (b"<p>{button: Los}<!-- {name} -->\n", 1, "a value may stand in text"),
        (b"<p>{button: Los}\n<style>p {{ color: {name} }</style>\n", 2, "a value may stand in text"),
        (b"<p>{button: Los}\n<script>alert(1)</script>\n", 1, "no <script>"),
        (b"<p>{button: Los}\n<p class=\"\n", 1, "does not end"),
        (b"<p>{link}</p>\n", 1, 'nor href="{link}"'),
    ],
    "de/verify.subject": [
        (b"one\ntwo\n", 1, "one line"), (b"", 1, "must not be empty"), (b"x" * 201 + b"\n", 1, "200 bytes"),
        (b"{link}\n", 1, "a subject has no {link}"), (b"For {name}\n", 1, "a subject has no {name}"),
    ],
    "de/password_changed.txt": [(b"x\n{link}\n", 2, "has no link"), (b"{button: x}\n", 1, "has no link"),
                                (b"{until}\n", 1, "has no link")],
    "layout.html": [(b"<p>{title}</p>\n", 1, "{content} is missing"), (b"<p>\n{contents}\n", 2, "no {contents} here")],
    "note.txt": [(b"PS\n", 1, "{words} is missing"), (b"{button: x}\n{words}\n", 1, "no {button: ...} here")],
    "de/verfiy.txt": [(b"x\n", 1, "would not be used")],
    "footer.html": [(b"x\n", 1, "would not be used")],
    "en_US/verify.txt": [(b"x\n{link}\n", 1, "is no language")],
}


@pytest.mark.parametrize("path", BROKEN)
def test_check_says_file_line_and_sentence_of_what_is_wrong(own, path):
    for content, line, sentence in BROKEN[path]:
        (own / path).parent.mkdir(exist_ok=True)
        (own / path).write_bytes(content)
        done = preview("verify", "-o", f"mail.template_dir={own}", check=False)
        problems = done.stderr.decode().splitlines()
        assert done.returncode == EXIT_CONFIG, (content, done)
        named = "en_US" if path.startswith("en_US") else path
        assert len(problems) == 1, problems
        assert problems[0].startswith(f"{own}/{named}:{line}: "), problems
        assert sentence in problems[0], problems


def test_check_tells_all_problems_each_once(prepare, own):
    (own / "layout.txt").write_text("{content}\n{foot}\n")
    (own / "de" / "verify.txt").write_text("{x}\n{y}\n{link}\n")
    (own / "large.txt").mkdir()
    (own / "de" / "token_reused.html").write_text("x" * 70000)
    server = prepare({"mail.template_dir": own})
    done = server.command("check")
    assert done.returncode == EXIT_CONFIG
    told = [line for line in done.stdout.splitlines() if str(own) in line]
    assert len(told) == len(set(told)) == 5, told
    for place in ("layout.txt:2", "de/verify.txt:1", "de/verify.txt:2", "de/token_reused.html:1", "large.txt:1"):
        assert any(line.startswith(f"{own}/{place}: ") for line in told), place


def test_a_letter_that_would_be_too_long_for_somebody_is_refused(own):
    (own / "de" / "verify.html").write_text("<p>{button: x}" + "{name} " * 8 + "</p>\n")
    done = preview("verify", "-o", f"mail.template_dir={own}", check=False)
    assert done.returncode == EXIT_CONFIG and b"de/verify.html:1: with the longest name" in done.stderr


# ---- in a server -------------------------------------------------------------------------------------

def sign_up(server):
    person = account(unique("letters"))
    assert Api(server.address).post("/api/auth/signup", person).status == 201
    return letter_to(server, person["email"])


def test_a_server_with_a_broken_letter_does_not_start(prepare, own):
    (own / "en" / "verify.txt").write_text("{oops}\n")
    server = prepare({"mail.template_dir": own})
    server.spawn()
    assert server.wait(10) == EXIT_CONFIG
    assert f"{own}/en/verify.txt:1" in server.log_text()


def test_a_reload_takes_new_letters_and_keeps_the_old_ones_when_they_are_broken(serve, own):
    server = serve({"mail.template_dir": own})
    template = own / "en" / "verify.txt"
    assert "Hello" in sign_up(server).plain
    template.write_text("Good day {name},\n\n{link}\n")
    assert "Hello" in sign_up(server).plain, "files are read at a start and a reload, at no other time"
    assert server.command("reload").returncode == 0
    assert "Good day" in sign_up(server).plain
    template.write_text("Nothing {nobody}\n")
    done = server.command("reload")
    assert done.returncode == 1 and f"{template}:1: there is no {{nobody}} here" in done.stderr
    assert "Good day" in sign_up(server).plain
    server.kill("mailer")
    assert "Good day" in sign_up(server).plain, "its successor has what was good last"
