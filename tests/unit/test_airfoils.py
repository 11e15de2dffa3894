"""The airfoil data set: the file fits its card, the physics of the fields holds, and the recipe makes it again."""

import hashlib
import importlib
import itertools
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pbdl_utils.data import DATA_SETS, load

FOLDER = Path(__file__).parents[2] / "data" / "airfoils"
HELD_OUT = {"naca4_modified", "cst"}


@pytest.fixture(scope="module")
def airfoils():
    return load("airfoils")


def import_from_recipe(*names):
    """Import scripts that lie beside the data; leave no trace, as other data sets have scripts of the same names."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    try:
        return {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(FOLDER))
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == FOLDER:
                del sys.modules[name]


@pytest.fixture(scope="module")
def recipe():
    return SimpleNamespace(**import_from_recipe("case", "generate", "mesh", "sampling", "shapes", "table"))


@pytest.fixture(scope="module")
def grid(recipe):
    return recipe.sampling.pixel_centres()


def test_there_are_enough_cases_of_each_split(airfoils):
    split = airfoils["split"]
    assert np.isin(split, ["train", "validation"]).sum() >= 400
    assert (split == "test").sum() >= 50
    assert airfoils["inputs"].shape == airfoils["targets"].shape == (len(split), 3, 128, 128)


def test_no_shape_is_in_two_splits(airfoils):
    names = {s: set(airfoils["shape"][airfoils["split"] == s]) for s in ("train", "validation", "test")}
    assert not names["train"] & names["validation"]
    assert not (names["train"] | names["validation"]) & names["test"]


def test_no_mask_is_in_two_splits(airfoils):
    """Different names could still be the same shape: compare the shapes themselves, as surface points."""
    surface = np.round(airfoils["surface"][:, :2].reshape(len(airfoils["split"]), -1), 4)
    points = {s: {row.tobytes() for row in surface[airfoils["split"] == s]} for s in ("train", "validation", "test")}
    assert not points["train"] & points["validation"]
    assert not (points["train"] | points["validation"]) & points["test"]


def test_whole_families_are_held_out(airfoils):
    seen = set(airfoils["family"][airfoils["split"] != "test"])
    assert not seen & HELD_OUT
    assert set(airfoils["family"][airfoils["split"] == "test"]) == seen | HELD_OUT


def test_ranges_are_those_of_the_card(airfoils):
    assert airfoils["reynolds"].min() >= 0.5e6 and airfoils["reynolds"].max() <= 5e6
    assert np.abs(airfoils["angle"]).max() <= 15
    assert airfoils["lift_drift"].max() <= 0.005
    assert (airfoils["drag"] > 0).all()


def test_inputs_tell_reynolds_number_angle_and_shape(airfoils):
    x, y, mask = np.moveaxis(airfoils["inputs"].astype(np.float64), 1, 0)
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert not x[mask == 1].any() and not y[mask == 1].any()
    corner = x[:, 0, 0], y[:, 0, 0]
    assert np.allclose(np.hypot(*corner) * 5e6, airfoils["reynolds"], rtol=2e-3)
    assert np.allclose(np.degrees(np.arctan2(corner[1], corner[0])), airfoils["angle"], atol=0.05)
    for i in range(len(mask)):
        assert np.unique(x[i][mask[i] == 0]).size == np.unique(y[i][mask[i] == 0]).size == 1


def test_masks_are_the_shapes(airfoils):
    area = airfoils["inputs"][:, 2].astype(np.float64).sum(axis=(1, 2)) * (2 / 128) ** 2
    x, y = airfoils["surface"][:, 0].astype(np.float64), airfoils["surface"][:, 1].astype(np.float64)
    exact = 0.5 * np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1))
    assert np.allclose(area, exact, atol=0.008)


def test_fields_vanish_inside_and_approach_the_free_stream_away_from_the_airfoil(airfoils, grid):
    targets = airfoils["targets"].astype(np.float64)
    mask = airfoils["inputs"][:, 2] == 1
    assert not np.moveaxis(targets, 1, -1)[mask].any()
    # The flow of a lifting airfoil falls off like one over the distance: at the window's corners its vortex of strength
    # lift / 2 still moves the velocity by lift / (4 pi distance), which is subtracted here.
    x, y = grid
    distance = np.hypot(x - 0.25, y)
    corner = np.zeros_like(x, dtype=bool)
    corner[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    vortex = airfoils["lift"][:, None] / (4 * np.pi * distance[corner])
    angle = np.radians(airfoils["angle"].astype(np.float64))[:, None]
    u = targets[:, 1][:, corner] - np.cos(angle) - vortex * (y / distance)[corner]
    v = targets[:, 2][:, corner] - np.sin(angle) + vortex * ((x - 0.25) / distance)[corner]
    assert np.abs(u).max() < 0.06 and np.abs(v).max() < 0.06


def test_total_pressure_is_that_of_the_free_stream_upstream(airfoils, grid):
    """Bernoulli: ahead of the airfoil, where nothing is viscous, p + u^2 / 2 is one half."""
    p, u, v = np.moveaxis(airfoils["targets"].astype(np.float64), 1, 0)
    total = (p + 0.5 * (u**2 + v**2))[:, grid[0] < -0.1]
    assert np.abs(total - 0.5).max() < 0.01


def test_stored_lift_is_the_integral_of_the_stored_surface_pressure(airfoils):
    x, y, p = np.moveaxis(airfoils["surface"].astype(np.float64), 1, 0)
    x, y, p = (np.concatenate([a, a[:, :1]], axis=1) for a in (x, y, p))
    p_edge = 0.5 * (p[:, 1:] + p[:, :-1])
    # The points run clockwise: the outward normal times the edge is (-dy, dx), and the force on the body is -p n.
    force_x, force_y = 2 * (p_edge * np.diff(y)).sum(1), -2 * (p_edge * np.diff(x)).sum(1)
    angle = np.radians(airfoils["angle"])
    lift = force_y * np.cos(angle) - force_x * np.sin(angle)
    assert np.abs(lift - airfoils["lift"]).max() < 0.005


def test_lift_grows_with_the_angle_for_each_shape(airfoils):
    """Between two angles of a shape that are more than two degrees apart, away from stall."""
    for shape in np.unique(airfoils["shape"]):
        rows = np.flatnonzero((airfoils["shape"] == shape) & (np.abs(airfoils["angle"]) < 8))
        rows = rows[np.argsort(airfoils["angle"][rows])]
        for low, high in itertools.pairwise(rows):
            step = airfoils["angle"][high] - airfoils["angle"][low]
            if step > 2:
                slope = (airfoils["lift"][high] - airfoils["lift"][low]) / np.radians(step)
                assert 3.5 < slope < 7.5, f"{shape}: lift slope {slope:.2f} per radian, thin-airfoil theory says 6.28"


def test_checksums_of_the_card_are_those_of_the_files():
    summary = json.loads((FOLDER / "summary.json").read_text())
    for name, entry in summary["files"].items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["sha256"] in (FOLDER / "README.md").read_text()
    assert summary["files"]["airfoils.npz"]["sha256"] == DATA_SETS["airfoils"].sha256
    assert summary["files"]["airfoils.npz"]["bytes"] <= 40e6
    assert "{{" not in (FOLDER / "README.md").read_text()


def test_the_card_was_made_by_its_recipe(monkeypatch):
    card = import_from_recipe("card")["card"]
    stored = {}
    monkeypatch.setattr(card, "write_atomically", lambda path, content: stored.update({path.name: content}))
    card.write()
    assert stored["README.md"] == (FOLDER / "README.md").read_bytes()


def test_published_lift_of_naca_0012_is_met():
    """At Re = 6 million: 2 % at 4 and 8 degrees, 4 % at 10 degrees; the drag is not claimed."""
    rows = {row["angle"]: row for row in json.loads((FOLDER / "verification.json").read_text())["naca0012"]["rows"]}
    for angle, published, allowed in ((4.0, 0.44, 0.02), (8.0, 0.87, 0.02), (10.0, 1.09, 0.04)):
        assert rows[angle]["medium"]["lift"] == pytest.approx(published, rel=allowed)
    assert abs(rows[0.0]["medium"]["lift"]) < 1e-3
    errors = [abs(rows[10.0][mesh]["drag"] - 0.0123) for mesh in ("coarse", "medium", "fine", "finest")]
    assert errors == sorted(errors, reverse=True), "the drag excess must shrink as the mesh is refined"


def test_mirrored_flow_mirrors_the_fields():
    symmetry = json.loads((FOLDER / "verification.json").read_text())["symmetry"]
    assert symmetry["lift"][0] == pytest.approx(-symmetry["lift"][1], abs=2e-3)
    assert symmetry["mean_field_difference"] < 1e-3


def test_the_table_is_reproducible_and_holds_every_case(recipe, airfoils):
    first, second = recipe.table.make(), recipe.table.make()
    assert first == second
    known = {(c.shape, c.reynolds, c.angle): c.split for c in first}
    for shape, reynolds, angle, split in zip(
        *(airfoils[k] for k in ("shape", "reynolds", "angle", "split")), strict=True
    ):
        assert known[str(shape), float(reynolds), float(angle)] == split


@pytest.mark.parametrize(
    ("family", "parameters", "thickness"),
    [
        ("naca4", (0.0, 0.4, 0.12), 0.11894),
        ("naca5", (30, 0.3, 0.12), 0.119),
        ("naca4_modified", (0, 0.4, 0.12, 6, 3), 0.12),
    ],
)
def test_shapes_have_their_thickness_and_a_closed_edge(recipe, family, parameters, thickness):
    curve = recipe.shapes.FAMILIES[family](*parameters)
    assert recipe.shapes.max_thickness(curve) == pytest.approx(thickness, abs=1e-3)
    assert np.allclose(curve[[0, -1]], [1, 0], atol=1e-9)


def test_zero_lift_angle_of_naca_2412_is_that_of_thin_airfoil_theory(recipe):
    curve = recipe.shapes.naca4(0.02, 0.4, 0.12)
    assert recipe.shapes.zero_lift_angle(curve) == pytest.approx(-2.07, abs=0.1)


def test_the_mesh_has_positive_cells_around_every_shape_of_the_test_split(recipe):
    for case in [c for c in recipe.table.make() if c.split == "test"][::2]:
        points = recipe.mesh.build(case.curve(), case.angle, recipe.mesh.MEDIUM).points
        a, b = points[1:, 1:] - points[:-1, :-1], points[:-1, 1:] - points[1:, :-1]
        area = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
        assert (area < 0).all() or (area > 0).all(), case.shape


def test_a_case_that_crashes_is_reported_and_kept_out(recipe, monkeypatch):
    def crash(*_, **__):
        raise recipe.case.SolverError("simpleFoam failed with return code -8")

    monkeypatch.setattr(recipe.case, "solve", crash)
    result = recipe.generate.solve_case(recipe.table.make()[0])
    assert str(result["verdict"]) == "failed: simpleFoam failed with return code -8"


def test_verdict_rejects_a_wandering_lift(recipe):
    calm = np.concatenate([np.linspace(0, 1, 100), np.ones(200)])
    wandering = 1 + 0.1 * np.sin(np.arange(recipe.case.MAX_ITERATIONS) / 20)
    assert recipe.generate.verdict(calm) == "accepted"
    assert recipe.generate.verdict(wandering).startswith("no steady state")
    assert recipe.generate.verdict(calm + 1e-3 * np.arange(300)).startswith("lift drifts")


@pytest.mark.slow
def test_three_random_cases_are_made_again(recipe, airfoils):
    """Within solver tolerance: 0.01 in lift, 0.001 in the mean and 0.02 in any point of the fields.

    The tolerance is that of the acceptance criterion; on the same processor the cases are met much more closely.
    """
    if not recipe.case.available():
        pytest.skip("OpenFOAM's simpleFoam is not installed: apt-get install openfoam")
    known = {(c.shape, c.reynolds, c.angle): c for c in recipe.table.make()}
    for row in random.Random().sample(range(len(airfoils["split"])), 3):
        case = known[str(airfoils["shape"][row]), float(airfoils["reynolds"][row]), float(airfoils["angle"][row])]
        again = recipe.generate.solve_case(case)
        assert str(again["verdict"]) == "accepted", case
        assert again["lift_history"][-1] == pytest.approx(airfoils["lift"][row], abs=0.01), case
        difference = np.abs(again["fields"] - airfoils["targets"][row].astype(np.float64))
        assert difference.mean() < 1e-3 and difference.max() < 2e-2, case
