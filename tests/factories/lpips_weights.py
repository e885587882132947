"""Random LPIPS weights of the official shapes, in files with the official names and format."""

import torch

from latentman.metrics.lpips import LINEAR, TRUNK

LAYERS = (
    ("features.0", 3, 64, 11), ("features.3", 64, 192, 5), ("features.6", 192, 384, 3), ("features.8", 384, 256, 3),
    ("features.10", 256, 256, 3),
)  # fmt: skip


def write_lpips(folder, seed=0):
    """Write both files and return what they hold: the trunk's tensors, and the rows."""
    generator = torch.Generator().manual_seed(seed)
    trunk, rows = {}, {}
    for index, (name, inputs, outputs, kernel) in enumerate(LAYERS):
        scale = (2 / (inputs * kernel**2)) ** 0.5
        trunk[f"{name}.weight"] = scale * torch.randn(outputs, inputs, kernel, kernel, generator=generator)
        trunk[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=generator)
        rows[f"lin{index}.model.1.weight"] = torch.rand(1, outputs, 1, 1, generator=generator)
    # The official file also holds the classifier, which LPIPS does not use.
    torch.save({**trunk, "classifier.6.bias": torch.zeros(1000)}, folder / f"{TRUNK}.pth")
    torch.save(rows, folder / f"{LINEAR}.pth")
    return trunk, rows
