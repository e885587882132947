"""Maps between frames and grids against loops over cells."""

import numpy as np
import pytest
import torch

from latentman.diffusion.token_maps import (
    NOT_SEEN,
    TokenMaps,
    cell_links,
    cells_per_token,
    cells_to_tokens,
    composed,
    inverted,
)
from latentman.errors import ShapeError
from tests.factories.tiny_model import FRAMES, GRID, moving_box, random_map


def literal_steps(correspondence, frame, other, cell):
    """Follow one cell from frame to frame through the matches."""
    size = correspondence.size
    links = [
        {tuple(q): tuple(s) for q, s in zip(target.tolist(), source.tolist(), strict=True)}
        for target, source in correspondence.pairs
    ]
    back = [{s: q for q, s in link.items()} for link in links]
    place = divmod(cell, size)
    if frame == other:
        return cell
    if correspondence.reference == "first":
        for link in ([links[frame]] if frame else []) + ([back[other]] if other else []):
            place = link.get(place) if place is not None else None
    else:
        while frame != other and place is not None:
            if frame > other:
                place, frame = links[frame].get(place), frame - 1
            else:
                place, frame = back[frame + 1].get(place), frame + 1
    return NOT_SEEN if place is None else place[0] * size + place[1]


@pytest.mark.parametrize("reference", ["prev", "first"])
@pytest.mark.parametrize(("frame", "other"), [(1, 0), (3, 1), (0, 2), (1, 3), (2, 2)])
def test_a_map_between_frames_follows_the_matches_cell_by_cell(reference, frame, other):
    matches = random_map(GRID, reference=reference)
    found = TokenMaps(matches).between(frame, other)
    assert found.tolist() == [literal_steps(matches, frame, other, cell) for cell in range(GRID**2)]
    assert (found != NOT_SEEN).sum() > GRID // 4


def test_composing_with_the_inverse_gives_the_cells_themselves():
    links = cell_links(random_map(8), None)[2]
    there_and_back = composed(links, inverted(links))
    assert np.array_equal(there_and_back[links != NOT_SEEN], np.flatnonzero(links != NOT_SEEN))


@pytest.mark.parametrize("reference", ["prev", "first"])
def test_a_still_background_is_linked_to_itself_away_from_both_figures(reference):
    matches, figures = random_map(GRID, reference=reference), moving_box(FRAMES)
    links, plain = cell_links(matches, figures), cell_links(matches, None)
    assert np.array_equal(links[plain != NOT_SEEN], plain[plain != NOT_SEEN])
    for i in range(1, FRAMES):
        both = (figures[i] | figures[matches.source_frame(i)]).numpy()
        for cell in np.flatnonzero((plain[i] == NOT_SEEN) & (links[i] != NOT_SEEN)):
            row, col = divmod(int(cell), GRID)
            assert links[i, cell] == cell
            assert not both[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2].any()
        kept = links[i][links[i] != NOT_SEEN]
        assert len(set(kept.tolist())) == len(kept), "links stay injective"
    assert (links != plain).sum() > GRID * GRID // 2


def test_a_moving_camera_gives_the_background_no_links():
    moving = TokenMaps(random_map(GRID), moving_box(FRAMES), still=False)
    assert np.array_equal(moving.between(1, 0), cell_links(random_map(GRID), None)[1])


@pytest.mark.parametrize(("size", "tokens", "factor"), [(16, 256, 1), (16, 64, 2), (16, 16, 4), (9, 25, 2), (9, 9, 4)])
def test_the_factor_of_a_layer_counts_halvings_that_round_up(size, tokens, factor):
    assert cells_per_token(size, tokens) == factor


def test_tokens_of_another_model_are_refused():
    with pytest.raises(ShapeError, match="60 tokens does not belong to latents of 16x16"):
        cells_per_token(16, 60)


@pytest.mark.parametrize(("size", "tokens"), [(8, 64), (8, 16), (9, 25)])
def test_tokens_lead_to_the_mean_of_their_cells(size, tokens):
    rng, factor, side = np.random.default_rng(2), cells_per_token(size, tokens), round(tokens**0.5)
    cells = np.where(rng.random(size * size) < 0.6, rng.permutation(size * size), NOT_SEEN)
    expected = []
    for token in range(tokens):
        own = [
            cells[row * size + col]
            for row in range(size)
            for col in range(size)
            if (row // factor) * side + col // factor == token
        ]
        seen = [divmod(int(cell), size) for cell in own if cell != NOT_SEEN]
        if 2 * len(seen) < len(own):
            expected.append(NOT_SEEN)
            continue
        row, col = (sum(x[axis] + 0.5 for x in seen) / len(seen) for axis in (0, 1))
        expected.append(int(row // factor) * side + int(col // factor))
    assert cells_to_tokens(cells, size, tokens).tolist() == expected


def test_the_identity_stays_the_identity_on_every_grid():
    for tokens in (256, 64, 16, 4):
        assert cells_to_tokens(np.arange(256), 16, tokens).tolist() == list(range(tokens))


def test_the_surface_is_read_in_the_middle_of_a_token_and_coarsens_with_it():
    iuv = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    iuv[..., 0] %= 3
    maps = TokenMaps(random_map(16, frames=2), iuv=iuv)
    for factor, side in ((1, 16), (2, 8), (4, 4)):
        across = 16 // factor
        found = maps.surface(across**2, 16).reshape(2, across, across)
        for frame, row, col in np.ndindex(found.shape):
            middle = (2 * (x * factor + factor // 2) + 1 for x in (row, col))
            part, u, v = (int(x) for x in iuv[frame, next(middle), next(middle)])
            texel = (part * side + u * side // 256) * side + v * side // 256
            assert found[frame, row, col] == (texel if part else NOT_SEEN)


def test_tokens_are_given_once_for_a_device():
    maps = TokenMaps(random_map(16))
    index, seen = maps.tokens(1, 0, 64, torch.device("cpu"))
    assert maps.tokens(1, 0, 64, torch.device("cpu"))[0] is index
    assert (index[~seen] == 0).all()
