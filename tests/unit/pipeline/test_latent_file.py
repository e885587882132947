"""Latents on disk: the same bytes back, and plain errors."""

import pytest
import torch

from latentman.diffusion.denoise import State
from latentman.errors import RecordError
from latentman.pipeline.latent_file import read_latents, read_state, remove_state, write_latents, write_state


def test_a_state_is_read_back_bit_for_bit(tmp_path):
    path, latents = tmp_path / "latents" / "state.safetensors", torch.randn(2, 4, 3, 3)
    assert read_state(path) is None
    write_state(path, State(7, latents))
    state = read_state(path)
    assert state.step == 7
    assert torch.equal(state.latents, latents)
    remove_state(path)
    assert not path.parent.exists()


def test_latents_that_are_not_contiguous_are_written_as_they_are(tmp_path):
    latents = torch.randn(2, 3, 4, 5).permute(0, 3, 1, 2)
    write_latents(tmp_path / "x.safetensors", latents)
    assert torch.equal(read_latents(tmp_path / "x.safetensors"), latents)


def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(RecordError, match="delete it to have it made again"):
        read_latents(path)


def test_a_disk_without_room_is_a_plain_error_and_keeps_the_old_file(tmp_path):
    code = f"""
import resource, signal, torch
from pathlib import Path
from latentman.pipeline.latent_file import read_latents, write_latents
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
