"""The display of a run: bars on a terminal, few plain lines elsewhere, and never an error of its own."""

import io
import logging
import os
import re
import warnings

import pytest
from rich.console import Console

import latentman.system.progress as module
from latentman.errors import RecordError
from latentman.system.log import configure_logging
from latentman.system.progress import Progress, duration, make_console


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def run_in_log(clock, steps, seconds, total):
    stream = io.StringIO()
    with Progress(make_console(stream)) as progress, progress.stage("denoise", total=total) as advance:
        for _ in range(steps):
            clock.now += seconds
            advance(1)
    return stream.getvalue().splitlines()


def test_a_log_gets_a_line_with_percent_elapsed_and_time_left(clock):
    lines = run_in_log(clock, steps=4, seconds=6, total=4)
    assert lines[0] == "denoise          25 %  1/4, 6.0 s so far, about 18 s left"
    assert lines[-1] == "denoise         done in 24 s"


def test_a_quick_stage_is_one_line_in_a_log(clock):
    assert run_in_log(clock, steps=100, seconds=0.01, total=100) == ["denoise         done in 1.0 s"]


def test_lines_of_a_log_are_seconds_and_a_tenth_apart(clock):
    lines = run_in_log(clock, steps=1000, seconds=1, total=1000)
    assert len(lines) <= 1000 / 60 + 2


def test_position_and_total_may_be_reported_instead_of_steps(clock):
    stream = io.StringIO()
    with Progress(make_console(stream)) as progress, progress.stage("render", total=1) as advance:
        clock.now += 10
        advance(2, 8)
    assert "25 %  2/8" in stream.getvalue()


def test_a_terminal_gets_a_full_bar_with_the_stage_name():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with Progress(console) as progress, progress.stage("denoise", total=20) as advance:
        for _ in range(20):
            advance(1)
        console.print("a message")
    text = stream.getvalue()
    assert "denoise" in text
    assert "100%" in text
    assert text.index("a message") < text.rindex("denoise")


def test_quiet_shows_nothing(capsys):
    with Progress(quiet=True) as progress, progress.stage("denoise", total=2) as advance:
        advance(2)
        progress.closing(["H_MSE 3"])
    assert capsys.readouterr() == ("", "")


def test_an_error_passes_through_a_stage_and_is_not_called_done():
    stream = io.StringIO()
    with (
        pytest.raises(ZeroDivisionError),
        Progress(make_console(stream)) as progress,
        progress.stage("denoise", total=2),
    ):
        raise ZeroDivisionError
    assert "done" not in stream.getvalue()


@pytest.mark.parametrize("force_terminal", [False, True])
def test_a_closed_stream_stops_nothing(force_terminal):
    stream = io.StringIO()
    console = make_console(stream)
    console._force_terminal = force_terminal
    stream.close()
    with Progress(console) as progress, configure_logging(None, progress.console):
        with progress.stage("denoise", total=2) as advance:
            logging.getLogger("latentman.test").warning("nobody hears this")
            advance(1)
        progress.closing(["the end"])


def test_a_pipe_without_a_reader_stops_nothing():
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    with Progress(make_console(stream)) as progress, progress.stage("denoise", total=2) as advance:
        advance(2)
        progress.closing(["the end"])
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_closing_lines_are_neither_wrapped_nor_read_as_markup():
    stream = io.StringIO()
    path = "video  /runs/[bold]x[/bold]/" + "long/" * 40 + "video.mp4"
    with Progress(make_console(stream)) as progress:
        progress.closing([path])
    assert stream.getvalue() == path + "\n"


def test_a_warning_shows_once_and_the_log_has_everything(tmp_path):
    stream = io.StringIO()
    logger = logging.getLogger("latentman.body")
    with configure_logging(tmp_path / "run" / "log.txt", make_console(stream)) as warned:
        logger.warning("frame %d is empty", 3)
        logger.warning("frame %d is empty", 3)
        logger.info("seventeen parts")
        logging.getLogger("another.package").warning("from elsewhere")
    assert stream.getvalue() == "warning: frame 3 is empty\n"
    assert warned == ["frame 3 is empty"]
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count("frame 3 is empty") == 2
    assert "seventeen parts" in log
    assert "from elsewhere" in log


def test_python_warnings_go_to_the_log(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with configure_logging(tmp_path / "log.txt", make_console(io.StringIO())):
            warnings.warn("deprecated thing", DeprecationWarning, stacklevel=1)
    assert "deprecated thing" in (tmp_path / "log.txt").read_text()


def test_logging_is_as_before_when_the_run_is_over(tmp_path):
    ours, root = logging.getLogger("latentman"), logging.getLogger()
    before = (ours.level, list(ours.handlers), list(root.handlers))
    with configure_logging(tmp_path / "log.txt", make_console(io.StringIO())):
        assert len(root.handlers) == len(before[2]) + 1
    assert (ours.level, list(ours.handlers), list(root.handlers)) == before


def test_a_second_run_appends_to_the_log(tmp_path):
    for text in ("first", "second"):
        with configure_logging(tmp_path / "log.txt", make_console(io.StringIO())):
            logging.getLogger("latentman").info(text)
    assert [line.rsplit(" ", 1)[1] for line in (tmp_path / "log.txt").read_text().splitlines()] == ["first", "second"]


def test_a_log_that_cannot_be_written_is_a_record_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RecordError, match=r"log\.txt"),
        configure_logging(tmp_path / "file" / "log.txt", make_console()),
    ):
        pass


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("first", "left"), [(11, 190.0), (1, 290.0)])
def test_the_time_left_of_a_stage_that_goes_on_counts_only_its_own_steps(clock, first, left):
    meter = module._Meter("denoise", 30)
    clock.now += 10
    meter.set(first, 30)  # the first report after one step of ten seconds; the steps before it were done by another run
    assert meter.left == pytest.approx(left)


@pytest.mark.parametrize("width", [40, 80])
def test_a_stage_is_one_line_in_a_narrow_terminal(width):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width)
    with Progress(console) as progress, progress.stage("correspondence", total=20) as advance:
        advance(10)
        progress._bars.refresh()
        advance(10)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    lines = [line for line in re.split(r"[\r\n]", plain) if line.strip()]
    assert all(line.startswith("correspondence") and len(line) <= width for line in lines)
    assert "50%" in plain


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with Progress(console) as progress, progress.stage("denoise", total=2) as advance:
        advance(2)
    assert not re.search(r"\x1b\[3[0-9]", stream.getvalue())
    assert "denoise" in stream.getvalue()
