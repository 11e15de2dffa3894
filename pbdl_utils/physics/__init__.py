"""Solvers and exact solutions, each verified in ``tests/unit``."""
