"""Sweeps with small pictures, designs without any, participants with given answers, and servers of them."""

import contextlib
import itertools
import threading

from latentman.study.answers import AnswerStore, read_answers
from latentman.study.design import PUBLIC, Design, Pair, Study, write_design
from latentman.study.files import PAGES
from latentman.study.preference import preferences
from latentman.study.server import StudyServer
from latentman.system.paths import write_text
from latentman.video import write_png_frames
from tests.factories.report import draw, make_run

OURS = "sla=full pwg=full"
BASELINES = ("sla=none pwg=none", "sla=full pwg=none")
PROMPTS = ("a <b>knight</b> in armour", "a clown | in a suit")


def make_variant(root, number, sla, pwg, *, prompts=PROMPTS, seeds=(0,), num_frames=3, size=64, **fields):
    """Write one job of a sweep: a run with its frames for every prompt and seed."""
    job = root / f"{number:02d}_sla-{sla}_pwg-{pwg}"
    settings = {"swept": {"sla": sla, "pwg": pwg}, "sla": sla, "pwg": pwg, "name": "ablation", **fields}
    make_run(job, kind="job", **settings)
    for index, (prompt, seed) in enumerate(itertools.product(prompts, seeds)):
        run = make_run(job / f"{index:02d}-prompt", prompt=prompt, seed=seed, num_frames=num_frames, **settings)
        if settings.get("state", "done") == "done":
            noise = 4 if sla == "full" else 30
            write_png_frames(run / "frames", draw(num_frames, size, noise, seed=index)["video"])
    return job


def make_sweep(root, **fields):
    """Write a sweep of three variants."""
    for number, (sla, pwg) in enumerate([("none", "none"), ("full", "none"), ("full", "full")]):
        make_variant(root, number, sla, pwg, **fields)
    return root


def make_design(num_pairs=4, num_checks=2, *, may_fail=0, baselines=("plain",)):
    """Return a design without files, whose codes count up."""
    numbers = itertools.count(1)

    def code():
        return f"{next(numbers):016x}"

    studies = []
    for baseline in baselines:
        kinds = [False] * num_pairs + [True] * num_checks
        pairs = [Pair(code(), check, code(), code(), f"prompt {i}", 0) for i, check in enumerate(kinds)]
        studies.append(Study(code(), baseline, tuple(pairs)))
    return Design(code(), 7, "ours", may_fail, tuple(studies), "Which?", "/sweep")


def answer_all(store, study, wants_expected, *, seconds=2.0):
    """Let a new participant answer every pair; ``wants_expected(pair)`` says whether they choose the expected video."""
    participation = store.begin(study)
    pairs = {pair.code: pair for pair in study.pairs}
    for showing in participation.plan:
        pair = pairs[showing.pair]
        wanted = pair.expected if wants_expected(pair) else pair.other
        side = "left" if showing.left == wanted else "right"
        participation = store.answer(participation.participant, pair.code, side, seconds=seconds, plays=1)
    return participation


class People:
    """Participants of one study with given answers."""

    def __init__(self, folder, design):
        self.folder, self.design = folder, design
        write_design(folder, design)
        self.store = AnswerStore(folder, design)

    def answer(self, study=0, *, ours, checks=True):
        """Choose ours in the comparisons of which ``ours`` holds the numbers; pass the checks or fail them all."""
        chosen = self.design.studies[study]
        numbers = {pair.code: number for number, pair in enumerate(chosen.comparisons())}
        wants = lambda pair: checks if pair.is_check else numbers[pair.code] in ours  # noqa: E731
        return answer_all(self.store, chosen, wants).participant

    def results(self):
        kept = read_answers(self.folder, self.design)
        return preferences(self.design, kept.answers, kept.began)


def write_study(folder, design):
    """Write the folder of a study whose videos hold only their own code; enough for a server."""
    write_design(folder, design)
    for file in public_paths(folder, design):
        write_text(file, file.stem)
    return folder


def public_paths(folder, design):
    videos = [f"{design.videos_folder}/{video}.mp4" for video in design.videos()]
    return [folder / PUBLIC / name for name in (*PAGES, *videos)]


@contextlib.contextmanager
def serving(study, **options):
    """A server of a study folder on a free port, until the block ends."""
    server = StudyServer(study, "127.0.0.1", 0, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
        server.close()
