"""Latents on disk: the same bytes back, and plain errors."""

import pytest
import torch

from latentman.diffusion.denoise import State
from latentman.errors import RecordError
from latentman.pipeline.latent_file import _write, read_latents, read_state, remove_state, write_latents, write_state


def test_a_state_is_read_back_bit_for_bit(tmp_path):
    path, latents = tmp_path / "latents" / "state.safetensors", torch.randn(2, 4, 3, 3)
    assert read_state(path) is None
    write_state(path, State(7, latents))
    state = read_state(path)
    assert state.step == 7
    assert torch.equal(state.latents, latents)
    remove_state(path)
    assert not path.parent.exists()


def test_the_history_of_a_solver_is_read_back_and_is_part_of_the_checksum(tmp_path):
    path, latents = tmp_path / "latents" / "state.safetensors", torch.randn(2, 4, 3, 3)
    history = (torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3))
    write_state(path, State(7, latents, history))
    state = read_state(path)
    assert torch.equal(torch.stack(state.history), torch.stack(history))
    checksum = "0" * 64
    _write(path, latents, {"step": "7", "sha256": checksum}, history)
    assert read_state(path) is None
    _write(path, latents, {}, (torch.randn(2, 4, 3, 2),))
    assert read_state(path) is None


def test_latents_that_are_not_contiguous_are_written_as_they_are(tmp_path):
    latents = torch.randn(2, 3, 4, 5).permute(0, 3, 1, 2)
    write_latents(tmp_path / "x.safetensors", latents)
    assert torch.equal(read_latents(tmp_path / "x.safetensors"), latents)


def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(RecordError, match="delete it to have it made again"):
        read_latents(path)


@pytest.mark.parametrize("place", [0.0, 0.02, 0.05, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("how", ["flipped", "cut"])
def test_a_damaged_state_is_not_used_and_said_so_once(tmp_path, caplog, place, how):
    path = tmp_path / "latents" / "state.safetensors"
    write_state(path, State(7, torch.randn(2, 4, 8, 8)))
    data = bytearray(path.read_bytes())
    where = int(place * len(data))
    data[where] ^= 4
    path.write_bytes(data if how == "flipped" else data[:where])
    assert read_state(path) is None
    (record,) = caplog.records
    assert "damaged: denoising starts again" in record.getMessage()


def test_the_state_of_another_step_or_without_a_checksum_is_not_used(tmp_path):
    path, latents = tmp_path / "latents" / "state.safetensors", torch.randn(1, 4, 3, 3)
    write_state(path, State(7, latents))
    path.write_bytes(path.read_bytes().replace(b'"step":"7"', b'"step":"6"'))
    assert read_state(path) is None
    _write(path, latents, {"step": "7"})
    assert read_state(path) is None


@pytest.mark.slow
def test_a_disk_without_room_is_a_plain_error_and_keeps_the_old_file(tmp_path):
    code = f"""
import resource, signal, torch
from pathlib import Path
from latentman.pipeline.latent_file import _write, read_latents, write_latents
from latentman.errors import RecordError
path = Path({str(tmp_path / "x.safetensors")!r})
write_latents(path, torch.ones(1, 4, 8, 8))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_latents(path, torch.zeros(8, 4, 64, 64))
except RecordError as error:
    assert "cannot write" in str(error)
else:
    raise SystemExit("no error")
assert read_latents(path).sum() == 256
"""
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]
