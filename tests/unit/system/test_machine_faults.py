"""A full disk or a full memory is a message; a defect of ours stays one."""

import errno
import os

import pytest
import torch

from latentman.errors import DeviceMemoryError, LatentManError, RecordError, ShapeError
from latentman.system.machine_faults import ADVICE, is_cpu_memory_full, machine_faults_told, told


def fail(code, name="/runs/a/frames"):
    raise OSError(code, os.strerror(code), name)


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_what_no_program_can_rule_out_is_reported_with_its_file_and_advice(code):
    with (
        pytest.raises(RecordError, match=r"the run stopped: .*/runs/a/frames") as caught,
        machine_faults_told("the run stopped"),
    ):
        fail(code)
    assert ADVICE[code] in str(caught.value)


def test_a_defect_stays_as_it_is():
    for code in (errno.ENOENT, errno.EBADF, errno.EINVAL):
        with pytest.raises(OSError, match=os.strerror(code)) as caught, machine_faults_told("x"):
            fail(code)
        assert not isinstance(caught.value, LatentManError)
    with pytest.raises(RuntimeError, match="shapes"), machine_faults_told("x"):
        raise RuntimeError("shapes differ")


def test_a_message_is_not_wrapped_again():
    with pytest.raises(ShapeError, match=r"^a$"), machine_faults_told("x"):
        raise ShapeError("a")


def test_any_error_of_a_file_is_told_where_a_block_expects_it():
    message = r"x cannot be read: Is a directory \(/runs/a/frames\); choose another"
    with pytest.raises(RecordError, match=message), told("x cannot be read", "choose another"):
        fail(errno.EISDIR)


def test_torchs_own_error_of_a_full_memory_is_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_cpu_memory_full(caught.value)
    assert is_cpu_memory_full(MemoryError())
    assert not is_cpu_memory_full(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with (
        pytest.raises(DeviceMemoryError, match=r"this machine's memory is full; .*num_frames"),
        machine_faults_told("x"),
    ):
        torch.empty(1 << 60)
