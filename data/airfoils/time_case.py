"""Print the wall time in seconds that OpenFOAM needs for one case on this machine, on one core and the data set's mesh.

Usage, from anywhere (OpenFOAM's simpleFoam must be installed): python data/airfoils/time_case.py
"""

import tempfile
from pathlib import Path

import case as solver
import mesh as meshing
import shapes


def main() -> None:
    """Solve NACA 0012 at Re = 3 million and an angle of 5 degrees once."""
    mesh = meshing.build(shapes.naca4(0, 0.4, 0.12), 5.0, meshing.MEDIUM)
    with tempfile.TemporaryDirectory(prefix="airfoil-") as folder:
        print(round(solver.solve(mesh, Path(folder), reynolds=3e6, angle=5.0).seconds, 3))


if __name__ == "__main__":
    main()
