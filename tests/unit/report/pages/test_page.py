"""Pages hold everything they show, need no other file, and let no text of a user act as HTML."""

import pytest

from latentman.report.pages.gallery import write_gallery
from latentman.report.pages.page import write_job_page, write_run_page
from tests.factories.pages import Page
from tests.factories.report import make_run, make_sweep

NASTY = '<script>alert(1)</script> & "quotes" {{clips}} </title></script><img src=x onerror=alert(2)> it\'s'


@pytest.fixture
def run_page(tmp_path):
    make_run(tmp_path / "run", pictures=True, num_frames=5, human_mse=12.5, warnings=["frame 3 is empty"])
    write_run_page(tmp_path / "run")
    return Page(tmp_path / "run" / "index.html")


def test_a_run_page_shows_four_videos_of_equal_length(run_page):
    assert [len(frames) for frames in run_page.clips()["panels"]] == [5, 5, 5, 5]
    assert run_page.clips()["fps"] == 10
    assert all(canvas["aria-label"] for canvas in run_page.all("canvas"))
    assert len(run_page.all("canvas")) == 4


def test_a_run_page_shows_scores_reasons_costs_texts_warnings_and_the_command(run_page):
    for expected in (
        "12.50", "the mesh-exact correspondence is not part of this version", "41.2 s", "1.46 GB",
        "low quality, blurry", "a person walks", "frame 3 is empty", "python -m latentman.run",
        "name: full", "commit 1f2e3d4c",
    ):  # fmt: skip
        assert expected in run_page.text
    assert len([bar for bar in run_page.all("rect") if bar.get("class") == "bar"]) == 4


def test_pages_refer_only_to_other_pages_of_the_folder(run_page):
    for _, attributes in run_page.elements:
        for name in ("src", "href", "srcset", "poster"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "://" not in run_page.source
    assert "url(" not in run_page.source
    assert all(address.startswith("data:image/webp;base64,") for clip in run_page.clips()["panels"] for address in clip)


def test_the_same_run_gives_the_same_page(tmp_path, run_page):
    write_run_page(tmp_path / "run")
    assert (tmp_path / "run" / "index.html").read_text(encoding="utf-8") == run_page.source


def test_everything_a_user_typed_is_shown_as_text(tmp_path):
    texts = {"prompt": NASTY, "positive": NASTY, "negative": NASTY, "motion": NASTY}
    error = {"class": NASTY, "message": NASTY}
    facts = {
        "command": NASTY,
        "warnings": [NASTY],
        "error": error,
        "texts": texts,
        "choices": {"sla": NASTY},
        "name": NASTY,
    }
    facts |= {"commit": NASTY, "versions": {NASTY: NASTY}, "stage": NASTY, "stages": {NASTY: {"state": NASTY}}}
    facts |= {"swept": {"sla": NASTY}}
    job = make_run(tmp_path / "job", kind="job", prompt=NASTY, **facts)
    run = make_run(
        job / "00",
        prompt=NASTY,
        pictures=True,
        num_frames=2,
        metrics={NASTY: 1.0, "warp_error": None, "warp_error_reason": NASTY},
        **facts,
    )
    make_run(tmp_path / "other", **{**facts, "swept": {"sla": "none"}, "state": "failed"})
    write_run_page(run)
    write_job_page(job)
    write_gallery(tmp_path)
    for path in (run / "index.html", job / "index.html", tmp_path / "gallery.html"):
        page = Page(path)
        assert len(page.all("script")) == 2
        assert page.all("img") == []
        assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
        assert " ".join(NASTY.split()) in page.text


def test_a_failed_run_has_a_page_without_videos(tmp_path):
    error = {"class": "NumericsError", "message": "step 7\nset setup.dtype=float32"}
    write_run_page(make_run(tmp_path / "run", state="failed", stage="denoise", error=error))
    page = Page(tmp_path / "run" / "index.html")
    assert "Failed in stage denoise. NumericsError: step 7 set setup.dtype=float32" in page.text
    assert "no video yet" in page.text
    assert page.clips()["panels"] == []


def test_an_empty_status_and_damaged_files_still_give_a_page(tmp_path):
    (tmp_path / "status.json").write_text("{}")
    (tmp_path / "metrics.json").write_text("[")
    (tmp_path / "config.yaml").write_text("a: [")
    (tmp_path / "video.mp4").write_text("no")
    write_run_page(tmp_path)
    assert "No prompt recorded" in Page(tmp_path / "index.html").text


def test_a_job_page_links_every_prompt_with_its_score(tmp_path):
    make_sweep(tmp_path, {("none", "none"): {"a cat": 10.0, "a dog": 20.0}}, pictures=True, num_frames=2)
    job = tmp_path / "00_sla-none_pwg-none"
    write_job_page(job)
    page = Page(job / "index.html")
    assert [link["href"] for link in page.all("a")] == ["00-prompt/index.html", "01-prompt/index.html"]
    assert "10.0 H_MSE a cat" in page.text
    assert len(page.clips()["panels"]) == 2
