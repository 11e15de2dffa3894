"""One OpenFOAM case: write it, run simpleFoam on it, read fields, forces and residuals back.

Steady incompressible RANS with the Spalart-Allmaras model (Spalart & Allmaras, AIAA 92-0439, 1992), SIMPLEC pressure
coupling, second-order linear-upwind convection, wall functions. Units: chord 1, free-stream speed 1, viscosity 1 / Re;
the pressure is kinematic (divided by the density) and zero far away.
"""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import mesh as meshing
import numpy as np
from numpy.typing import NDArray

FOAM = Path(os.environ.get("WM_PROJECT_DIR", "/usr/share/openfoam"))  # where Debian's package puts etc/
FREE_STREAM_NU_TILDA = 5.0  # times the viscosity: fully turbulent, as recommended for this model (3 to 5)
TOLERANCES = {"p": 5e-6, "U": 2e-6, "nuTilda": 1e-3}  # initial residuals at which simpleFoam stops
MAX_ITERATIONS = 1000
WALL_FUNCTIONS = "nutUSpaldingWallFunction"

FIELDS = {
    "p": ("volScalarField", "[0 2 -2 0 0 0 0]", "zeroGradient;"),
    "U": ("volVectorField", "[0 1 -1 0 0 0 0]", "noSlip;"),
    "nut": ("volScalarField", "[0 2 -1 0 0 0 0]", "{wall}; value uniform 0;"),
    "nuTilda": ("volScalarField", "[0 2 -1 0 0 0 0]", "fixedValue; value uniform 0;"),
}
FAR_FIELD = {
    "p": "freestreamPressure; freestreamValue uniform 0;",
    "U": "freestreamVelocity; freestreamValue uniform {value};",
    "nut": "calculated; value uniform {value};",
    "nuTilda": "freestream; freestreamValue uniform {value};",
}
SCHEMES = """
ddtSchemes { default steadyState; }
gradSchemes { default Gauss linear; grad(p) Gauss pointLinear; }
divSchemes
{
    default none;
    div(phi,U) bounded Gauss linearUpwind grad(U);
    div(phi,nuTilda) bounded Gauss limitedLinear 1;
    div((nuEff*dev2(T(grad(U))))) Gauss linear;
}
laplacianSchemes { default Gauss linear corrected; }
interpolationSchemes { default linear; }
snGradSchemes { default corrected; }
wallDist { method meshWave; }
"""
SOLUTION = """
solvers
{
    p { solver GAMG; smoother GaussSeidel; tolerance 1e-9; relTol 0.1; }
    "(U|nuTilda)" { solver smoothSolver; smoother symGaussSeidel; tolerance 1e-11; relTol 0.1; }
}
SIMPLE
{
    consistent yes;
    nNonOrthogonalCorrectors 0;
    residualControl { %s }
}
relaxationFactors
{
    fields { p 1; }
    equations { U 0.9; nuTilda 0.7; }
}
"""
CONTROL = """
application simpleFoam;
startFrom latestTime; startTime 0; stopAt endTime; endTime {iterations}; deltaT 1;
writeControl timeStep; writeInterval {iterations}; purgeWrite 1;
writeFormat ascii; writePrecision 9; writeCompression off; timeFormat general; runTimeModifiable false;
functions
{{
    forces
    {{
        type forceCoeffs; libs ("libforces.so"); writeControl timeStep; writeInterval 1; log no;
        patches (airfoil); rho rhoInf; rhoInf 1; magUInf 1; lRef 1; Aref {depth}; CofR (0.25 0 0); pitchAxis (0 0 1);
        dragDir ({x:.12g} {y:.12g} 0); liftDir ({lift_x:.12g} {x:.12g} 0);
    }}
    {extra}
}}
"""
Y_PLUS = 'yPlus { type yPlus; libs ("libfieldFunctionObjects.so"); writeControl writeTime; log no; }'
VISCOUS = """
viscous
{ type forces; libs ("libforces.so"); writeControl timeStep; writeInterval 1; log no;
  patches (airfoil); rho rhoInf; rhoInf 1; CofR (0.25 0 0); }
"""


class SolverError(RuntimeError):
    """The solver crashed, ran out of time or gave values that are not finite."""


@dataclass
class Solution:
    """Result of one run; arrays over cells are (nx, ny) in the order of the C-mesh."""

    velocity: NDArray[np.float64]  # (nx, ny, 2)
    pressure: NDArray[np.float64]  # (nx, ny)
    lift: NDArray[np.float64]  # (iterations,) history of the lift coefficient
    drag: NDArray[np.float64]  # (iterations,)
    residuals: dict[str, float]  # last initial residual of each equation
    seconds: float
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def iterations(self) -> int:
        return len(self.lift)


def available() -> bool:
    """Return whether simpleFoam can be called."""
    return shutil.which("simpleFoam") is not None and FOAM.is_dir()


def solve(
    mesh: meshing.Mesh,
    folder: Path,
    *,
    reynolds: float,
    angle: float,
    max_iterations: int = MAX_ITERATIONS,
    tolerances: dict[str, float] | None = None,
    time_limit: float = 600,
    details: bool = False,
    wall: str = WALL_FUNCTIONS,
) -> Solution:
    """Solve the flow in an empty folder; ``details`` adds y+ and the friction part of the drag to ``extra``.

    Raises:
        SolverError: if simpleFoam fails, exceeds ``time_limit`` seconds or returns values that are not finite.
    """
    number = meshing.write(mesh, folder)
    _write_case(folder, reynolds, angle, max_iterations, tolerances or TOLERANCES, details, wall)
    log = folder / "log.simpleFoam"
    start = time.perf_counter()
    environment = os.environ | {"WM_PROJECT_DIR": str(FOAM), "FOAM_SIGFPE": "true"}
    with log.open("w") as stream:
        try:
            run = subprocess.run(
                ["simpleFoam"], cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT, timeout=time_limit
            )
        except subprocess.TimeoutExpired:
            raise SolverError(f"simpleFoam took more than {time_limit:.0f} s") from None
    seconds = time.perf_counter() - start
    if run.returncode != 0:
        raise SolverError(f"simpleFoam failed with return code {run.returncode}")
    history = np.loadtxt(next(folder.glob("postProcessing/forces/*/coefficient.dat")), ndmin=2)
    names = _columns(next(folder.glob("postProcessing/forces/*/coefficient.dat")))
    last = max((p for p in folder.iterdir() if p.name.isdigit() and p.name != "0"), key=lambda p: int(p.name))
    solution = Solution(
        velocity=_read(last / "U")[number][..., :2],
        pressure=_read(last / "p")[number][..., 0],
        lift=history[:, names.index("Cl")],
        drag=history[:, names.index("Cd")],
        residuals=_residuals(log.read_text()),
        seconds=seconds,
    )
    if not all(np.isfinite(a).all() for a in (solution.velocity, solution.pressure, solution.lift)):
        raise SolverError("the solution holds values that are not finite")
    if details:
        solution.extra = _details(folder, angle)
    return solution


def _write_case(folder, reynolds, angle, max_iterations, tolerances, details, wall) -> None:
    x, y = meshing.free_stream(angle)
    viscosity = 1 / reynolds
    nu_tilda = FREE_STREAM_NU_TILDA * viscosity
    ratio = FREE_STREAM_NU_TILDA
    initial = {
        "p": "0",
        "U": f"({x:.12g} {y:.12g} 0)",
        "nut": f"{nu_tilda * ratio**3 / (ratio**3 + 7.1**3):.9g}",
        "nuTilda": f"{nu_tilda:.9g}",
    }
    for name, (kind, dimensions, airfoil) in FIELDS.items():
        far = FAR_FIELD[name].format(value=initial[name])
        _write(
            folder / "0" / name,
            kind,
            f"dimensions {dimensions};\ninternalField uniform {initial[name]};\nboundaryField\n{{\n"
            f"    airfoil {{ type {airfoil.format(wall=wall)} }}\n    farfield {{ type {far} }}\n"
            "    frontAndBack { type empty; }\n}\n",
        )
    control = " ".join(f"{name} {value};" for name, value in tolerances.items())
    _write(folder / "system" / "fvSolution", "dictionary", SOLUTION % control)
    _write(folder / "system" / "fvSchemes", "dictionary", SCHEMES)
    extra = Y_PLUS + VISCOUS if details else ""
    content = CONTROL.format(iterations=max_iterations, x=x, y=y, lift_x=-y, depth=meshing.DEPTH, extra=extra)
    _write(folder / "system" / "controlDict", "dictionary", content)
    _write(
        folder / "constant" / "transportProperties",
        "dictionary",
        f"transportModel Newtonian;\nnu [0 2 -1 0 0 0 0] {viscosity:.9g};\n",
    )
    model = "simulationType RAS;\nRAS { RASModel SpalartAllmaras; turbulence on; printCoeffs off; }\n"
    _write(folder / "constant" / "turbulenceProperties", "dictionary", model)


def _write(path: Path, kind: str, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = f"FoamFile {{ version 2.0; format ascii; class {kind}; object {path.name}; }}\n"
    path.write_text(header + content)


def _read(path: Path) -> NDArray[np.float64]:
    """Return the internal field of an ASCII volume field as (cells, components)."""
    text = path.read_text()
    body = text[text.index("nonuniform") :]
    start = body.index("(") + 1
    values = body[start : body.index("\n)", start)].replace("(", " ").replace(")", " ")
    count = int(re.search(r"\n(\d+)\s*\n\(", body).group(1))
    return np.array(values.split(), dtype=np.float64).reshape(count, -1)


def _columns(path: Path) -> list[str]:
    header = [line for line in path.read_text().splitlines()[:20] if line.startswith("#")][-1]
    return header.lstrip("# ").split()


def _residuals(log: str) -> dict[str, float]:
    last = log[log.rindex("\nTime = ") if "\nTime = " in log else 0 :]
    found = re.findall(r"Solving for (\w+), Initial residual = ([\d.e+-]+)", last)
    return {name: float(value) for name, value in found}


def _details(folder: Path, angle: float) -> dict[str, float]:
    line = next(folder.glob("postProcessing/yPlus/*/yPlus.dat")).read_text().splitlines()[-1].split()
    force = next(folder.glob("postProcessing/viscous/*/force.dat")).read_text().splitlines()[-1]
    values = [float(v) for v in re.sub(r"[()]", " ", force).split()]
    x, y = meshing.free_stream(angle)
    friction = 2 * (values[7] * x + values[8] * y) / meshing.DEPTH
    return {"y_plus_mean": float(line[-1]), "y_plus_max": float(line[-2]), "friction_drag": friction}
