"""A study from a sweep to a preference, by people with keyboards: build, serve, answer in Chromium, analyse."""

import re
import shutil
import signal
import statistics
import subprocess
import sys

import pytest

from latentman.study.answers import read_answers
from latentman.study.build import Request, build_study
from latentman.study.design import read_design
from tests.browser.chromium import Browser, needs_chromium
from tests.factories.study import BASELINES, OURS, make_sweep, serving

pytestmark = [pytest.mark.browser, needs_chromium]

READY = "document.body.dataset.ready === 'yes'"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("sweep") / "sweep", num_frames=4)


@pytest.fixture(scope="module")
def built(sweep, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "study"
    build_study(Request(sweep, folder, OURS, BASELINES, seed=1, checks=1))
    return folder


@pytest.fixture
def study(built, tmp_path):
    return shutil.copytree(built, tmp_path / "study")


@pytest.fixture
def server(study):
    with serving(study) as server:
        yield server


@pytest.fixture
def page(tmp_path):
    with Browser(tmp_path / "profile") as page:
        page.view(1280, 800)
        yield page


def view(name):
    return f"document.body.dataset.view === '{name}'"


def shown(page):
    """Return the codes of the videos on the left and on the right."""
    script = "[...document.querySelectorAll('figure video')].map((v) => v.src.split('/').pop().split('.')[0])"
    return page.evaluate(script)


def begin(page, address):
    page.open(address)
    page.wait(view("consent"))
    page.click("#begin")
    page.wait(view("pair"))


def answer(page, design, wants_expected=True):
    """Wait for a round of the pair and press the key of the wanted video; return the key."""
    pairs = {video: pair for study in design.studies for pair in study.pairs for video in pair.videos()}
    page.wait(READY)
    videos = shown(page)
    pair = pairs[videos[0]]
    wanted = pair.expected if wants_expected or pair.is_check else pair.other
    key = "ArrowLeft" if videos[0] == wanted else "ArrowRight"
    page.press(key)
    page.wait(f"{view('done')} || !document.querySelector('video[src*=\"{videos[0]}\"]')")
    return key


def test_from_a_sweep_to_a_preference_with_the_keyboard(sweep, tmp_path, page, command_environment):
    folder = tmp_path / "study"
    command = [sys.executable, "-m", "latentman.study"]
    options = ["--out", folder, "--ours", OURS, "--baseline", BASELINES[0], "--checks", "1"]
    subprocess.run([*command, "build", sweep, *options], check=True, env=command_environment, capture_output=True)
    serve = subprocess.Popen(
        [*command, "serve", str(folder), "--port", "0"], env=command_environment, stdout=subprocess.PIPE, text=True
    )
    with serve:
        address = re.search(r"http://\S+", serve.stdout.readline())[0]
        design = read_design(folder)
        begin(page, address)
        keys = [answer(page, design) for _ in design.studies[0].pairs]
        page.wait(view("done"))
        code = page.evaluate("document.getElementById('code').textContent")
        serve.send_signal(signal.SIGTERM)
        assert "3 answers of 1 participants" in serve.stdout.read()
    answers = read_answers(folder, design).answers
    assert [answer.choice for answer in answers] == [key.removeprefix("Arrow").lower() for key in keys]
    assert all(answer.participant.startswith(code) and answer.plays >= 1 and answer.seconds > 0.2 for answer in answers)
    analysed = subprocess.run(
        [*command, "analyse", str(folder)], check=True, env=command_environment, capture_output=True, text=True
    ).stdout
    assert re.search(r"\| sla=none pwg=none \| 1 \| 2 \| 100.0 % \| 34.2 to 100.0 % \| 0.5000 \|", analysed)
    assert page.console == []
    assert all(request.startswith(address) for request in page.requests)


def test_answers_are_taken_after_one_round_only(server, page):
    page.view(1280, 800, still=True)  # so that no round begins by itself
    begin(page, server.url)
    page.wait("document.getElementById('hint').textContent === 'Press “Play again” to see both.'")
    page.press("ArrowLeft")
    assert page.evaluate("document.getElementById('choose-left').disabled")
    page.press(" ")
    page.wait(READY)
    assert server.store.counts() == (1, 0)
    page.press("ArrowLeft")
    page.wait("document.body.dataset.pair === '1'")
    assert server.store.counts() == (1, 1)


def test_both_videos_run_in_step_and_again(server, page):
    begin(page, server.url)
    page.wait("Number(document.body.dataset.plays) >= 2")
    # Single values mean little while other programs use the processor: a viewer sees the typical one.
    drifts = page.evaluate(
        """new Promise((done) => { const seen = []; const note = () => {
        seen.push(Number(document.body.dataset.drift)); seen.length < 120 ? requestAnimationFrame(note) : done(seen); };
        note(); })"""
    )
    assert statistics.median(drifts) < 0.05
    page.press(" ")
    assert page.wait("[...document.querySelectorAll('figure video')].every((v) => v.currentTime < 0.35)")
    page.wait("Number(document.body.dataset.plays) >= 3")


def test_an_interrupted_participant_continues_where_they_stopped(server, study, page):
    design = read_design(study)
    begin(page, server.url)
    answer(page, design)
    before = page.wait("document.querySelectorAll('figure video').length === 2") and shown(page)
    page.open(server.url)
    page.wait(view("pair"))
    page.wait("document.querySelectorAll('figure video').length === 2")
    assert shown(page) == before
    assert page.evaluate("document.getElementById('where').textContent") == "Pair 2 of 3"
    assert server.store.counts() == (1, 1)


def test_going_back_replaces_an_answer(server, study, page):
    design = read_design(study)
    begin(page, server.url)
    page.wait(READY)
    first = shown(page)
    page.press("ArrowLeft")
    page.wait("document.body.dataset.pair === '1'")
    page.click("#back")
    page.wait("document.body.dataset.pair === '0'")
    assert shown(page) == first
    assert page.evaluate("document.getElementById('choose-left').className") == "chosen"
    page.wait(READY)
    page.click("#choose-right")
    page.wait("document.body.dataset.pair === '1'")
    (kept,) = read_answers(study, design).answers
    assert (kept.choice, kept.changes) == ("right", 1)


def test_another_set_and_another_person_start_again(server, study, page):
    design = read_design(study)
    begin(page, server.url)
    for _ in range(3):
        answer(page, design)
    page.wait(view("done"))
    page.click("#again")
    page.wait(view("pair"))
    for _ in range(3):
        answer(page, design)
    page.wait(view("done"))
    assert page.evaluate("document.getElementById('another').hidden")
    counts = read_answers(study, design).began
    assert counts == {one.code: 1 for one in design.studies}
    page.click("#fresh")
    page.wait(view("consent"))


def test_a_link_leads_to_its_own_study(server, study, page):
    wanted = read_design(study).studies[1]
    for _ in range(2):
        begin(page, f"{server.url}?study={wanted.code}")
        page.evaluate("localStorage.clear()")
    assert read_answers(study, read_design(study)).began == {wanted.code: 2}


def test_a_lost_video_and_a_refused_answer_are_reported_and_can_be_retried(server, study, page, tmp_path):
    design = read_design(study)
    begin(page, server.url)
    page.wait(READY)
    hidden = {path: server.files.pop(path) for path in list(server.files) if path.startswith("/videos")}
    page.open(server.url)
    page.wait("!document.getElementById('trouble').hidden")
    assert "could not be loaded" in page.evaluate("document.getElementById('reason').textContent")
    server.files.update(hidden)
    page.click("#retry")
    page.wait(READY)
    server.store._database.execute("PRAGMA query_only = ON")
    page.press("ArrowLeft")
    page.wait("!document.getElementById('trouble').hidden")
    assert "could not be stored" in page.evaluate("document.getElementById('reason').textContent")
    server.store._database.execute("PRAGMA query_only = OFF")
    page.click("#retry")
    page.wait("document.body.dataset.pair === '1'")
    assert len(read_answers(study, design).answers) == 1


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (844, 390), (1280, 800), (1920, 1080)])
def test_both_videos_fit_side_by_side_in_any_window(server, page, width, height):
    page.view(width, height)
    begin(page, server.url)
    page.wait(READY)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.evaluate(
        """[...document.querySelectorAll('figure')].map((e) => e.getBoundingClientRect())
        .map((r) => [r.left, r.right, r.top])"""
    )
    (left, middle, top), (start, right, other_top) = boxes
    assert left >= 0
    assert middle < start
    assert right <= width
    assert top == other_top
    if height >= 500:
        assert page.evaluate("document.getElementById('replay').getBoundingClientRect().bottom") <= height


def test_with_reduced_motion_the_participant_starts_each_round(server, page):
    page.view(1280, 800, still=True)
    begin(page, server.url)
    page.wait("document.getElementById('hint').textContent === 'Press “Play again” to see both.'")
    assert page.evaluate("[...document.querySelectorAll('video')].every((v) => v.paused)")
    page.press(" ")
    page.wait(READY)
    assert page.evaluate("[...document.querySelectorAll('figure video')].every((v) => v.paused)")
