"""Trackers for tests: one that remembers what it receives, and one that raises where it is asked to."""

from typing import ClassVar


class Recorder:
    """Remembers every call, in order."""

    opened: ClassVar[list["Recorder"]] = []

    def __init__(self, cfg=None, run=None):
        self.run, self.calls, self.place = run, [], "nowhere"
        Recorder.opened.append(self)

    def log_config(self, config):
        self.calls.append(("config", dict(config)))

    def log_metrics(self, metrics, step=None):
        self.calls.append(("metrics", dict(metrics), step))

    def log_table(self, name, columns, rows):
        self.calls.append(("table", name, list(columns), [list(row) for row in rows]))

    def log_video(self, name, path, caption):
        self.calls.append(("video", name, path, caption))

    def log_file(self, name, path):
        self.calls.append(("file", name, path))

    def finish(self, status):
        self.calls.append(("finish", status))

    def of(self, kind):
        return [call[1:] for call in self.calls if call[0] == kind]


class Broken(Recorder):
    """Raises in the methods named by ``where``, or when it is opened."""

    where: tuple[str, ...] = ()

    def __init__(self, cfg=None, run=None):
        if "init" in self.where:
            raise ConnectionError("no route\nto host")
        super().__init__(cfg, run)

    def __getattribute__(self, name):
        if name in object.__getattribute__(self, "where"):
            raise RuntimeError(f"{name} is broken")
        return object.__getattribute__(self, name)


def broken(*where):
    return type("BrokenHere", (Broken,), {"where": where})
