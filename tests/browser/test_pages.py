"""The pages in a real browser: no complaints, all panels in step, clips that it can decode."""

import re

import pytest

from latentman.report.pages.page import write_job_page, write_run_page
from tests.browser.chromium import Browser, needs_chromium, open_page
from tests.factories.report import make_run, make_sweep

pytestmark = [pytest.mark.browser, needs_chromium]


def shown_frames(html):
    return [int(frame) for frame in re.findall(r'<canvas[^>]* data-frame="(\d+)"', html)]


@pytest.fixture
def run(tmp_path):
    folder = make_run(tmp_path / "run", pictures=True, num_frames=6, prompt='<script>alert(1)</script> & "quotes"')
    write_run_page(folder)
    return folder


@pytest.mark.parametrize("frame", [0, 3, 5])
def test_all_panels_show_the_frame_of_the_address(run, tmp_path, frame):
    html, console = open_page(f"{(run / 'index.html').as_uri()}#frame={frame}", tmp_path / "profile")
    assert console == []
    assert 'data-ready="yes"' in html
    assert shown_frames(html) == [frame] * 4
    assert f"frame {frame + 1} of 6" in html


def test_keys_and_buttons_move_all_panels(run, tmp_path):
    page = run / "index.html"
    script = """<script>
    const wait = setInterval(() => {
      if (document.body.dataset.ready !== "yes") return;
      clearInterval(wait);
      const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      const seen = [];
      const note = () => seen.push([...document.querySelectorAll("canvas")].map((c) => c.dataset.frame).join(""));
      press("Home"); note();
      press("ArrowLeft"); note();
      press("ArrowRight"); press("ArrowRight"); note();
      document.getElementById("forward").click(); note();
      press("End"); note();
      document.title = seen.join(" ");
    }, 20);
    </script>"""
    page.write_text(page.read_text(encoding="utf-8") + script, encoding="utf-8")
    html, console = open_page(page.as_uri(), tmp_path / "profile")
    assert console == []
    assert re.search("<title>(.*?)</title>", html)[1] == "0000 5555 1111 2222 5555"


def test_a_page_plays_by_itself_and_in_step(run, tmp_path):
    page = run / "index.html"
    # Headless Chromium that prints its page draws no frames, so a timer stands in for the screen.
    script = """<script>
    window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 16);
    const seen = new Set();
    let torn = 0;
    setInterval(() => {
      const frames = new Set([...document.querySelectorAll("canvas")].map((c) => c.dataset.frame));
      if (frames.size > 1) torn += 1;
      seen.add(document.body.dataset.frame);
      document.title = `${seen.size >= 4} ${torn}`;
    }, 30);
    </script>
    """
    page.write_text(page.read_text(encoding="utf-8").replace("<main>", f"{script}<main>"), encoding="utf-8")
    html, _ = open_page(page.as_uri(), tmp_path / "profile")
    assert re.search("<title>(.*?)</title>", html)[1] == "true 0"


def test_a_job_page_plays_without_complaint(tmp_path):
    make_sweep(tmp_path / "sweep", {("none", "none"): {"a cat": 10.0, "a dog": 20.0}}, pictures=True, num_frames=4)
    job = tmp_path / "sweep" / "00_sla-none_pwg-none"
    write_job_page(job)
    html, console = open_page(f"{(job / 'index.html').as_uri()}#frame=2", tmp_path / "profile")
    assert console == []
    assert shown_frames(html) == [2] * 2


def test_a_failed_run_shows_no_player_and_no_complaint(tmp_path):
    folder = make_run(tmp_path / "run", state="failed", error={"class": "E", "message": "m"})
    write_run_page(folder)
    html, console = open_page((folder / "index.html").as_uri(), tmp_path / "profile")
    assert console == []
    assert re.search(r'<div class="player"[^>]* hidden', html)


def test_the_browser_decodes_the_clip(run, tmp_path):
    page = run / "clip.html"
    page.write_text(
        """<!DOCTYPE html><title>waiting</title><video muted src="video.mp4"></video><script>
        const video = document.querySelector("video");
        video.onerror = () => { document.title = `error ${video.error.message}`; };
        video.onloadeddata = () => {
          document.title = `${video.videoWidth}x${video.videoHeight} ${video.duration.toFixed(2)}`;
        };
        </script>"""
    )
    html, _ = open_page(page.as_uri(), tmp_path / "profile")
    assert re.search("<title>(.*?)</title>", html)[1] == "96x96 0.60"


@pytest.mark.parametrize("width", [390, 1400])
def test_the_scores_of_a_run_are_whole_at_every_width(run, tmp_path, width):
    with Browser(tmp_path / "profile") as page:
        page.view(width)
        page.open((run / "index.html").as_uri())
        page.wait("document.body.dataset.ready === 'yes'")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        cells = "[...document.querySelectorAll('.scores tbody th, .scores tbody td')]"
        assert page.evaluate(f"{cells}.length") > 10
        assert page.evaluate(f"Math.max(...{cells}.map((cell) => cell.getBoundingClientRect().right))") <= width
        assert (
            page.evaluate(
                "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('.scroll'))"
            )
            == 0
        )
