"""Command lines as people mistype them, and as a malicious page would have them pasted."""

from __future__ import annotations

import random

SEEN = [
    ["sampler.latent_motion.t0=800"], ["run_dir=~no-such-user/x"], ["run_dir=" + "a" * 5000], ["run_dir=" + "a/" * 2500 + "b"],
    ["seed=" + "9" * 5000], ["reference=[1,2]"], ["body.name=2"], ["-m", "--cfg", "job"], ["-sc"], ["-sc", "install=bash"],
    ["name=../../x"], ["name=/abs"], ["name=.."], ["name="], ["prompt=\udcff"], ["name=\ud800"], ["run_dir=\udcff"],
    ["fps=1e-9"], ["fps=1e400"], ["num_frames=" + "9" * 400], ["baseline={a:"], ["+exp=[table1,table1]"], ["seed=1,2", "--run"],
    ["setup.loras=[{path:~no-such-user/x}]"], ["paths.runs=~no-such-user"], ["motion.file=~no-such-user/a.bvh", "motion=recorded"],
    ["hydra.callbacks={a:{_target_:os.system}}"], ["+hydra.callbacks.a={_target_: os.system}"], ["hydra.run.dir=/tmp/x"],
    ["hydra/launcher=[a,b]"], ["hydra.launcher=null"], ["hydra=null"], ["hydra.job=null"], ["hydra.sweep=null"], ["hydra.mode=null"],
    ["hydra.sweeper.params={seed: '1,2'}"], ["hydra.sweeper=null"], ["hydra.searchpath=[pkg://os]"], ["~seed"], ["~hydra"], ["=3"], ["==="],
    ["seed=${seed}"], ["fps=${oc.env:NO_SUCH}"], ["fps=${fps}"], ["tags=${tags}"], ["prompt=${prompt}"], ["name=${now:%Y/%m}"],
    ["seed=range(1,1000000000)", "-m"], ["seed=choice()", "-m"], ["seed=shuffle(range(1,3))", "-m"], ["seed=interval(0,1)", "-m"],
    ["setup=null"], ["prompts.entries=[{text: a}]"], ["prompts.entries=3"], ["prompts.shard=1/0"], ["prompts.shard=x", "prompts.entries=[{text: a}]"],
    ["camera=null"], ["metrics.names=[human_mse,human_mse]"], ["metrics.names=null"], ["conditioner.nets=[]"], ["conditioner.nets=null"],
    ["--config-dir"], ["--config-dir="], ["--config-name", "nothing"], ["--config-name", "../x"], ["--config-path", "/nothing"],
    ["--config-path", "pkg://nothing"], ["--info", "defaults"], ["--cfg", "job", "--package", "nothing.at.all"], ["--cfg", "all", "--resolve"],
    ["companions=[{text: a, offset: [1, 2, 3]}]"], ["companions=[1]"], ["companions={}"], ["device=cuda:99999999999999999999"],
    ["threads=0"], ["threads=" + "9" * 30], ["num_inference_steps=-1"], ["overwrite=2"], ["run_dir="], ["sweep_dir=", "-m"],
]  # fmt: skip
"""Lines that once ended in a traceback, and their neighbours."""

KEYS = [
    "seed", "fps", "num_frames", "num_inference_steps", "name", "prompt", "run_dir", "sweep_dir", "tags", "baseline", "threads",
    "device", "overwrite", "motion", "motion.text", "motion.file", "motion.action", "motion.trajectory", "motion.fps", "body",
    "body.name", "body.model", "body.shape", "sampler", "sampler.name", "sampler.latent_motion", "sampler.latent_motion.t0",
    "sampler.anchor", "sampler.layers", "sla", "sla.start", "pwg", "pwg.size", "pwg.delta", "reference", "reference.name", "noise",
    "background", "conditioner", "conditioner.nets", "setup", "setup.model", "setup.loras", "setup.steps", "setup.ip_adapter.image",
    "setup.image_size", "camera.orbit", "camera.shift", "text.suffix", "metrics", "metrics.names", "logger", "logger.backends",
    "paths.runs", "paths.weights", "companions", "prompts", "prompts.entries", "prompts.shard", "fidelity", "method", "correspondence",
    "solver", "iuv", "renderer", "hydra.mode", "hydra.verbose", "hydra/launcher", "hydra/sweeper", "hydra.sweeper.params",
    "hydra.job.name", "hydra.launcher._target_", "exp", "+exp", "+variant", "+new", "++seed", "~seed", "setup.nothing", "sed", "",
]  # fmt: skip

VALUES = [
    "", "0", "1", "-1", "3", "1e-9", "1e400", "-inf", "nan", "null", "true", "???", "x", "mini", "[1,2]", "[]", "{}", "{a: 1}",
    "{a: {b: [1,2]}}", "1,2", "a,b,c", "range(1,3)", "choice(1,2)", "glob(*)", "'a b'", '"', "'", "\\", "$", "${", "${seed}",
    "${oc.env:HOME}", "${nothing}", "..", "../../x", "/abs", "~", "~no-such-user/x", "a/b", "\udcff", "\ud800", "\u202e", "\x1b[31m",
    "é", "动", "a" * 300, "a" * 5000, "9" * 5000, "[" * 200, "{" * 200, "(", ")", "=", "a=b", ":", "a:b", "#", "%", "1_000", "0x10",
    "1.5", "1.", ".5", "None", "sort(1,2)", "int(x)", "float(3)", "[a,[b,[c]]]", "{_target_: os.system}", "asset:mini-sd", "\n", "\t", " ",
]  # fmt: skip

FLAGS = [
    "-m", "--multirun", "-r", "--run", "--cfg", "job", "hydra", "all", "--resolve", "--package", "-p", "--info", "-i", "searchpath",
    "--config-name", "config", "--config-dir", "--config-dir=.", "--version", "--help", "-h", "--seed", "--seed=3", "-x", "--",
    "-", "--cfg=job", "--cfg=x", "--info=plugins", "--hydra-help", "--shell-completion", "-sc", "--config-path", "word", "a b",
]  # fmt: skip


def command_line(seed: int) -> list[str]:
    """Return the arguments of one command line: a seen one, or one made of the parts above."""
    if seed < len(SEEN):
        return SEEN[seed]
    rng = random.Random(seed)
    line = []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        kind = rng.random()
        if kind < 0.75:
            line.append(f"{rng.choice(KEYS)}={_value(rng)}")
        elif kind < 0.93:
            line.append(rng.choice(FLAGS))
        else:
            line.append(_value(rng))
    return line


def _value(rng: random.Random) -> str:
    value = rng.choice(VALUES)
    if rng.random() < 0.2:
        place = rng.randrange(len(value) + 1)
        value = value[:place] + rng.choice(VALUES) + value[place:]
    return value
