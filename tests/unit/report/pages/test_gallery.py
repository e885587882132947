"""The gallery is one file that holds every run of a sweep, and gives the reason for each that has no video."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from latentman.errors import RecordError
from latentman.report.pages.gallery import write_gallery
from tests.factories.pages import Page
from tests.factories.report import make_run, make_sweep

SCORES = {("none", "none"): {"a cat": 10.0, "a dog": 20.0}, ("full", "full"): {"a cat": 3.0}}


def gallery_of(folder, **options):
    write_gallery(folder, **options)
    return Page(folder / "gallery.html")


def troubles(page):
    return [run["trouble"] for run in page.clips()["runs"]]


def test_it_holds_every_run_with_its_place_its_score_and_its_link(tmp_path):
    page = gallery_of(make_sweep(tmp_path, SCORES, pictures=True, num_frames=2))
    content = page.clips()
    assert content["variants"] == ["sla=none pwg=none", "sla=full pwg=full"]
    assert content["rows"] == [{"prompt": "a cat", "seed": "0"}, {"prompt": "a dog", "seed": "0"}]
    assert content["reference"] == "sla=none pwg=none"
    assert [(run["variant"], run["row"], run["sheet"], run["score"]) for run in content["runs"]] == [
        (0, 0, 0, 10.0), (0, 1, 1, 20.0), (1, 0, 2, 3.0),
    ]  # fmt: skip
    assert [link["href"] for link in page.all("a")] == [
        "00_sla-none_pwg-none/00-prompt/index.html", "00_sla-none_pwg-none/01-prompt/index.html",
        "01_sla-full_pwg-full/00-prompt/index.html",
    ]  # fmt: skip
    assert [sheet["count"] for sheet in content["sheets"]] == [2, 2, 2]
    assert troubles(page) == [None] * 3


def test_it_refers_only_to_the_pages_of_the_runs(tmp_path):
    page = gallery_of(make_sweep(tmp_path, SCORES, pictures=True, num_frames=2))
    for _, attributes in page.elements:
        for name in ("src", "srcset", "poster"):
            assert name not in attributes
        assert not any(name.startswith("on") for name in attributes)
    assert "://" not in page.source
    assert "url(" not in page.source
    assert all(sheet["source"].startswith("data:image/webp;base64,") for sheet in page.clips()["sheets"])


def test_every_control_has_a_label(tmp_path):
    page = gallery_of(make_sweep(tmp_path, SCORES, pictures=True, num_frames=2))
    bare = [about for tag in ("canvas",) for about in page.all(tag) if not about.get("aria-label")]
    assert [about for about in bare if about.get("role") != "img"] == []
    ids = {about["id"] for _, about in page.elements if "id" in about}
    assert {"play", "scrub", "speed", "mode", "reference", "gain", "sort", "add", "text", "view", "size"} <= ids


@pytest.mark.slow
def test_the_same_runs_give_the_same_page(tmp_path):
    make_sweep(tmp_path, SCORES, pictures=True, num_frames=2)
    assert gallery_of(tmp_path).source == gallery_of(tmp_path).source


def test_runs_are_distinguished_only_by_choices_scores_and_configuration_that_differ(tmp_path):
    content = gallery_of(make_sweep(tmp_path, SCORES, pictures=False)).clips()
    names = {key["name"]: key for key in content["keys"]}
    assert {"swept.sla", "choice.pwg", "config.sla.name", "human_mse", "prompt", "variant"} <= set(names)
    assert {"config.fps", "seed", "state", "figure_contrast", "choice.setup"}.isdisjoint(names)
    assert names["human_mse"] == {"name": "human_mse", "label": "H_MSE", "group": "Scores", "numeric": True}
    assert content["runs"][2]["facts"]["config.sla.name"] == "full"


def test_runs_without_a_video_say_why(tmp_path):
    error = {"class": "NumericsError", "message": "step 7 is not finite\nset setup.dtype=float32"}
    make_run(tmp_path / "0", state="failed", stage="denoise", error=error, prompt="a cat")
    make_run(tmp_path / "1", state="interrupted", stage="render", prompt="a dog")
    shutil.rmtree(make_run(tmp_path / "2", pictures=True, num_frames=2, prompt="a fox") / "frames")
    shutil.rmtree(make_run(tmp_path / "3", pictures=True, num_frames=2, prompt="an owl") / "frames")
    (tmp_path / "3" / "video.mp4").unlink()
    damaged = make_run(tmp_path / "4", pictures=True, num_frames=2, prompt="an elk")
    (damaged / "video.mp4").unlink()
    (damaged / "frames" / "000.png").write_bytes(b"no picture")
    make_run(tmp_path / "5", state="failed", stage="metrics", error=error, pictures=True, num_frames=2, prompt="a bee")
    (tmp_path / "6").mkdir()
    (tmp_path / "6" / "status.json").write_text("{")
    page = gallery_of(tmp_path)
    told = troubles(page)
    assert told[0] == "failed in stage denoise: NumericsError: step 7 is not finite"
    assert told[1] == "interrupted in stage render"
    assert told[2] is None, "the clip stands in for its frames"
    assert told[3].startswith("the video is missing or damaged")
    assert told[4].startswith("the video is missing or damaged")
    assert told[5] == "failed in stage metrics: NumericsError: step 7 is not finite"
    assert told[6].startswith("damaged")
    assert [run["sheet"] for run in page.clips()["runs"]] == [None, None, 0, None, None, 1, None]
    for line in told:
        assert line is None or line in page.text
    assert "unfinished or without a video 6" in page.text


def test_a_sweep_without_any_video_still_has_its_page(tmp_path):
    page = gallery_of(make_sweep(tmp_path, SCORES, state="failed", error={"class": "E", "message": "m"}))
    assert page.clips()["sheets"] == []
    assert page.text.count("failed: E: m") == 3


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(RecordError, match="no runs"):
        write_gallery(tmp_path)


@pytest.mark.parametrize(
    "prompt",
    [
        'a "quoted" knight\'s dance',
        "</script><script>alert(1)</script>",
        "a 🤖 dances – naïvely",
        "{{clips}} ${x} `y` \\",
    ],
)
def test_any_prompt_is_shown_as_it_was_typed(tmp_path, prompt):
    make_run(tmp_path / "a", prompt=prompt, pictures=True, num_frames=2)
    make_run(tmp_path / "b", prompt="another", pictures=True, num_frames=2)
    page = gallery_of(tmp_path)
    assert page.clips()["rows"][0]["prompt"] == prompt
    assert " ".join(prompt.split()) in page.text
    assert len(page.all("script")) == 2


def test_values_that_json_cannot_hold_do_not_break_the_page(tmp_path):
    for name, value in (("a", float("inf")), ("b", 2.0), ("c", float("nan"))):
        make_run(tmp_path / name, metrics={"my_score": value, "__proto__": 1.0 if name == "a" else 2.0})
    content = gallery_of(tmp_path).clips()
    assert [run["facts"].get("my_score") for run in content["runs"]] == [None, 2.0, None]
    assert next(key for key in content["keys"] if key["name"] == "my_score")["numeric"]


@pytest.mark.slow
def test_pictures_become_smaller_before_the_file_becomes_too_large_and_the_page_says_so(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        run = make_run(tmp_path / f"{number}", num_frames=4, prompt=f"prompt {number}")
        (run / "frames").mkdir()
        for frame in range(4):
            noise = rng.integers(0, 256, (200, 300, 3), np.uint8)
            Image.fromarray(noise).save(run / "frames" / f"{frame:03d}.png")
    roomy, tight = gallery_of(tmp_path), gallery_of(tmp_path, limit=300_000)
    assert "Pictures are 300 pixels wide, lossless." in roomy.text
    assert len(tight.source) < 500_000
    width = tight.clips()["sheets"][0]["width"]
    assert f"Pictures are {width} pixels wide, reduced from 300" in tight.text
    assert "They are compressed (WebP" in tight.text
    assert len(json.dumps(tight.clips()["sheets"])) < 1.25 * 300_000


def test_a_seed_is_shown_as_it_was_asked_for(tmp_path):
    make_run(tmp_path / "0", seed=3, swept={"seed": "1"}, asked_seed=1)
    make_run(tmp_path / "1", seed=3, swept={"seed": "1"})  # of a version that did not record it
    make_run(tmp_path / "2", seed=2, swept={"seed": "2"}, asked_seed=2)
    rows = gallery_of(tmp_path).clips()["rows"]
    assert [row["seed"] for row in rows] == ["1 (3 with the prompt's own)", "2"]
