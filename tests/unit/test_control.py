"""Flow control: shapes of equal mass, transport by a backward map, distances of markers, resumable training."""

import ast
import json
import math
from pathlib import Path

import pytest
import torch

from pbdl_utils.physics.control import (
    CELLS,
    HELD_OUT_SHAPES,
    MASS,
    TRAINING_SHAPES,
    MovingRectangles,
    at_rest,
    centre_of_mass,
    distances,
    draw_pairs,
    overlap,
    place,
    relative_mae,
    sample_fields,
    sliced_wasserstein,
    to_centres,
    to_faces,
)
from pbdl_utils.physics.projection import Projection

ALL = [*TRAINING_SHAPES, *HELD_OUT_SHAPES]


def centred(count: int, x: float = 32.0, y: float = 32.0) -> torch.Tensor:
    return torch.tensor([[x, y]]).repeat(count, 1)


def test_shapes_have_equal_mass_and_are_centred():
    markers = place(ALL, centred(len(ALL), 20.25, 40.5))
    assert markers.shape == (13, CELLS, CELLS)
    assert markers.sum((1, 2)).sub(MASS).abs().max() < 1e-2
    assert (centre_of_mass(markers) - torch.tensor([20.25, 40.5])).abs().max() < 0.15
    assert markers.min() >= 0
    assert markers.max() < 1.02


def test_held_out_shapes_differ_from_those_of_training():
    assert not set(TRAINING_SHAPES) & set(HELD_OUT_SHAPES)
    markers = place(ALL, centred(len(ALL)))
    difference = (markers[:, None] - markers[None]).abs().sum((2, 3)) / (2 * MASS)
    assert difference[~torch.eye(len(ALL), dtype=torch.bool)].min() > 0.03


def test_a_disc_is_a_disc():
    marker = place(["disc"], centred(1))[0]
    y, x = torch.meshgrid(*2 * [torch.arange(CELLS) + 0.5 - 32], indexing="ij")
    radius, distance = math.sqrt(MASS / math.pi), torch.hypot(x, y)
    assert marker[distance < radius - 4].sub(1).abs().max() < 1e-2
    assert marker[distance > radius + 4].abs().max() < 1e-2
    second_moment = (marker * distance**2).sum() / marker.sum()  # radius^2 / 2, plus the variance of the blur per axis
    assert second_moment == pytest.approx(radius**2 / 2 + 2 * 1.0**2, rel=0.01)


def test_wrong_names_and_places_are_refused():
    with pytest.raises(ValueError, match="unknown, expected one of disc"):
        place(["blob"], centred(1))
    with pytest.raises(ValueError, match="one centre per name"):
        place(["disc", "ring"], centred(1))
    with pytest.raises(ValueError, match="from the walls"):
        place(["disc"], centred(1, 5.0))


def test_pairs_are_reproducible_and_within_reach():
    first = draw_pairs(list(TRAINING_SHAPES), 64, reach=6.0, generator=torch.Generator().manual_seed(3))
    again = draw_pairs(list(TRAINING_SHAPES), 64, reach=6.0, generator=torch.Generator().manual_seed(3))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert distances(*first).max() < 6.5
    far = draw_pairs(list(TRAINING_SHAPES), 64, generator=torch.Generator().manual_seed(3))
    assert distances(*far).max() > 20


def test_rectangles_keep_mass_and_move_evenly():
    torch.manual_seed(0)
    rectangles = MovingRectangles(16)
    times = torch.tensor([0.0, 0.5, 1.0])
    markers = [rectangles.at(t.expand(16)) for t in times]
    assert torch.stack(markers).sum((2, 3)).sub(MASS).abs().max() < 0.05
    start, middle, end = (centre_of_mass(m) for m in markers)
    assert (middle - (start + end) / 2).abs().max() < 1e-2


def test_constant_shift_is_exact_for_linear_fields():
    y, x = torch.meshgrid(*2 * [torch.arange(CELLS, dtype=torch.float64)], indexing="ij")
    field = (2 * x - 3 * y)[None, None]
    shift = torch.tensor([0.3, -1.7], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, CELLS, CELLS)
    inner = sample_fields(field, shift)[0, 0, 2:-2, 2:-2] - field[0, 0, 2:-2, 2:-2]
    assert inner.sub(2 * 0.3 + 3 * 1.7).abs().max() < 1e-10


def test_sampling_has_the_gradient_of_finite_differences():
    torch.manual_seed(0)
    fields = torch.randn(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    shift = (0.8 * torch.rand(1, 2, 6, 6, dtype=torch.float64) + 0.1).requires_grad_()
    shift = shift.detach() * torch.ones_like(shift)
    shift[..., -2:] = -0.4  # stay away from the walls' kinks
    shift[..., -2:, :] = -0.4
    assert torch.autograd.gradcheck(sample_fields, (fields, shift.requires_grad_()))


def test_faces_and_centres():
    torch.manual_seed(0)
    vectors = torch.randn(3, 2, CELLS, CELLS, dtype=torch.float64)
    u_x, u_y = to_faces(vectors)
    for face, still in zip((u_x, u_y), at_rest(vectors[:, 0]), strict=True):
        assert face.shape == still.shape
    assert u_x[..., [0, -1]].abs().max() == 0
    assert u_y[..., [0, -1], :].abs().max() == 0
    # The two are adjoint to each other: sum of v . to_centres(u) = sum of u . to_faces(v) for u at rest on the walls.
    left = (vectors * to_centres((u_x, u_y))).sum()
    right = (u_x * to_faces(vectors)[0]).sum() + (u_y * to_faces(vectors)[1]).sum()
    assert left == pytest.approx(right.item(), rel=1e-12)
    assert u_x[0, 5, 7] == pytest.approx(vectors[0, 0, 5, 6:8].mean().item())


def turning(angle: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A vortex with a smooth edge, from a stream function; turns by about ``angle`` per step in its core."""
    y, x = torch.meshgrid(*2 * [torch.arange(CELLS + 1, dtype=torch.float64) - 32], indexing="ij")
    stream = 0.5 * angle * 22**2 * torch.exp(-(x**2 + y**2) / 22**2)
    return stream.diff(dim=0)[None], -stream.diff(dim=1)[None]


def test_a_backward_map_loses_less_than_repeated_interpolation():
    velocity = turning(0.12)
    assert Projection((CELLS, CELLS)).divergence(velocity).abs().max() < 1e-12
    marker = place(["star"], centred(1)).double()
    back = tuple(-u for u in velocity)
    displacement, plain = torch.zeros(1, 2, CELLS, CELLS, dtype=torch.float64), marker
    for u in 8 * [velocity] + 8 * [back]:
        v = to_centres(u)
        v = sample_fields(v, -0.5 * v)
        displacement = sample_fields(displacement, -v) - v
        plain = sample_fields(plain[:, None], -v)[:, 0]
    mapped = sample_fields(marker[:, None], displacement)[:, 0]
    lost = [float((m - marker).abs().sum() / (2 * MASS)) for m in (mapped, plain)]
    assert lost[0] < 0.01
    assert lost[1] > 5 * lost[0]
    assert float(mapped.sum()) == pytest.approx(MASS, rel=2e-3)


def test_start_and_target_are_never_the_same(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *shape, generator=None: torch.full(shape, 0.3))
    start, target = draw_pairs(["disc"], 2)
    assert distances(start, target) == pytest.approx([2**0.5] * 2, abs=1e-2)
    assert relative_mae(start, start, target).isfinite().all()
    start, target = draw_pairs(["disc"], 2, reach=1e-9)
    assert relative_mae(start, start, target).isfinite().all()


def test_distances_of_markers():
    start, moved = place(["L"], centred(1, 24.0, 30.0)), place(["L"], centred(1, 33.0, 30.0))
    assert distances(start, moved).item() == pytest.approx(9.0, abs=1e-3)
    assert sliced_wasserstein(start, moved).item() == pytest.approx(9 * 2 / math.pi, rel=0.01)
    assert sliced_wasserstein(start, start).item() == 0
    assert overlap(start, start).item() == 1
    assert overlap(start, place(["L"], centred(1, 48.0, 48.0))).item() == 0
    assert relative_mae(start, start, moved).item() == 1
    assert relative_mae(moved, start, moved).item() == 0
    halfway = 0.5 * (start + moved)
    assert relative_mae(halfway, start, moved).item() == pytest.approx(0.5)


def test_hourglass_counts_sees_everything_and_starts_small():
    from pbdl_utils.networks import parameter_count
    from pbdl_utils.networks.hourglass import Hourglass

    torch.manual_seed(0)
    network = Hourglass(9, 4)
    assert parameter_count(network) == 152_260
    x = torch.randn(1, 9, 16, 16, requires_grad=True)
    network(x)[0, 0, 0, 0].backward()
    assert x.grad[0, :, -1, -1].abs().max() > 0, "the answer in one corner depends on the opposite one"
    torch.manual_seed(0)
    small = Hourglass(9, 4, gain=0.01)
    assert torch.allclose(small(x), 0.01 * (network(x) - network.last.bias.view(1, -1, 1, 1)), atol=1e-6)
    with pytest.raises(ValueError, match="multiple of 4"):
        Hourglass(1, 1, size=18)
    with pytest.raises(ValueError, match=r"expected \(16, 16\)"):
        network(torch.zeros(1, 9, 32, 32))


ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks/differentiable_physics/control.ipynb"
DEFINITIONS = ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef


def is_constant(node: ast.AST) -> bool:
    names = [
        part.id for target in getattr(node, "targets", []) for part in ast.walk(target) if isinstance(part, ast.Name)
    ]
    return isinstance(node, ast.Assign) and all(name.isupper() or name in ("dt", "Map", "Losses") for name in names)


@pytest.fixture
def chapter(monkeypatch):
    """What the chapter defines (imports, functions, classes, constants), at quick scale, without what it computes."""
    monkeypatch.setenv("PBDL_SCALE", "quick")
    monkeypatch.setenv("PBDL_QUIET", "1")
    names = {"__name__": "chapter"}
    cells = [cell["source"] for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    for source in ("".join(cell) for cell in cells[1:]):
        tree = ast.parse(source)
        tree.body = [node for node in tree.body if isinstance(node, DEFINITIONS) or is_constant(node)]
        exec(compile(tree, str(NOTEBOOK), "exec"), names)
    return names


@pytest.mark.parametrize("n", [1, 2, 4, 8, 16])
def test_staggered_execution_plans_once_less_than_it_acts(chapter, n):
    kinds = [kind for kind, _, _ in chapter["NoteTaker"](n)]
    assert (kinds.count("plan"), kinds.count("act")) == (n - 1, n)


def test_second_half_is_planned_from_the_state_that_was_reached(chapter):
    calls = list(chapter["NoteTaker"](8))
    assert [time for kind, _, time in calls if kind == "act"] == list(range(8))
    assert [(n, time) for kind, n, time in calls if kind == "plan"] == [
        (8, 0), (4, 0), (2, 0), (2, 2), (4, 4), (2, 4), (2, 6),
    ]  # fmt: skip


def test_a_step_leaves_the_fluid_at_rest_where_nothing_pushes_and_obeys_newton(chapter):
    start = place(["disc"], centred(1)).double()
    run = chapter["Run"](start)
    run.execute(torch.zeros(1, 2, CELLS, CELLS, dtype=torch.float64))
    assert (run.marker - start).abs().max() < 1e-12
    y, x = torch.meshgrid(*2 * [torch.arange(CELLS + 1, dtype=torch.float64) - 32], indexing="ij")
    stream = torch.exp(-(x**2 + y**2) / 100)  # a force without divergence becomes the velocity of the first step
    force = to_centres((stream.diff(dim=0)[None], -stream.diff(dim=1)[None]))
    _, shift = chapter["step"](at_rest(start), torch.zeros_like(force), 0.1 * force)
    assert (shift + 0.1 * force).abs().max() < 0.02 * 0.1 * force.abs().max()


def test_an_interrupted_recipe_resumes_with_the_same_result(chapter, tmp_path):
    """The whole recipe in small: stopped in the middle of a joint stage, and started again."""
    stages = (2, 3, 1e-3, 0.0), (4, 1, 1e-3, 1.0)
    chapter.update(pick=lambda full, quick: full, EVERY=1, PLAN_ITERATIONS=2, ACT_ITERATIONS=1)
    chapter.update(validation=chapter["draw"](list(TRAINING_SHAPES), 2, 0))
    draw, calls = chapter["pairs"], []

    def interrupted(count, n):
        calls.append(n)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw(2, n)

    def run(folder, pairs):
        chapter.update(FOLDER=folder, pairs=pairs)
        networks, record = chapter["recipe"](3, stages=stages)
        return torch.cat([value.flatten() for value in networks.state_dict().values()]), record

    whole, record = run(None, lambda count, n: draw(2, n))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupted)
    resumed, _ = run(tmp_path, lambda count, n: draw(2, n))
    assert torch.equal(whole, resumed)
    assert [len(record[stage]) for stage in ("planner", "actor", "joint0", "joint1")] == [2, 1, 3, 1]
    assert all(record[f"validation{k}"] > 0 for k in (0, 1))


def test_pairs_are_near_enough_for_the_steps_they_have(chapter):
    reaches = []
    chapter["draw_pairs"] = lambda among, count, reach: reaches.append(reach) or ()
    chapter["pairs"](1, 16)
    chapter["pairs"](1, 4)
    assert reaches == [None, pytest.approx(10.4)]


def test_the_shipped_weights_give_the_error_of_the_ledger(chapter):
    from pbdl_utils.weights import shipped

    ledger = json.loads((ROOT / "results/differentiable_physics/control.json").read_text())
    stated = next(entry for entry in ledger["claims"] if entry["id"] == "control-error")["measured"]["trained"]
    pair, errors = chapter["draw"](list(TRAINING_SHAPES), 100, 2026), []
    for seed in range(3):
        networks = chapter["new_networks"](seed)
        shipped(f"control-{seed}", networks)
        run = chapter["judge"](networks.eval(), pair)
        errors.append(float(relative_mae(run.marker, *pair).mean()))
    assert sum(errors) / 3 == pytest.approx(stated["mean"], rel=1e-2)
