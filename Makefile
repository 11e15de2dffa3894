# Each target does what `python3 -m tools <target>` does, for machines without make.
PYTHON ?= python3
NB ?=
NAME ?=
URL ?=

.PHONY: help book test lab full lint data bench new-chapter repository-url
help:            ; @$(PYTHON) -m tools help
book:            ; $(PYTHON) -m tools book
test:            ; $(PYTHON) -m tools test
lab:             ; $(PYTHON) -m tools lab
full:            ; $(PYTHON) -m tools full $(NB)
lint:            ; $(PYTHON) -m tools lint
data:            ; $(PYTHON) -m tools data
bench:           ; $(PYTHON) -m tools bench
new-chapter:     ; $(PYTHON) -m tools new-chapter $(NAME)
repository-url:  ; $(PYTHON) -m tools repository-url $(URL)
