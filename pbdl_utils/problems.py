"""Definitions of problems that several chapters share, below solvers and networks so that both can use them."""

import math

VISCOSITY = 0.01 / math.pi  # of Burgers' equation on [-1, 1], dimensionless: one value for the whole book
