"""The gallery in a real browser: it plays, scrubs, filters, sorts and compares, and asks for nothing but itself."""

import json

import numpy as np
import pytest

from latentman.report.pages.gallery import write_gallery
from latentman.video import write_png_frames
from tests.browser.chromium import Browser, needs_chromium
from tests.factories.report import make_run, make_sweep

pytestmark = [pytest.mark.browser, needs_chromium]

NASTY = 'a "quoted" 🤖 </script><script>alert(1)</script> & {{clips}}'
SCORES = {
    ("none", "none"): {"a red cat": 10.0, "a dog": 20.0, NASTY: 30.0},
    ("none", "full"): {"a red cat": 9.0, "a dog": 25.0, NASTY: 12.0},
    ("full", "full"): {"a red cat": 3.0, "a dog": 4.0},
}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    root = make_sweep(tmp_path_factory.mktemp("sweep"), SCORES, pictures=True, num_frames=5)
    error = {"class": "NumericsError", "message": "step 7 is not finite"}
    make_run(root / "03-failed", state="failed", stage="denoise", error=error, prompt=NASTY, name="ablation",
             swept={"sla": "full", "pwg": "none"}, sla="full", pwg="none")  # fmt: skip
    write_gallery(root)
    return root / "gallery.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


@pytest.fixture
def page(browser, sweep):
    """The gallery, still, at a size that shows every card; it must not have complained or asked for anything."""
    browser.view(1400, 2600, still=True)
    browser.console.clear()
    browser.requests.clear()
    browser.address = sweep.as_uri()
    show(browser)
    yield browser
    assert browser.console == []
    assert set(browser.requests) == {sweep.as_uri()}


def show(page, fragment=""):
    page.open(page.address + fragment)
    page.wait("document.body.dataset.ready === 'yes'")
    page.wait(f"{SHOWN}.every((c) => c.dataset.frame !== undefined)")


SHOWN = "[...document.querySelectorAll('#stage canvas')]"


def frames(page):
    return page.evaluate(f"{SHOWN}.map((c) => Number(c.dataset.frame))")


def captions(page):
    return page.evaluate("[...document.querySelectorAll('#stage .card')].map((c) => c.dataset.run)")


def scores(page):
    texts = page.evaluate(
        "[...document.querySelectorAll('#stage .card')].map((c) => c.querySelector('.score')?.innerText)"
    )
    return [None if text is None else float(text) for text in texts]


def brightness(page):
    """The largest colour value of every shown canvas, by its run."""
    return page.evaluate(
        f"""Object.fromEntries({SHOWN}.map((c) => {{
        const data = {copied("c")};
        let most = 0;
        for (let i = 0; i < data.length; i += 1) if (i % 4 !== 3) most = Math.max(most, data[i]);
        return [c.dataset.index, most]; }}))"""
    )


def copied(canvas):
    """An expression for a canvas's pixels, read from a copy: reading the canvas itself would earn a warning."""
    return f"""((from) => {{
        const copy = new OffscreenCanvas(from.width, from.height).getContext("2d", {{willReadFrequently: true}});
        copy.drawImage(from, 0, 0);
        return copy.getImageData(0, 0, from.width, from.height).data; }})({canvas})"""


def pixel_of(page, canvas, x, y):
    return page.evaluate(f"((c) => [...{copied('c')}.slice(4 * ({y} * c.width + {x})).slice(0, 4)])({canvas})")


def test_it_plays_by_itself_and_in_step(page):
    page.view(1400, 2600)
    show(page)
    page.evaluate(
        f"""window.seen = new Set(); window.torn = 0; setInterval(() => {{
        const now = new Set({SHOWN}.map((c) => c.dataset.frame));
        if (now.size > 1) window.torn += 1;
        seen.add(document.body.dataset.frame); }}, 20)"""
    )
    page.wait("seen.size === 5")
    assert page.evaluate("torn") == 0
    assert page.evaluate("document.getElementById('play').textContent") == "Pause"
    page.click("#play")
    stopped = page.evaluate("document.body.dataset.frame")
    page.evaluate("new Promise((go) => setTimeout(go, 300))")
    assert page.evaluate("document.body.dataset.frame") == stopped
    assert page.evaluate("document.getElementById('play').textContent") == "Play"


def test_all_videos_show_the_requested_frame(page):
    assert frames(page) == [0] * 8
    page.set("#scrub", "3")
    assert frames(page) == [3] * 8
    page.press("ArrowRight")
    assert frames(page) == [4] * 8
    page.press("ArrowRight")
    assert frames(page) == [0] * 8
    page.press("End")
    page.press("ArrowLeft")
    assert frames(page) == [3] * 8
    page.click("#forward")
    page.click("#back")
    page.click("#back")
    assert frames(page) == [2] * 8
    page.press("Home")
    assert frames(page) == [0] * 8


def test_space_plays_and_pauses(page):
    page.evaluate("document.activeElement.blur()")
    page.press(" ")
    page.wait("document.body.dataset.frame === '2'")
    page.press("k")
    assert page.evaluate("document.getElementById('play').textContent") == "Play"


def test_frames_drawn_are_those_of_the_runs(page):
    """Not only the number of a frame moves: the pictures differ from frame to frame and from run to run."""
    drawn = f"{SHOWN}.map((c) => c.toDataURL())"
    first = page.evaluate(drawn)
    page.press("ArrowRight")
    second = page.evaluate(drawn)
    assert len(set(first)) == len(first)
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_a_table_has_a_row_per_prompt_and_a_column_per_variant(page):
    heads = page.evaluate("[...document.querySelectorAll('#stage thead th')].map((h) => h.innerText)")
    assert heads == ["sla=none pwg=none", "sla=none pwg=full", "sla=full pwg=full", "sla=full pwg=none"]
    rows = page.evaluate("[...document.querySelectorAll('#stage .row-title')].map((h) => h.firstChild.data)")
    assert rows == ["a red cat", "a dog", NASTY]
    text = page.evaluate("document.getElementById('stage').innerText")
    assert text.count("no such run") == 3
    assert "failed in stage denoise: NumericsError: step 7 is not finite" in text


def test_the_prompt_filters_by_words(page):
    page.click("#text")
    for letter in "cat":
        page.press(letter)
    assert scores(page) == [10.0, 9.0, 3.0]
    assert page.evaluate("document.getElementById('count').innerText") == "3 of 9 runs shown"
    page.set("#text", "no such words")
    assert "No run matches." in page.evaluate("document.getElementById('stage').innerText")
    page.click("#reset")
    assert len(captions(page)) == 9


def test_any_key_filters(page):
    page.set("#view", "cards")
    page.set("#add", "config.sla.name")
    page.click('[data-filter="config.sla.name"] .choice:nth-of-type(1) input')
    assert scores(page) == [3.0, 4.0, None]
    page.set("#add", "human_mse")
    page.set('[data-filter="human_mse"] input', "3.5")
    assert scores(page) == [4.0]
    page.click('[data-filter="config.sla.name"] button')
    assert scores(page) == [10.0, 20.0, 30.0, 9.0, 25.0, 12.0, 4.0]
    page.set("#add", "state")
    page.click('[data-filter="state"] .choice:nth-of-type(2) input')
    assert scores(page) == []


def test_any_key_sorts_both_ways(page):
    page.set("#view", "cards")
    page.set("#sort", "human_mse")
    assert scores(page) == [3.0, 4.0, 9.0, 10.0, 12.0, 20.0, 25.0, 30.0, None]
    page.click("#down")
    assert scores(page) == [30.0, 25.0, 20.0, 12.0, 10.0, 9.0, 4.0, 3.0, None]
    page.set("#sort", "swept.pwg")
    assert scores(page) == [10.0, 20.0, 30.0, None, 9.0, 25.0, 12.0, 3.0, 4.0]
    page.set("#view", "grid")
    page.set("#sort", "human_mse")
    rows = page.evaluate("[...document.querySelectorAll('#stage .row-title')].map((h) => h.firstChild.data)")
    assert rows == [NASTY, "a dog", "a red cat"], "by the means 21, 16.3 and 7.3"


def test_variants_are_hidden_and_shown(page):
    page.click("#variants summary")
    page.click("#variant-list .choice:nth-of-type(1) input")
    assert scores(page) == [9.0, 3.0, 25.0, 4.0, 12.0, None]
    page.click("#variant-list button")
    assert len(captions(page)) == 9


def test_the_difference_is_zero_for_the_reference_and_not_for_others(page):
    page.press("d")
    page.wait(f"{SHOWN}.every((c) => c.dataset.shown.includes('difference'))")
    levels = brightness(page)
    assert [levels[run] for run in "012"] == [0, 0, 0]
    assert min(level for run, level in levels.items() if run not in "012") > 0
    page.set("#reference", "sla=none pwg=full")
    page.wait(f"{SHOWN}.every((c) => c.dataset.shown.includes('difference'))")
    page.wait("document.querySelector('[data-run=\"3\"] .pairing').innerText === 'this is the reference'")
    levels = brightness(page)
    assert [levels[run] for run in "345"] == [0, 0, 0]
    assert levels["0"] > 0
    page.evaluate("document.activeElement.blur()")
    page.press("v")
    assert min(brightness(page).values()) > 100


def test_the_difference_is_absolute_and_multiplied_by_the_factor(page, tmp_path):
    """Plain colours, lossless: every value is known beforehand."""
    for name, sla, colour in (("a", "none", (100, 50, 20)), ("b", "full", (110, 45, 20))):
        run = make_run(tmp_path / name, sla=sla, pwg="none", num_frames=2, swept={"sla": sla})
        write_png_frames(run / "frames", np.full((2, 40, 40, 3), colour, np.uint8))
    write_gallery(tmp_path)
    page.address, former = (tmp_path / "gallery.html").as_uri(), page.address
    second = f"{SHOWN}[1]"
    for gain in (1, 2, 4, 16):
        show(page, f"#mode=difference&gain={gain}&frame=1")
        assert pixel_of(page, second, 20, 20) == [10 * gain, 5 * gain, 0, 255]
    show(page, "#mode=wipe&wipe=75")
    assert pixel_of(page, second, 20, 20) == [100, 50, 20, 255], "left of the edge is the reference"
    assert pixel_of(page, second, 38, 20) == [110, 45, 20, 255]
    page.requests.clear()
    page.address = former
    show(page)


def test_a_run_without_a_counterpart_is_labelled(page):
    page.set("#reference", "sla=full pwg=full")
    page.set("#mode", "difference")
    said = page.evaluate("document.querySelector('[data-run=\"2\"] .pairing').innerText")
    assert said.startswith("nothing to compare with: sla=full pwg=full has no video")


def test_flicker_shows_the_reference_and_the_run_in_turn(page):
    page.press("f")
    own = "document.querySelector('[data-run=\"3\"] canvas')"
    for _ in range(2):
        page.wait(f"{own}.classList.contains('other')")
        page.wait(f"!{own}.classList.contains('other')")


def test_the_address_records_the_choices(page):
    page.set("#view", "cards")
    page.set("#sort", "human_mse")
    page.click("#down")
    page.set("#mode", "difference")
    page.set("#gain", "8")
    page.set("#scrub", "2")
    page.set("#add", "swept.sla")
    page.click('[data-filter="swept.sla"] .choice:nth-of-type(2) input')
    page.wait("location.hash.includes('is.swept.sla=none') && location.hash.includes('frame=2')")
    chosen = page.evaluate("location.hash")
    before = (scores(page), frames(page))
    show(page, chosen)
    assert (scores(page), frames(page)) == before
    assert before == ([30.0, 25.0, 20.0, 12.0, 10.0, 9.0], [2] * 6)
    assert page.evaluate("document.getElementById('gain').value") == "8"
    assert page.evaluate("location.hash") == chosen


@pytest.mark.parametrize(
    "fragment",
    ["#frame=99&mode=x&gain=3&sort=-nothing&is.nothing=1&hide=<b>&size=-5&view=", "#%",
     "#is.__proto__=1&range.human_mse=a..b", "#frame=-1&speed=1e9&reference=none"],
)  # fmt: skip
def test_nonsense_in_the_address_is_ignored(page, fragment):
    show(page, fragment)
    assert len(captions(page)) == 9
    assert len(set(frames(page))) == 1


def test_a_run_is_shown_large_next_to_its_reference(page):
    page.click('[data-run="3"] .open')
    page.wait("document.getElementById('large').open")
    page.wait("document.getElementById('measured').innerText.includes('of 255')")
    assert page.evaluate("document.getElementById('large-title').innerText") == "a red cat, seed 0"
    page.press("ArrowRight")
    large = "[...document.querySelectorAll('#large canvas')].map((c) => c.dataset.frame)"
    assert page.evaluate(large) == ["1", "1"]
    page.click("#large #play")
    page.wait("document.querySelector('#large-own canvas').dataset.frame === '3'")
    page.press(".")
    page.wait("document.querySelector('#large-own figcaption').innerText === 'sla=full pwg=full'")
    page.press("Escape")
    page.wait("!document.getElementById('large').open")
    page.wait("document.querySelector('#home #player') !== null")
    assert page.evaluate("document.activeElement.closest('.card').dataset.run") == "6"


def test_a_failed_run_shown_large_has_its_error(page):
    page.click('[data-run="8"] .open')
    text = page.wait("document.querySelector('#large-own figcaption').innerText")
    assert "step 7 is not finite" in text
    page.click("#close")
    page.wait("!document.getElementById('large').open")


def test_typing_in_a_field_moves_nothing(page):
    page.click("#text")
    for key in ("k", "d", " ", "ArrowRight"):
        page.press(key)
    assert page.evaluate("document.getElementById('text').value") == "kd "
    assert page.evaluate("document.getElementById('mode').value") == "picture"
    assert page.evaluate("document.body.dataset.frame") == "0"


def test_every_control_has_a_name_and_no_prompt_acts_as_html(page):
    page.click("#variants summary")
    page.set("#add", "human_mse")
    page.set("#mode", "difference")
    bare = page.evaluate(
        """[...document.querySelectorAll("input, select, button, #stage canvas")].filter((e) => e.offsetParent !== null
        && !(e.getAttribute("aria-label") || e.innerText?.trim() || e.labels?.length || e.querySelector?.("canvas")))
        .map((e) => e.outerHTML)"""
    )
    assert bare == []
    assert page.evaluate("document.querySelectorAll('script').length") == 2


@pytest.mark.parametrize("width", [1400, 760, 500, 320])
def test_nothing_extends_beyond_the_window(page, width):
    for fragment in ("", "#view=cards&mode=difference", "#mode=wipe&range.human_mse=1..2&is.swept.sla=none"):
        page.view(width, 900, still=True)
        page.open(page.address + fragment)
        page.wait("document.body.dataset.ready === 'yes'")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_only_runs_near_the_window_hold_pictures(page, tmp_path):
    for number in range(40):
        make_run(tmp_path / f"{number:02d}", prompt=f"prompt {number}", pictures=True, num_frames=2)
    write_gallery(tmp_path)
    former, page.address = page.address, (tmp_path / "gallery.html").as_uri()
    page.view(1400, 900, still=True)
    page.open(page.address)
    page.wait("document.body.dataset.ready === 'yes'")
    held = f"{SHOWN}.filter((c) => c.width > 1).length"
    assert 1 <= page.evaluate(held) < 12
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait(f"{SHOWN}.at(-1).width > 1 && {SHOWN}[0].width === 1")
    assert page.evaluate(held) < 12
    page.requests.clear()
    page.address = former
    show(page)


def test_a_damaged_sheet_does_not_stop_the_others(page, sweep):
    content = json.dumps("data:image/webp;base64,AAAA")
    broken = sweep.with_name("broken.html")
    source = sweep.read_text(encoding="utf-8")
    start = source.index('"data:image/webp')
    broken.write_text(source[:start] + content + source[source.index('"', start + 1) + 1 :], encoding="utf-8")
    page.open(broken.as_uri())
    page.wait(f"{SHOWN}.filter((c) => c.dataset.frame === '0').length === 7")
    broken.unlink()
    page.requests.clear()
    show(page)


@pytest.mark.parametrize(("variants", "share"), [(2, 0.8), (3, 0.9)])
def test_the_gallery_uses_the_width(tmp_path, variants, share):
    scores = {(sla, "none"): {"a cat": 10.0} for sla in ("none", "half", "full")[:variants]}
    write_gallery(make_sweep(tmp_path / "sweep", scores, pictures=True, num_frames=2))
    with Browser(tmp_path / "profile") as page:
        page.view(1400)
        page.open((tmp_path / "sweep" / "gallery.html").as_uri())
        page.wait("document.body.dataset.ready === 'yes'")
        table = page.evaluate("document.querySelector('table.variants').getBoundingClientRect().width")
        assert table >= share * page.evaluate("document.querySelector('main').clientWidth - 48")
        assert page.evaluate("document.documentElement.scrollWidth") == 1400
