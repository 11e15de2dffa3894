"""The tasks of the house: ``python3 -m tools <task>`` does what ``make <task>`` does."""
