"""Make the airfoil data set: solve every case of the table with OpenFOAM, sample, select, pack.

Usage, from anywhere (OpenFOAM's simpleFoam must be installed: apt-get install openfoam):

    python data/airfoils/generate.py                  # solve what is missing, two cases at a time, then pack
    python data/airfoils/generate.py --only 12        # only the first twelve cases of the table
    python data/airfoils/generate.py --verify         # verification runs, into verification.json
    python data/airfoils/generate.py --pack           # only pack airfoils.npz, nonsteady.npz and the card README.md

Each solved case is one file in data/airfoils/.cases (not in git), so that an interrupted run resumes where it was.
"""

import argparse
import io
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import case as solver
import mesh as meshing
import numpy as np
import sampling
import table

from pbdl_utils.files import write_atomically

HERE = Path(__file__).parent
CACHE = HERE / ".cases"
# A case is accepted if simpleFoam stopped by its residual tolerances and the lift coefficient then varied by no more
# than DRIFT_STOPPED over the last 20 iterations; or if it used up its iterations, but the lift coefficient varied by no
# more than DRIFT_CAPPED over the last 400. All others have no steady solution that we could vouch for.
WINDOW_STOPPED, DRIFT_STOPPED = 20, 0.005
WINDOW_CAPPED, DRIFT_CAPPED = 400, 0.005


def verdict(lift: np.ndarray, max_iterations: int = solver.MAX_ITERATIONS) -> str:
    """Return 'accepted' or the reason of the rejection, from the history of the lift coefficient."""
    if len(lift) < max_iterations:
        steady = np.ptp(lift[-WINDOW_STOPPED:]) <= DRIFT_STOPPED
        return "accepted" if steady else "lift drifts although the residuals are small"
    steady = np.ptp(lift[-WINDOW_CAPPED:]) <= DRIFT_CAPPED
    return "accepted" if steady else "no steady state: lift still varies at the last iteration"


def solve_case(case: table.Case) -> dict[str, np.ndarray]:
    """Return everything that is kept of one case: fields, mask, surface pressure, history, numbers, verdict."""
    curve = case.curve()
    mesh = meshing.build(curve, case.angle, meshing.MEDIUM)
    inside = sampling.mask(curve)
    with tempfile.TemporaryDirectory(prefix="airfoil-") as folder:
        try:
            solution = solver.solve(mesh, Path(folder), reynolds=case.reynolds, angle=case.angle)
        except solver.SolverError as error:
            return {"verdict": np.array(f"failed: {error}"), "inside": inside}
    return {
        "verdict": np.array(verdict(solution.lift)),
        "inside": inside,
        "fields": sampling.sample(mesh, solution, inside).astype(np.float32),
        "surface": sampling.surface(mesh, solution).astype(np.float32),
        "lift_history": solution.lift.astype(np.float32),
        "drag_history": solution.drag.astype(np.float32),
        "residuals": np.array([solution.residuals[k] for k in ("p", "Ux", "Uy", "nuTilda")]),
        "seconds": np.array(solution.seconds),
    }


def path_of(case: table.Case) -> Path:
    """Return the cache file of a case; the name tells shape and condition, so that a changed table is noticed."""
    return CACHE / f"{case.shape}_re{case.reynolds:.0f}_a{case.angle:+.2f}.npz"


def solve_to_file(case: table.Case) -> tuple[table.Case, str]:
    """Solve a case and store it atomically; return it with its verdict."""
    if path_of(case).exists():
        return case, "done by another run"
    result = solve_case(case)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **result)
    write_atomically(path_of(case), buffer.getvalue())
    return case, str(result["verdict"])


def solve_all(cases: list[table.Case], workers: int) -> None:
    """Solve the cases that are not in the cache; report each one and the estimated end."""
    missing = [case for case in cases if not path_of(case).exists()]
    print(f"{len(cases) - len(missing)} of {len(cases)} cases are done, {len(missing)} to go", flush=True)
    start, rejected = time.time(), 0
    with ProcessPoolExecutor(workers) as pool:
        jobs = {pool.submit(solve_to_file, case): case for case in missing}
        for done, job in enumerate(as_completed(jobs), 1):
            case = jobs[job]
            try:
                result = job.result()[1]
            except Exception as error:  # one case must not end a run of hours
                result = f"not stored: {type(error).__name__}: {error}"
            rejected += result not in ("accepted", "done by another run")
            per_case = (time.time() - start) / done
            end = time.strftime("%H:%M", time.localtime(time.time() + per_case * (len(missing) - done)))
            print(
                f"[{done}/{len(missing)}, {rejected} rejected, {per_case:.1f} s per case, end {end}] "
                f"{path_of(case).stem}: {result}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, metavar="N", help="solve only the first N cases of the table")
    parser.add_argument("--workers", type=int, default=2, help="cases solved at the same time")
    parser.add_argument("--reverse", action="store_true", help="start at the table's end, to help another run")
    parser.add_argument("--verify", action="store_true", help="run the verification instead of the table")
    parser.add_argument("--pack", action="store_true", help="pack the cached cases and write the card, solve nothing")
    options = parser.parse_args()
    if not options.pack and not solver.available():
        raise SystemExit("simpleFoam was not found: install OpenFOAM (on Debian 'apt-get install openfoam').")
    CACHE.mkdir(exist_ok=True)
    cases = table.make()
    if options.verify:
        import verify

        verify.run()
    elif not options.pack:
        chosen = cases[: options.only]
        solve_all(chosen[::-1] if options.reverse else chosen, options.workers)
    if options.only is None:
        import pack

        pack.pack(cases)


if __name__ == "__main__":
    main()
