"""Helpers shared by the notebooks of the book; what a chapter teaches stands in the chapter itself."""
