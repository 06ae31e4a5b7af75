# Everything a person does here. `make help` lists it.
#   CONTEXT=name   use your own cluster instead of the one made on this machine
#   KEEP=1         leave the test clusters running
.DEFAULT_GOAL := help
.PHONY: help setup demo test check generate down images lock faults unit
SHELL := /bin/bash
export CONTEXT KEEP

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## .venv with the whole workspace, as locked
	@hack/setup

demo: setup ## the whole way on a real one-node cluster: dataset to trained model
	@.venv/bin/python hack/demo.py

test: setup ## check, unit, control-plane and end-to-end tests
	@hack/test

unit: setup ## the tests that need no cluster
	@.venv/bin/pytest -q -m "not cluster and not e2e and not train and not faults"

check: setup ## lint, types, import rules, generated files, chart
	@hack/check

faults: setup ## the long fault sweep: at least 1,000 runs
	@.venv/bin/python -m tests.faults --runs 1000

images: setup ## the operator's and the trainer's images, for the cluster on this machine
	@.venv/bin/python hack/images.py

generate: setup ## CRDs, their copies in the chart, the reference pages
	@hack/generate

lock: ## resolve every dependency again
	@hack/lock

down: ## stop the clusters; leave no process, mount, interface or rule behind
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m devcluster down --all; else PYTHONPATH=devcluster/src python3 -m devcluster down --all; fi
