"""How letters look: each one in Chromium, 320 and 640 pixels wide, light and dark. The pictures stay
under build/letters, for people to look at."""
import pytest

from chromium import PROGRAM, Chromium, Picture
from gatepost import ROOT, SLOW
from letters import LANGUAGES, PURPOSES, preview

PICTURES = ROOT / "build" / "letters"
WIDTHS = (320, 640)
PAGE_COLOURS = {"light": (0xf2, 0xf4, 0xf6), "dark": (0x14, 0x17, 0x1a)}
LONG_HOST = "https://" + ".".join(["accounts-of-a-department-with-a-very-long-name"] * 4) + ".example.org"
DRAWN_LEAST = 2000

# The colours of every element that has text of its own, with what lies behind it.
COLOURS = """
[...document.querySelectorAll("body *")]
    .filter(one => [...one.childNodes].some(child => child.nodeType == 3 && child.data.trim()))
    .map(one => {
        let behind = one;
        while (behind && getComputedStyle(behind).backgroundColor == "rgba(0, 0, 0, 0)")
            behind = behind.parentElement;
        return [one.textContent.trim().slice(0, 40), getComputedStyle(one).color,
                getComputedStyle(behind).backgroundColor];
    })
"""

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="chromium is not installed"),
              pytest.mark.skipif(SLOW, reason="letters look the same from every build")]


@pytest.fixture(scope="module")
def chromium():
    browser = Chromium()
    yield browser
    browser.close()


def luminance(colour):
    """Of WCAG 2.2; colour: "rgb(1, 2, 3)"."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1:-1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_letter_fits_and_can_be_read_on_a_phone_and_in_the_dark(chromium, language, purpose):
    html = preview(purpose, "--html", "--lang", language)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        for scheme, page_colour in PAGE_COLOURS.items():
            chromium.show(html, width, scheme)
            assert chromium.evaluate("innerWidth") == width
            assert chromium.evaluate("document.documentElement.scrollWidth") <= width
            for text, colour, behind in chromium.evaluate(COLOURS):
                assert contrast(colour, behind) >= 4.5, (scheme, text, colour, behind)
            png = chromium.picture()
            (PICTURES / f"{language}-{purpose}-{width}-{scheme}.png").write_bytes(png)
            picture = Picture(png)
            assert picture.width == width and picture.corner == page_colour
            assert picture.drawn > DRAWN_LEAST


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_host_and_its_link_overflow_nothing(chromium, language):
    for purpose in PURPOSES:
        chromium.show(preview(purpose, "--html", "--lang", language, "-o", f"http.public_url={LONG_HOST}"),
                      320, "light")
        assert chromium.evaluate("document.documentElement.scrollWidth") <= 320, purpose


def test_an_overflow_and_a_blank_page_would_be_seen(chromium):
    chromium.show('<meta name="viewport" content="width=device-width"><p style="width:400px">x', 320, "light")
    assert chromium.evaluate("document.documentElement.scrollWidth") > 320
    chromium.show("<body style='background:#f2f4f6'>", 320, "light")
    assert Picture(chromium.picture()).drawn < DRAWN_LEAST
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") < 4.5


def test_nothing_is_fetched_and_nothing_runs(chromium):
    for language in LANGUAGES:
        for purpose in PURPOSES:
            chromium.show(preview(purpose, "--html", "--lang", language), 320, "light")
            assert chromium.evaluate("performance.getEntriesByType('resource').length") == 0
            assert chromium.evaluate("document.scripts.length + document.images.length + "
                                     "document.querySelectorAll('link, iframe, object, embed, [src]').length") == 0
            assert chromium.evaluate("document.documentElement.lang") == language
